/**
 * Remembers how a layer's tar was put together, so that exactly the same bytes (and so the same diffID)
 * can be produced again from the unpacked files: headers and padding as they were, and for each file a
 * pointer to where its content lies. Same purpose as vbatts/tar-split, own format: gzip members of
 * records, `1 length bytes` for raw bytes, `2 size length path` for a file's content.
 */
import { closeSync, createReadStream, existsSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createGunzip, gzipSync } from 'node:zlib';

const RAW = 1;
const FILE = 2;
/** Records are compressed in pieces of this size. */
const FLUSH_BYTES = 512 * 1024;

/** Content that a later entry of the same archive replaced is kept beside, by record number. */
const replacedPath = (splitPath: string, record: number): string => `${splitPath}.${record}`;

export class TarSplitWriter {
  readonly #path: string;
  readonly #fd: number;
  #pending: Buffer[] = [];
  #pendingBytes = 0;
  #records = 0;
  /** Latest record of each path. */
  readonly #recordOf = new Map<string, number>();

  constructor(path: string) {
    this.#path = path;
    this.#fd = openSync(path, 'w', 0o600);
  }

  raw(bytes: Buffer): void {
    const head = Buffer.alloc(5);
    head.writeUInt8(RAW, 0);
    head.writeUInt32BE(bytes.length, 1);
    this.#push(Buffer.concat([head, bytes]));
  }

  file(relativePath: string, size: number): void {
    const path = Buffer.from(relativePath);
    const head = Buffer.alloc(13);
    head.writeUInt8(FILE, 0);
    head.writeBigUInt64BE(BigInt(size), 1);
    head.writeUInt32BE(path.length, 9);
    this.#recordOf.set(relativePath, this.#records++);
    this.#push(Buffer.concat([head, path]));
  }

  /** Where the content of a path must be kept before it is replaced; undefined when it was never recorded. */
  keepPath(relativePath: string): string | undefined {
    const record = this.#recordOf.get(relativePath);
    this.#recordOf.delete(relativePath);
    return record === undefined ? undefined : replacedPath(this.#path, record);
  }

  #push(record: Buffer): void {
    this.#pending.push(record);
    this.#pendingBytes += record.length;
    if (this.#pendingBytes >= FLUSH_BYTES) this.#flush();
  }

  #flush(): void {
    if (this.#pendingBytes === 0) return;
    const member = gzipSync(Buffer.concat(this.#pending), { level: 1 });
    let at = 0;
    while (at < member.length) at += writeSync(this.#fd, member, at);
    this.#pending = [];
    this.#pendingBytes = 0;
  }

  close(): void {
    this.#flush();
    closeSync(this.#fd);
  }
}

/** Collects bytes of a stream until a record is whole. */
class RecordReader {
  readonly #chunks: AsyncIterator<Buffer>;
  #held: Buffer = Buffer.alloc(0);

  constructor(chunks: AsyncIterable<Buffer>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** Exactly `length` bytes; undefined at the end. */
  async take(length: number): Promise<Buffer | undefined> {
    while (this.#held.length < length) {
      const next = await this.#chunks.next();
      if (next.done) {
        if (this.#held.length > 0) throw new Error('tar-split data ends early');
        return undefined;
      }
      this.#held = this.#held.length === 0 ? next.value : Buffer.concat([this.#held, next.value]);
    }
    const taken = this.#held.subarray(0, length);
    this.#held = this.#held.subarray(length);
    return taken;
  }

  async need(length: number): Promise<Buffer> {
    const taken = length === 0 ? Buffer.alloc(0) : await this.take(length);
    if (!taken) throw new Error('tar-split data ends early');
    return taken;
  }
}

/** The archive's bytes again. Throws when a file is missing or has another size. */
export async function* assembleTar(splitPath: string, directory: string): AsyncGenerator<Buffer> {
  const gunzip = createReadStream(splitPath).pipe(createGunzip());
  const reader = new RecordReader(gunzip as AsyncIterable<Buffer>);
  let record = 0;
  for (;;) {
    const kind = (await reader.take(1))?.[0];
    if (kind === undefined) return;
    if (kind === RAW) {
      const length = (await reader.need(4)).readUInt32BE(0);
      yield await reader.need(length);
      continue;
    }
    const head = await reader.need(12);
    const size = Number(head.readBigUInt64BE(0));
    const path = (await reader.need(head.readUInt32BE(8))).toString('utf8');
    const kept = replacedPath(splitPath, record++);
    yield* fileContent(existsSync(kept) ? kept : join(directory, path), size);
  }
}

async function* fileContent(path: string, size: number): AsyncGenerator<Buffer> {
  let left = size;
  if (size > 0) {
    for await (const chunk of createReadStream(path, { highWaterMark: 256 * 1024 })) {
      left -= (chunk as Buffer).length;
      if (left < 0) break;
      yield chunk as Buffer;
    }
  }
  if (left !== 0) throw new Error(`${path} has changed since it was unpacked`);
}
