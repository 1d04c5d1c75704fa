/** The link worker, seen from the main thread. */
import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { internal } from '../../../shared/errors.ts';
import type { FromLinkWorker, LinkRequest, ToLinkWorker } from './link-messages.ts';

export class LinkClient {
  readonly #worker: Worker;
  readonly #waiting = new Map<number, PromiseWithResolvers<void>>();
  #nextId = 1;

  constructor() {
    this.#worker = new Worker(
      new URL(`./link-worker${extname(import.meta.url)}`, import.meta.url),
      {
        // Its descriptors come from libc, which Node's bookkeeping does not know.
        trackUnmanagedFds: false,
      },
    );
    this.#worker.unref();
    this.#worker.on('message', (answer: FromLinkWorker) => this.#onAnswer(answer));
    this.#worker.on('error', (error) => this.#onLost(error));
  }

  /** Throws internal with the kernel's reason; `details.errno` names it. */
  run(request: LinkRequest): Promise<void> {
    const id = this.#nextId++;
    const waiting = Promise.withResolvers<void>();
    this.#waiting.set(id, waiting);
    this.#worker.postMessage({ id, request } satisfies ToLinkWorker);
    return waiting.promise;
  }

  #onAnswer(answer: FromLinkWorker): void {
    const waiting = this.#waiting.get(answer.id);
    this.#waiting.delete(answer.id);
    if (answer.error === undefined) waiting?.resolve();
    else waiting?.reject(internal(answer.error, { details: { errno: answer.code ?? '' } }));
  }

  #onLost(error: unknown): void {
    for (const waiting of this.#waiting.values())
      waiting.reject(internal('network worker died', { cause: error }));
    this.#waiting.clear();
  }

  async close(): Promise<void> {
    await this.#worker.terminate();
  }
}
