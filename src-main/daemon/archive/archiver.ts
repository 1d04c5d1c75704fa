/**
 * The archive workers, seen from the main thread. Bytes go through pipes, so that a slow client slows the worker
 * and nothing piles up; a worker is inside one root at a time.
 */
import { closeSync } from 'node:fs';
import { Socket } from 'node:net';
import { extname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { Worker } from 'node:worker_threads';
import type { DirectoryListing } from '../../../shared/engine/windlass-api.ts';
import { decompressed } from '../layer/decompress.ts';
import { makePipe } from '../platform/pipe.ts';
import type {
  ArchiveJob,
  ArchiveRoot,
  FailedStep,
  FromArchiveWorker,
  PathStat,
  ToArchiveWorker,
  WriteRules,
} from './archive-jobs.ts';
import type { ExtractOptions } from './tree-extractor.ts';

/** Workers without work go, and their memory. */
const IDLE_MS = 5_000;

/** What a worker failed with; `code` is the errno name when there is one. */
export class ArchiveError extends Error {
  readonly code: string;
  readonly step: FailedStep;

  constructor(message: string, code: string, step: FailedStep) {
    super(message);
    this.name = 'ArchiveError';
    this.code = code;
    this.step = step;
  }
}

interface Running {
  /** The place has been found; rejects with the failure when it has not. */
  readonly stat: Promise<PathStat>;
  readonly listing: Promise<DirectoryListing>;
  readonly done: Promise<void>;
}

export class Archiver implements AsyncDisposable {
  readonly #idle: Worker[] = [];
  readonly #busy = new Set<Worker>();
  #idleTimer: NodeJS.Timeout | undefined;

  /** Throws ArchiveError. */
  stat(where: ArchiveRoot, path: string): Promise<PathStat> {
    return this.#run(where, { kind: 'stat', path }).stat;
  }

  /** What a directory holds. Throws ArchiveError. */
  list(where: ArchiveRoot, path: string): Promise<DirectoryListing> {
    return this.#run(where, { kind: 'list', path }).listing;
  }

  /** Removes a path and all below it. Throws ArchiveError. */
  remove(where: ArchiveRoot, path: string, rules: WriteRules): Promise<void> {
    return this.#run(where, { kind: 'remove', path, rules }).done;
  }

  /** The stat, and the tar as it is written; the stream fails when the worker does. */
  async read(where: ArchiveRoot, path: string): Promise<{ stat: PathStat; tar: Readable }> {
    const { tar, running } = this.#reading(where, (pipe) => ({ kind: 'read', path, pipe }));
    try {
      return { stat: await running.stat, tar };
    } catch (error) {
      tar.destroy();
      throw error;
    }
  }

  /** A tar of all that is in the root. */
  export(where: ArchiveRoot): Readable {
    return this.#reading(where, (pipe) => ({ kind: 'export', pipe })).tar;
  }

  /** Unpacks a tar, compressed or not, at a directory. Reads the source to its end, also when that fails. */
  async write(
    where: ArchiveRoot,
    request: { path: string; source: Readable; rules: WriteRules; options: ExtractOptions },
  ): Promise<void> {
    const { source, ...rest } = request;
    const ends = makePipe();
    const socket = new Socket({ fd: ends.write, readable: false, writable: true });
    const { done } = this.#run(where, { kind: 'write', pipe: ends.read, ...rest });
    const feeding = pipeline(decompressed(source.iterator({ destroyOnReturn: false })), socket);
    // A worker that fails first ends the feeding with EPIPE; its own failure is what counts.
    feeding.catch(() => undefined);
    try {
      await done;
      await feeding.catch((error: Error) => {
        throw new ArchiveError(error.message, '', 'decompression');
      });
    } finally {
      source.resume();
    }
  }

  #reading(
    where: ArchiveRoot,
    job: (pipe: number) => ArchiveJob,
  ): { tar: Readable; running: Running } {
    const ends = makePipe();
    const socket = new Socket({ fd: ends.read, readable: true, writable: false });
    const running = this.#run(where, job(ends.write));
    return { tar: Readable.from(checkedTar(socket, running.done), { objectMode: false }), running };
  }

  #run(where: ArchiveRoot, job: ArchiveJob): Running {
    clearTimeout(this.#idleTimer);
    const worker = this.#idle.pop() ?? this.#start();
    this.#busy.add(worker);
    worker.ref();
    const stat = Promise.withResolvers<PathStat>();
    const listing = Promise.withResolvers<DirectoryListing>();
    const done = Promise.withResolvers<void>();
    for (const { promise } of [stat, listing, done]) promise.catch(() => undefined);
    const fail = (error: Error): void => {
      stat.reject(error);
      listing.reject(error);
      done.reject(error);
    };
    const onMessage = (message: FromArchiveWorker): void => {
      if (message.kind === 'stat') return stat.resolve(message.stat);
      if (message.kind === 'listing') return listing.resolve(message.listing);
      worker.off('message', onMessage).off('error', fail).off('exit', onExit);
      this.#release(worker);
      if (message.kind === 'done') done.resolve();
      else fail(new ArchiveError(message.message, message.code, message.step));
    };
    const onExit = (code: number): void => {
      this.#busy.delete(worker);
      if ('pipe' in job) closeIfOpen(job.pipe);
      fail(new Error(`archive worker ended with code ${code}`));
    };
    worker.on('message', onMessage).on('error', fail).on('exit', onExit);
    worker.postMessage({ ...where, job } satisfies ToArchiveWorker);
    return { stat: stat.promise, listing: listing.promise, done: done.promise };
  }

  #start(): Worker {
    const file = `./archive-worker${extname(import.meta.url)}`;
    // Pipes and namespaces come from libc, which Node's bookkeeping does not know.
    const worker = new Worker(new URL(file, import.meta.url), { trackUnmanagedFds: false });
    // One that could not leave its root ends itself, perhaps when it counts as idle.
    worker.once('exit', () => {
      const at = this.#idle.indexOf(worker);
      if (at >= 0) this.#idle.splice(at, 1);
    });
    return worker;
  }

  #release(worker: Worker): void {
    worker.unref();
    this.#busy.delete(worker);
    this.#idle.push(worker);
    clearTimeout(this.#idleTimer);
    this.#idleTimer = setTimeout(() => void this.#endIdle(), IDLE_MS);
    this.#idleTimer.unref();
  }

  async #endIdle(): Promise<void> {
    await Promise.all(this.#idle.splice(0).map((worker) => worker.terminate()));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearTimeout(this.#idleTimer);
    await this.#endIdle();
    await Promise.all([...this.#busy].map((worker) => worker.terminate()));
  }
}

/** A worker that died has left its end open. */
function closeIfOpen(fd: number): void {
  try {
    closeSync(fd);
  } catch {
    // It had closed it.
  }
}

/** The bytes, then the worker's verdict. */
async function* checkedTar(socket: Socket, done: Promise<void>): AsyncGenerator<Buffer> {
  for await (const chunk of socket) yield chunk as Buffer;
  await done;
}
