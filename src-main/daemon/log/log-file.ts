/** One file of a log, current, rotated or compressed, opened for reading. */
import { type FileHandle, open } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';

const READ_BYTES = 256 * 1024;

export interface LogFile {
  readonly handle: FileHandle;
  readonly isCompressed: boolean;
}

/** The file or, where it was compressed meanwhile, that; undefined for neither. `files` closes it. */
export async function openLogFile(
  path: string,
  files: AsyncDisposableStack,
): Promise<LogFile | undefined> {
  for (const name of [path, `${path}.gz`]) {
    try {
      const handle = await open(name, 'r');
      files.defer(() => handle.close());
      return { handle, isCompressed: name !== path };
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    }
  }
  return undefined;
}

/** Rotated files, oldest first: at most `limit` of the newest. */
export async function openRotated(
  path: string,
  files: AsyncDisposableStack,
  limit = Number.POSITIVE_INFINITY,
): Promise<LogFile[]> {
  const rotated: LogFile[] = [];
  while (rotated.length < limit) {
    const file = await openLogFile(`${path}.${rotated.length + 1}`, files);
    if (!file) break;
    rotated.unshift(file);
  }
  return rotated;
}

/** Bytes from `from` to `end`, or to the end of the file. */
async function* readRange(
  handle: FileHandle,
  from: number,
  end = Number.POSITIVE_INFINITY,
): AsyncGenerator<Buffer> {
  let at = from;
  for (let isAtEnd = at >= end; !isAtEnd; isAtEnd ||= at >= end) {
    const length = Math.min(READ_BYTES, end - at);
    const { bytesRead, buffer } = await handle.read(Buffer.allocUnsafe(length), 0, length, at);
    at += bytesRead;
    isAtEnd = bytesRead === 0;
    if (!isAtEnd) yield buffer.subarray(0, bytesRead);
  }
}

/** What was written; a compressed file is always read as a whole. */
export function bytesOf(file: LogFile, from = 0, end?: number): AsyncIterable<Buffer> {
  if (!file.isCompressed) return readRange(file.handle, from, end);
  const plain = createGunzip();
  // A failure destroys `plain`, and its reader is told.
  pipeline(Readable.from(readRange(file.handle, 0), { objectMode: false }), plain).catch(
    () => undefined,
  );
  return plain;
}
