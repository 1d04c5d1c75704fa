/**
 * The files of an image archive, taken apart while it arrives: layers are unpacked at once where the
 * layer store can, other files go into a directory of our own under names of our own. Nothing in the
 * archive chooses a path on this machine.
 */
import { mkdir, mkdtemp, open, readFile, rm } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { PassThrough, Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import tar from 'tar-stream';
import { errorMessage, invalidArgument } from '../../../shared/errors.ts';
import type { StagedLayer } from '../layer/layer-store.ts';

const LINKS_MAX = 16;
const WRITE_BATCH_BYTES = 1024 * 1024;
const DOCUMENT_BYTES_MAX = 16 * 1024 * 1024;

/** A tar block up to and with the magic number; no layer is shorter. */
const LAYER_HEAD_BYTES = 512;

/** A file that lies on the disk. */
export interface ArchivedFile {
  readonly kind: 'file';
  readonly path: string;
  readonly sizeBytes: number;
}

/** A layer that was unpacked on its way; `result` is its error when that failed. */
export interface ArchivedLayer {
  readonly kind: 'layer';
  readonly sizeBytes: number;
  readonly result: StagedLayer | Error;
}

type Entry = ArchivedFile | ArchivedLayer | { readonly kind: 'link'; readonly target: string };

export interface TakeApartOptions {
  readonly temporaryDirectory: string;
  readonly signal?: AbortSignal;
  /** Unpacks what looks like a layer, by its name in the archive; undefined: keep it as a file. */
  readonly stage?: (name: string) => ((blob: Readable) => Promise<StagedLayer>) | undefined;
}

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
  #files = 0;

  private constructor(directory: string) {
    this.#directory = directory;
  }

  /** Reads a tar, plain or compressed, to its end. Dispose removes what it left and nobody took. */
  static async takeApart(archive: Readable, options: TakeApartOptions): Promise<ArchiveEntries> {
    const { temporaryDirectory, signal } = options;
    await mkdir(temporaryDirectory, { recursive: true, mode: 0o700 });
    const entries = new ArchiveEntries(await mkdtemp(join(temporaryDirectory, 'docker-import-')));
    try {
      await entries.#fill(archive, options);
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
  find(name: string): ArchivedFile | ArchivedLayer | undefined {
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
    if (file.kind === 'layer' || file.sizeBytes > DOCUMENT_BYTES_MAX) {
      throw invalidArgument(`invalid archive: ${name} is too large`, { status: 500 });
    }
    return readFile(file.path);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const entry of this.#entries.values()) await disposeLayer(entry);
    await rm(this.#directory, { recursive: true, force: true });
  }

  async #fill(archive: Readable, options: TakeApartOptions): Promise<void> {
    const extract = tar.extract();
    const read = async (): Promise<void> => {
      for await (const entry of extract) {
        const { name, type, linkname } = entry.header;
        const path = inside(name);
        if (type === 'file' || type === 'contiguous-file') {
          await disposeLayer(this.#entries.get(path));
          this.#entries.set(
            path,
            await this.#takeFile(path, entry as AsyncIterable<Buffer>, options),
          );
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
    const { signal } = options;
    const reading = read();
    // A reader that fails ends the pipeline too; one that was only cut off leaves the word to it.
    const [arrived, taken] = await Promise.allSettled([
      pipeline(await decompressed(archive), extract, signal ? { signal } : {}),
      reading,
    ]);
    if (taken.status === 'rejected' && !isCutOff(taken.reason)) throw taken.reason;
    if (arrived.status === 'rejected') throw arrived.reason;
    await reading;
  }

  async #takeFile(
    name: string,
    content: AsyncIterable<Buffer>,
    { stage, signal }: TakeApartOptions,
  ): Promise<ArchivedFile | ArchivedLayer> {
    const source = new EntrySource(content);
    const unpack = looksLikeLayer(await source.peek(LAYER_HEAD_BYTES)) ? stage?.(name) : undefined;
    if (!unpack) {
      const path = join(this.#directory, String(this.#files++));
      return { kind: 'file', path, sizeBytes: await writeEntry(path, source.rest()) };
    }
    try {
      const result = await unpack(Readable.from(source.rest(), { objectMode: false }));
      return { kind: 'layer', result, sizeBytes: source.bytesRead };
    } catch (error) {
      signal?.throwIfAborted();
      // Said when an image needs this layer; what follows it in the archive is read all the same.
      // An archive that is cut off here fails of itself.
      await source.drain().catch(() => undefined);
      const result = error instanceof Error ? error : new Error(errorMessage(error));
      return { kind: 'layer', result, sizeBytes: source.bytesRead };
    }
  }
}

/** What reading a stream says that another's failure destroyed. */
const isCutOff = (error: unknown): boolean => errorMessage(error) === 'Stream was destroyed';

async function disposeLayer(entry: Entry | undefined): Promise<void> {
  if (entry?.kind !== 'layer' || entry.result instanceof Error) return;
  await entry.result[Symbol.asyncDispose]();
}

function looksLikeLayer(head: Buffer): boolean {
  return isGzip(head) || isZstd(head) || head.toString('latin1', 257, 262) === 'ustar';
}

/** One entry's bytes, with a look ahead and a way to the end when a reader has left. */
class EntrySource {
  readonly #chunks: AsyncIterator<Buffer>;
  #head: Buffer[] = [];
  #pending: Promise<IteratorResult<Buffer>> | undefined;
  bytesRead = 0;

  constructor(content: AsyncIterable<Buffer>) {
    this.#chunks = content[Symbol.asyncIterator]();
  }

  async #next(): Promise<IteratorResult<Buffer>> {
    this.#pending = this.#chunks.next();
    const next = await this.#pending;
    if (!next.done) this.bytesRead += next.value.length;
    return next;
  }

  /** The first bytes, fewer when there are fewer; `rest` gives them again. */
  async peek(bytes: number): Promise<Buffer> {
    while (this.bytesRead < bytes) {
      const next = await this.#next();
      if (next.done) break;
      this.#head.push(next.value);
    }
    return Buffer.concat(this.#head);
  }

  async *rest(): AsyncGenerator<Buffer> {
    yield* this.#head.splice(0);
    // By hand: a loop's early end would end the entry, and with it the archive.
    for (let next = await this.#next(); !next.done; next = await this.#next()) yield next.value;
  }

  async drain(): Promise<void> {
    // A reader that left may have asked for more and not waited.
    await this.#pending;
    while (!(await this.#next()).done);
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

const isGzip = (head: Buffer): boolean => head.toString('hex', 0, 2) === '1f8b';
const isZstd = (head: Buffer): boolean => head.toString('hex', 0, 4) === '28b52ffd';

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
  const stage = isGzip(head)
    ? createGunzip()
    : isZstd(head)
      ? createZstdDecompress()
      : new PassThrough();
  // A failure destroys `output`, whose reader reports it.
  pipeline(all, stage, output).catch(() => undefined);
  return output;
}
