/**
 * The files of an image archive, taken apart into a directory of our own under names of our own:
 * nothing in the archive chooses a path on this machine.
 */
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import tar from 'tar-stream';
import { errorMessage, invalidArgument } from '../../../shared/errors.ts';

const LINKS_MAX = 16;
const WRITE_BATCH_BYTES = 1024 * 1024;
const DOCUMENT_BYTES_MAX = 16 * 1024 * 1024;

type Entry =
  | { readonly kind: 'file'; readonly path: string; readonly sizeBytes: number }
  | { readonly kind: 'link'; readonly target: string };

/** As a path inside the archive, whatever it begins with; it cannot leave. */
const inside = (path: string): string => posix.resolve('/', path).slice(1);

/** What the tar reader and zlib say, and what Docker's say in their place. */
const READER_WORDS: readonly (readonly [RegExp, string])[] = [
  [/^Invalid tar header/, 'archive/tar: invalid tar header'],
  [/^(Unexpected end of data|unexpected end of file)/, 'unexpected EOF'],
];

/** Docker's words for an archive that cannot be read. */
function broken(error: unknown): Error {
  const text = errorMessage(error);
  const words = READER_WORDS.find(([pattern]) => pattern.test(text))?.[1] ?? text;
  return invalidArgument(`Error processing tar file(exit status 1): ${words}`, {
    cause: error,
    status: 500,
  });
}

export class ArchiveEntries implements AsyncDisposable {
  readonly #directory: string;
  readonly #entries = new Map<string, Entry>();

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Unpacks a tar, plain or compressed. Dispose removes what it wrote. */
  static async unpack(
    archive: Readable,
    temporaryDirectory: string,
    signal?: AbortSignal,
  ): Promise<ArchiveEntries> {
    await mkdir(temporaryDirectory, { recursive: true, mode: 0o700 });
    const entries = new ArchiveEntries(await mkdtemp(join(temporaryDirectory, 'docker-import-')));
    try {
      await entries.#fill(archive, signal);
      return entries;
    } catch (error) {
      await entries[Symbol.asyncDispose]();
      signal?.throwIfAborted();
      throw broken(error);
    }
  }

  /** The directory, for messages that name it. */
  get directory(): string {
    return this.#directory;
  }

  names(): string[] {
    return [...this.#entries.keys()];
  }

  /** The file behind a name, through links; undefined when there is none. */
  find(name: string): { readonly path: string; readonly sizeBytes: number } | undefined {
    let current = inside(name);
    for (let hop = 0; hop < LINKS_MAX; hop++) {
      const entry = this.#entries.get(current);
      if (entry?.kind !== 'link') return entry;
      current = entry.target;
    }
    return undefined;
  }

  /** A small file's content. Throws in the words of a missing file. */
  async read(name: string): Promise<Buffer> {
    const file = this.find(name);
    if (!file) {
      const path = join(this.#directory, inside(name));
      throw invalidArgument(`open ${path}: no such file or directory`, { status: 500 });
    }
    if (file.sizeBytes > DOCUMENT_BYTES_MAX) {
      throw invalidArgument(`invalid archive: ${name} is too large`, { status: 500 });
    }
    return readFile(file.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #fill(archive: Readable, signal?: AbortSignal): Promise<void> {
    const extract = tar.extract();
    const read = async (): Promise<void> => {
      let count = 0;
      for await (const entry of extract) {
        const { name, type, linkname } = entry.header;
        const path = inside(name);
        if (type === 'file' || type === 'contiguous-file') {
          const file = join(this.#directory, String(count++));
          const sizeBytes = await writeEntry(file, entry as unknown as AsyncIterable<Buffer>);
          this.#entries.set(path, { kind: 'file', path: file, sizeBytes });
        } else {
          if (type === 'symlink' && linkname) {
            const target = inside(posix.join(posix.dirname(path), linkname));
            this.#entries.set(path, { kind: 'link', target });
          } else if (type === 'link' && linkname) {
            this.#entries.set(path, { kind: 'link', target: inside(linkname) });
          }
          entry.resume();
        }
      }
    };
    const options = signal ? { signal } : {};
    await Promise.all([pipeline(await decompressed(archive), extract, options), read()]);
  }
}

async function writeEntry(path: string, content: AsyncIterable<Buffer>): Promise<number> {
  await using file = await open(path, 'wx', 0o600);
  let size = 0;
  let batch: Buffer[] = [];
  let batchBytes = 0;
  for await (const chunk of content) {
    batch.push(chunk);
    batchBytes += chunk.length;
    if (batchBytes < WRITE_BATCH_BYTES) continue;
    await file.writev(batch);
    size += batchBytes;
    batch = [];
    batchBytes = 0;
  }
  if (batchBytes > 0) await file.writev(batch);
  return size + batchBytes;
}

/** Tells gzip and zstd by their first bytes; anything else passes as it is. */
async function decompressed(source: Readable): Promise<Readable> {
  const output = new PassThrough({ highWaterMark: WRITE_BATCH_BYTES });
  const iterator = (source as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  let head: Buffer = Buffer.alloc(0);
  while (head.length < 4) {
    const next = await iterator.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  async function* all(): AsyncGenerator<Buffer> {
    if (head.length > 0) yield head;
    for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
      yield next.value;
    }
  }
  const magic = head.toString('hex', 0, 4);
  const stage = magic.startsWith('1f8b')
    ? createGunzip()
    : magic === '28b52ffd'
      ? createZstdDecompress()
      : new PassThrough();
  // A failure destroys `output`, whose reader reports it.
  pipeline(all, stage, output).catch(() => undefined);
  return output;
}
