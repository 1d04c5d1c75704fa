/** Worker thread: decompress, hash, unpack. Decompression runs on libuv's pool beside the rest. */
import { createHash } from 'node:crypto';
import { copyFileSync } from 'node:fs';
import { relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { setImmediate } from 'node:timers/promises';
import { parentPort } from 'node:worker_threads';
import { decompressorFor, peek } from './decompress.ts';
import { diffTar } from './diff-tar.ts';
import type { ChangedTree } from './layer-store.ts';
import { TarExtractor } from './tar-extractor.ts';
import { TarReader } from './tar-reader.ts';
import { TarSplitWriter } from './tar-split.ts';
import type { FromUnpacker, ToUnpacker, UnpackResult, UnpackTarget } from './unpack-messages.ts';

const send = (message: FromUnpacker): void => parentPort?.postMessage(message);

/** The chunks of one job, as the store sends them. */
class ChunkQueue {
  readonly #job: number;
  readonly #chunks: Buffer[] = [];
  #isEnded = false;
  #isAborted = false;
  #wake: () => void = () => undefined;

  constructor(job: number) {
    this.#job = job;
  }

  push(bytes: Uint8Array<ArrayBuffer>): void {
    this.#chunks.push(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length));
    this.#wake();
  }

  end(): void {
    this.#isEnded = true;
    this.#wake();
  }

  abort(): void {
    this.#isAborted = true;
    this.#wake();
  }

  async *read(): AsyncGenerator<Buffer> {
    for (;;) {
      if (this.#isAborted) throw new Error('aborted');
      const chunk = this.#chunks.shift();
      if (chunk) {
        yield chunk;
        send({ kind: 'consumed', job: this.#job, bytes: chunk.length });
      } else if (this.#isEnded) {
        return;
      } else {
        await new Promise<void>((resolve) => {
          this.#wake = resolve;
        });
      }
    }
  }
}

/** Lets messages of other jobs in between. */
const BREATH_BYTES = 1024 * 1024;

async function* treeBytes(tree: ChangedTree): AsyncGenerator<Buffer> {
  let sinceBreath = 0;
  for (const bytes of diffTar(tree)) {
    yield bytes;
    sinceBreath += bytes.length;
    if (sinceBreath < BREATH_BYTES) continue;
    sinceBreath = 0;
    await setImmediate();
  }
}

async function unpack(
  bytes: AsyncGenerator<Buffer>,
  target: UnpackTarget | undefined,
): Promise<UnpackResult> {
  const { magic, all } = await peek(bytes);
  const decompressor = decompressorFor(magic);
  const writer = target === undefined ? undefined : new LayerWriter(target);
  const blob = new Measure();
  const tar = decompressor ? new Measure() : blob;
  const take = async (bytes: AsyncIterable<Buffer>): Promise<void> => {
    for await (const chunk of tar.pass(bytes)) writer?.push(chunk);
  };
  try {
    if (decompressor) await pipeline(blob.pass(all), decompressor, take);
    else await take(all);
    writer?.finish();
  } finally {
    writer?.close();
  }
  return {
    digest: blob.digest(),
    blobBytes: blob.bytes,
    diffId: tar.digest(),
    sizeBytes: writer?.sizeBytes ?? 0,
  };
}

/** Counts and hashes what passes. */
class Measure {
  readonly #hash = createHash('sha256');
  #digest: string | undefined;
  bytes = 0;

  async *pass(source: AsyncIterable<Buffer>): AsyncGenerator<Buffer> {
    for await (const chunk of source) {
      this.#hash.update(chunk);
      this.bytes += chunk.length;
      yield chunk;
    }
  }

  digest(): string {
    this.#digest ??= `sha256:${this.#hash.digest('hex')}`;
    return this.#digest;
  }
}

/** Extracts and records at once. */
class LayerWriter {
  readonly #extractor: TarExtractor;
  readonly #split: TarSplitWriter;
  readonly #reader: TarReader;

  constructor(target: UnpackTarget) {
    const extractor = new TarExtractor(target.directory, target.whiteouts);
    const split = new TarSplitWriter(target.splitPath);
    this.#extractor = extractor;
    this.#split = split;
    extractor.onReplace = (path) => {
      const keep = split.keepPath(relative(target.directory, path));
      if (keep !== undefined) copyFileSync(path, keep);
    };
    this.#reader = new TarReader({
      raw: (bytes) => split.raw(bytes),
      entry: (entry) => {
        const path = extractor.begin(entry);
        this.#keepsContent = path === undefined || entry.sparse !== undefined;
        if (path !== undefined && !entry.sparse)
          split.file(relative(target.directory, path), entry.size);
      },
      data: (bytes) => {
        if (this.#keepsContent) split.raw(bytes);
        extractor.write(bytes);
      },
      entryEnd: () => {
        extractor.end();
      },
    });
  }

  /** Content that no file will hold as it came (a whiteout with a body, a sparse file): kept beside. */
  #keepsContent = false;

  get sizeBytes(): number {
    return this.#extractor.sizeBytes;
  }

  push(chunk: Buffer): void {
    this.#reader.push(chunk);
  }

  finish(): void {
    this.#reader.finish();
    this.#extractor.finish();
  }

  close(): void {
    this.#extractor.abort();
    this.#split.close();
  }
}

const queues = new Map<number, ChunkQueue>();

function start({ job, target, tree }: Extract<ToUnpacker, { kind: 'start' }>): void {
  const queue = new ChunkQueue(job);
  queues.set(job, queue);
  unpack(tree ? treeBytes(tree) : queue.read(), target)
    .then(
      (result) => send({ kind: 'done', job, result }),
      (error: unknown) => {
        const { name, message } = error instanceof Error ? error : new Error(String(error));
        send({ kind: 'failed', job, name, message });
      },
    )
    .finally(() => queues.delete(job));
}

parentPort?.on('message', (message: ToUnpacker) => {
  switch (message.kind) {
    case 'start':
      return start(message);
    case 'chunk':
      return queues.get(message.job)?.push(message.bytes);
    case 'end':
      return queues.get(message.job)?.end();
    case 'abort':
      return queues.get(message.job)?.abort();
  }
});
