/** Worker thread: one archive job at a time, inside the job's root. */
import { closeSync, readSync, writeSync } from 'node:fs';
import { parentPort } from 'node:worker_threads';
import { TarReader } from '../layer/tar-reader.ts';
import { insideRoot, StrandedThreadError } from '../platform/inside-root.ts';
import type { ArchiveJob, FailedStep, FromArchiveWorker, ToArchiveWorker } from './archive-jobs.ts';
import { listDirectory, removePath } from './directory.ts';
import { baseName, placeOf, statOf, writablePlace } from './place.ts';
import { TreeExtractor } from './tree-extractor.ts';
import { writeTreeTar } from './tree-tar.ts';

const CHUNK_BYTES = 256 * 1024;

const send = (message: FromArchiveWorker): void => parentPort?.postMessage(message);

let step: FailedStep = 'place';

/** Waits for the reader: the pipe is blocking and this thread has nothing else to do. */
function writeToPipe(pipe: number, bytes: Buffer): void {
  for (let at = 0; at < bytes.length; ) at += writeSync(pipe, bytes, at);
}

/** Small pieces go out together. */
function bufferedPipe(pipe: number): { write: (bytes: Buffer) => void; flush: () => void } {
  let parts: Buffer[] = [];
  let length = 0;
  const flush = (): void => {
    if (length > 0) writeToPipe(pipe, Buffer.concat(parts));
    parts = [];
    length = 0;
  };
  return {
    flush,
    write: (bytes) => {
      if (length + bytes.length > CHUNK_BYTES) flush();
      if (bytes.length >= CHUNK_BYTES / 2) return writeToPipe(pipe, bytes);
      // The caller uses its buffer again.
      parts.push(Buffer.from(bytes));
      length += bytes.length;
    },
  };
}

function read(root: string, job: Extract<ArchiveJob, { kind: 'read' }>): void {
  const place = placeOf(job.path);
  const stat = statOf(root, place);
  send({ kind: 'stat', stat });
  step = 'archive';
  const isDirectory = stat.mode >= 2 ** 31;
  const base = baseName(place.asked);
  const { write, flush } = bufferedPipe(job.pipe);
  // The root's own entries begin with a slash.
  const name = base === '/' ? '' : base;
  const path = place.path.replace(/\/\.?$/, '') || '/';
  writeTreeTar({
    path: isDirectory ? path : place.path,
    name,
    write,
  });
  flush();
}

function exportAll(job: Extract<ArchiveJob, { kind: 'export' }>): void {
  step = 'archive';
  const { write, flush } = bufferedPipe(job.pipe);
  writeTreeTar({ path: '/', name: undefined, write });
  flush();
}

function write(root: string, job: Extract<ArchiveJob, { kind: 'write' }>): void {
  const directory = writablePlace(root, job.path, job.rules);
  step = 'archive';
  const extractor = new TreeExtractor(directory, job.options);
  const reader = new TarReader(extractor, 'latin1');
  try {
    const buffer = Buffer.allocUnsafe(CHUNK_BYTES);
    for (;;) {
      const length = readSync(job.pipe, buffer);
      if (length === 0) break;
      reader.push(buffer.subarray(0, length));
    }
    reader.finish();
    extractor.finish();
  } finally {
    extractor.abort();
  }
}

function run({ root, mounts, job }: ToArchiveWorker): void {
  switch (job.kind) {
    case 'stat':
      return insideRoot(root, mounts, () =>
        send({ kind: 'stat', stat: statOf(root, placeOf(job.path)) }),
      );
    case 'list':
      return insideRoot(root, mounts, () =>
        send({ kind: 'listing', listing: listDirectory(job.path) }),
      );
    case 'remove':
      return insideRoot(root, mounts, () => removePath(job.path, job.rules, mounts));
    case 'read':
      return insideRoot(root, mounts, () => read(root, job));
    case 'export':
      return insideRoot(root, mounts, () => exportAll(job));
    case 'write':
      return insideRoot(root, mounts, () => write(root, job));
  }
}

const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : '';

parentPort?.on('message', (message: ToArchiveWorker) => {
  step = 'place';
  let isStranded = false;
  try {
    run(message);
    send({ kind: 'done' });
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    send({ kind: 'failed', message: text, code: codeOf(error), step });
    isStranded = error instanceof StrandedThreadError;
  } finally {
    if ('pipe' in message.job) closeSync(message.job.pipe);
    // Nothing may run here any more: paths would be another root's.
    if (isStranded) process.exit(1);
  }
});
