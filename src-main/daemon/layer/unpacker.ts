/** The unpack workers, seen from the main thread: streams go out with backpressure, results come back. */
import { extname } from 'node:path';
import { Readable } from 'node:stream';
import { Worker } from 'node:worker_threads';
import { cancelled, dataLoss, internal, invalidArgument } from '../../../shared/errors.ts';
import { returnFreedMemory } from '../platform/free-memory.ts';
import type { LayerDiff } from './layer-store.ts';
import type { FromUnpacker, ToUnpacker, UnpackResult, UnpackTarget } from './unpack-messages.ts';

/** Two: while one layer's bytes are written the next is decompressed. */
const WORKERS = 2;
/** Bytes on their way to a worker, a job. */
const WINDOW_BYTES = 2 * 1024 * 1024;
/** Workers without work go, and the memory their last layers took with them. */
const IDLE_MS = 1_000;
/** Small chunks are sent together. */
const BATCH_BYTES = 256 * 1024;

interface Job {
  readonly worker: Worker;
  inFlight: number;
  isOver: boolean;
  consumed: number;
  readonly onConsumed: (total: number) => void;
  wake: () => void;
  readonly result: PromiseWithResolvers<UnpackResult>;
}

export interface UnpackRequest {
  readonly target: UnpackTarget | undefined;
  readonly signal?: AbortSignal;
  readonly onProgress?: (bytes: number) => void;
}

export class Unpacker {
  readonly #workers: (Worker | undefined)[] = [];
  readonly #jobs = new Map<number, Job>();
  #nextJob = 1;
  #idleTimer: NodeJS.Timeout | undefined;

  /** Feeds a stream to a worker, or lets it read what changed. Throws EngineErrors; the target is left as it is. */
  async unpack(source: Readable | LayerDiff, request: UnpackRequest): Promise<UnpackResult> {
    clearTimeout(this.#idleTimer);
    const number = this.#nextJob++;
    const worker = this.#workerFor(number);
    const job: Job = {
      worker,
      inFlight: 0,
      isOver: false,
      consumed: 0,
      onConsumed: request.onProgress ?? (() => undefined),
      wake: () => undefined,
      result: Promise.withResolvers(),
    };
    this.#jobs.set(number, job);
    const say = (message: ToUnpacker): void => worker.postMessage(message);
    const stream = source instanceof Readable ? source : undefined;
    const tree = source instanceof Readable ? undefined : source.tree;
    const onAbort = (): void => {
      stream?.destroy();
      say({ kind: 'abort', job: number });
    };
    request.signal?.addEventListener('abort', onAbort, { once: true });
    say({ kind: 'start', job: number, target: request.target, tree });
    try {
      const feeding = stream ? this.#feed(stream, number, job) : Promise.resolve();
      // A worker that fails ends the feeding; a source that fails ends the worker.
      feeding.catch(() => say({ kind: 'abort', job: number }));
      const [result] = await Promise.all([job.result.promise, feeding]);
      return result;
    } catch (error) {
      // The worker must have let go before the caller clears the directory.
      await job.result.promise.catch(() => undefined);
      if (request.signal?.aborted) throw cancelled('unpacking was cancelled', { cause: error });
      throw error;
    } finally {
      request.signal?.removeEventListener('abort', onAbort);
      this.#jobs.delete(number);
      stream?.destroy();
      if (this.#jobs.size === 0) this.#endWhenIdle();
    }
  }

  #endWhenIdle(): void {
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => void this.#endIdle(), IDLE_MS);
    this.#idleTimer.unref();
  }

  async #endIdle(): Promise<void> {
    await this.close();
    returnFreedMemory();
  }

  async #feed(source: Readable, number: number, job: Job): Promise<void> {
    job.result.promise.then(
      () => undefined,
      () => {
        job.isOver = true;
        job.wake();
        source.destroy();
      },
    );
    let batch: Buffer[] = [];
    let batchBytes = 0;
    const flush = async (): Promise<void> => {
      if (batchBytes === 0) return;
      // A transferred buffer must be its own, not a slice of Node's pool; all of it is written here.
      const bytes = Buffer.allocUnsafeSlow(batchBytes);
      let at = 0;
      for (const piece of batch) at += piece.copy(bytes, at);
      batch = [];
      batchBytes = 0;
      while (job.inFlight > WINDOW_BYTES && !job.isOver) {
        await new Promise<void>((resolve) => {
          job.wake = resolve;
        });
      }
      job.inFlight += bytes.length;
      job.worker.postMessage({ kind: 'chunk', job: number, bytes } satisfies ToUnpacker, [
        bytes.buffer,
      ]);
    };
    try {
      for await (const chunk of source as AsyncIterable<Buffer>) {
        batch.push(chunk);
        batchBytes += chunk.length;
        if (batchBytes >= BATCH_BYTES) await flush();
        if (job.isOver) return;
      }
    } catch (error) {
      // The worker's own failure destroyed the source and is what the caller hears.
      if (job.isOver) return;
      throw error;
    }
    await flush();
    job.worker.postMessage({ kind: 'end', job: number } satisfies ToUnpacker);
  }

  #workerFor(number: number): Worker {
    const slot = number % WORKERS;
    const present = this.#workers[slot];
    if (present) return present;
    const file = `./unpack-worker${extname(import.meta.url)}`;
    const worker = new Worker(new URL(file, import.meta.url));
    worker.unref();
    worker.on('message', (message: FromUnpacker) => this.#onMessage(message));
    worker.on('error', (error) => this.#onWorkerLost(slot, worker, error));
    this.#workers[slot] = worker;
    return worker;
  }

  #onMessage(message: FromUnpacker): void {
    const job = this.#jobs.get(message.job);
    if (!job) return;
    switch (message.kind) {
      case 'consumed':
        job.inFlight -= message.bytes;
        job.consumed += message.bytes;
        job.onConsumed(job.consumed);
        job.wake();
        return;
      case 'done':
        job.result.resolve(message.result);
        return;
      case 'failed':
        job.result.reject(failureOf(message.name, message.message));
        job.wake();
    }
  }

  /** A worker that died takes its jobs with it; the next job gets a new one. */
  #onWorkerLost(slot: number, worker: Worker, error: unknown): void {
    this.#workers[slot] = undefined;
    for (const job of this.#jobs.values()) {
      if (job.worker === worker)
        job.result.reject(internal('unpack worker died', { cause: error }));
      job.wake();
    }
  }

  /** Ends the workers; the next job starts new ones. */
  async close(): Promise<void> {
    clearTimeout(this.#idleTimer);
    await Promise.all(this.#workers.splice(0).map(async (worker) => worker?.terminate()));
  }
}

/** Errors cross the thread as name and message; here they get their class back. */
function failureOf(name: string, message: string): Error {
  if (name === 'BreakoutError') return invalidArgument(message);
  if (name === 'TarFormatError' || message.includes('incorrect header check'))
    return dataLoss(message);
  return /unexpected end of file|invalid|incorrect data check/.test(message)
    ? dataLoss(message)
    : internal(message);
}
