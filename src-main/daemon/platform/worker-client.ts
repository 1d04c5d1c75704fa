/**
 * A worker thread behind typed calls: started at the first one, started again after it died. The worker's
 * side is {@link file://./worker-server.ts}.
 */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { errorMessage } from '../../../shared/errors.ts';

/** The calls a worker takes; arguments and answers are structured-cloned. */
export type WorkerCalls<Calls> = {
  [Name in keyof Calls]: (...args: never[]) => unknown;
};

export interface ToWorker {
  readonly id: number;
  readonly name: string;
  readonly args: readonly unknown[];
}

export interface FromWorker {
  readonly id: number;
  readonly value?: unknown;
  readonly error?: { readonly message: string; readonly code: string };
}

/** What a worker threw; `code` is the errno name when there is one. */
class WorkerError extends Error {
  readonly code: string;

  constructor(message: string, code: string) {
    super(message);
    this.name = 'WorkerError';
    this.code = code;
  }
}

export class WorkerClient<Calls extends WorkerCalls<Calls>> implements AsyncDisposable {
  readonly #file: string;
  readonly #beside: string;
  readonly #waiting = new Map<number, PromiseWithResolvers<unknown>>();
  readonly #onLost: ((error: Error) => void) | undefined;
  #worker: Worker | undefined;
  #nextId = 1;

  /**
   * `file`: the worker's module, without its extension, in the directory of the module whose address is
   * `beside`. `onLost`: it died unasked.
   */
  constructor(file: string, beside: string, onLost?: (error: Error) => void) {
    this.#file = file;
    this.#beside = beside;
    this.#onLost = onLost;
  }

  get isRunning(): boolean {
    return this.#worker !== undefined;
  }

  /** Throws WorkerError with what the worker threw. */
  call<Name extends keyof Calls & string>(
    name: Name,
    ...args: Parameters<Calls[Name]>
  ): Promise<Awaited<ReturnType<Calls[Name]>>> {
    this.#worker ??= this.#start();
    const id = this.#nextId++;
    const waiting = Promise.withResolvers<unknown>();
    this.#waiting.set(id, waiting);
    this.#worker.postMessage({ id, name, args } satisfies ToWorker);
    return waiting.promise as Promise<Awaited<ReturnType<Calls[Name]>>>;
  }

  #start(): Worker {
    const url = new URL(`./${this.#file}${extname(this.#beside)}`, this.#beside);
    // Some of its descriptors come from libc, which Node's bookkeeping does not know.
    const worker = new Worker(url, { trackUnmanagedFds: false });
    worker.unref();
    worker.on('message', (answer: FromWorker) => this.#settle(answer));
    worker.on('error', (error) => this.#lose(worker, new Error(errorMessage(error))));
    worker.on('exit', (code) => this.#lose(worker, new Error(`worker ended with code ${code}`)));
    return worker;
  }

  #settle({ id, value, error }: FromWorker): void {
    const waiting = this.#waiting.get(id);
    this.#waiting.delete(id);
    if (error) waiting?.reject(new WorkerError(error.message, error.code));
    else waiting?.resolve(value);
  }

  #lose(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    const lost = new WorkerError(`${this.#file} died: ${error.message}`, '');
    for (const waiting of this.#waiting.values()) waiting.reject(lost);
    this.#waiting.clear();
    this.#onLost?.(lost);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const worker = this.#worker;
    this.#worker = undefined;
    await worker?.terminate();
  }
}
