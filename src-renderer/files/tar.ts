/** The little of tar (ustar, with pax and GNU long names) that looking into and filling a container needs. */

const BLOCK = 512;
/** A name or a pax record is never longer. */
const LONGEST_EXTENSION = 64 * 1024;

export interface TarHeader {
  readonly name: string;
  readonly size: number;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modifiedMs: number;
  /** '0' file, '5' directory, '2' link… */
  readonly type: string;
  readonly linkTarget: string;
}

/** One entry; its body is read before the next entry is asked for, or skipped. */
export interface TarEntry extends TarHeader {
  readonly body: AsyncIterable<Uint8Array>;
}

const text = new TextDecoder();

/** Bytes of a stream in the amounts asked for. */
class ByteSource {
  readonly #chunks: AsyncIterator<Uint8Array>;
  #held: Uint8Array = new Uint8Array();

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#chunks = chunks[Symbol.asyncIterator]();
  }

  /** At most `most` bytes; none at the end. */
  async some(most: number): Promise<Uint8Array> {
    while (this.#held.length === 0) {
      const next = await this.#chunks.next();
      if (next.done) return this.#held;
      this.#held = next.value;
    }
    const taken = this.#held.subarray(0, most);
    this.#held = this.#held.subarray(taken.length);
    return taken;
  }

  /** Exactly so many, or undefined when they end before. */
  async exactly(count: number): Promise<Uint8Array | undefined> {
    const all = new Uint8Array(count);
    for (let at = 0; at < count; ) {
      const part = await this.some(count - at);
      if (part.length === 0) return undefined;
      all.set(part, at);
      at += part.length;
    }
    return all;
  }

  async close(): Promise<void> {
    await this.#chunks.return?.();
  }
}

const field = (block: Uint8Array, at: number, length: number): string =>
  text.decode(block.subarray(at, at + length)).replace(/\0.*$/s, '');

/** Octal text, or GNU's base 256 for what does not fit. */
function number(block: Uint8Array, at: number, length: number): number {
  if (((block[at] ?? 0) & 0x80) === 0)
    return Number.parseInt(field(block, at, length).trim(), 8) || 0;
  return block.subarray(at + 1, at + length).reduce((sum, byte) => sum * 256 + byte, 0);
}

function readHeader(block: Uint8Array): TarHeader {
  const prefix = field(block, 257, 5) === 'ustar' ? field(block, 345, 155) : '';
  const name = field(block, 0, 100);
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    mode: number(block, 100, 8),
    uid: number(block, 108, 8),
    gid: number(block, 116, 8),
    size: number(block, 124, 12),
    modifiedMs: number(block, 136, 12) * 1000,
    type: String.fromCharCode(block[156] || 48),
    linkTarget: field(block, 157, 100),
  };
}

/** `LENGTH KEY=VALUE\n` records. */
function readPax(bytes: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(32, at);
    const length = Number.parseInt(text.decode(bytes.subarray(at, space)), 10);
    if (!(length > 0)) break;
    const record = text.decode(bytes.subarray(space + 1, at + length - 1));
    records.set(record.slice(0, record.indexOf('=')), record.slice(record.indexOf('=') + 1));
    at += length;
  }
  return records;
}

const padded = (size: number): number => Math.ceil(size / BLOCK) * BLOCK;

/** The entries of a tar as it comes. Throws for what is none. */
export async function* readTar(stream: AsyncIterable<Uint8Array>): AsyncGenerator<TarEntry> {
  const source = new ByteSource(stream);
  const more: { name?: string; link?: string; pax?: Map<string, string> } = {};
  try {
    for (;;) {
      const block = await source.exactly(BLOCK);
      if (!block || block.every((byte) => byte === 0)) return;
      const header = readHeader(block);
      if ('LKxg'.includes(header.type)) {
        if (header.size > LONGEST_EXTENSION) throw new Error('the archive has a name without end');
        const bytes = (await source.exactly(padded(header.size)))?.subarray(0, header.size);
        if (!bytes) throw new Error('the archive breaks off');
        if (header.type === 'L') more.name = text.decode(bytes).replace(/\0.*$/s, '');
        if (header.type === 'K') more.link = text.decode(bytes).replace(/\0.*$/s, '');
        if (header.type === 'x') more.pax = readPax(bytes);
        continue;
      }
      const size = Number(more.pax?.get('size') ?? header.size);
      let rest = padded(size);
      let left = size;
      const body = (async function* body() {
        while (left > 0) {
          const part = await source.some(left);
          if (part.length === 0) throw new Error('the archive breaks off');
          left -= part.length;
          rest -= part.length;
          yield part;
        }
      })();
      yield {
        ...header,
        size,
        name: more.pax?.get('path') ?? more.name ?? header.name,
        linkTarget: more.pax?.get('linkpath') ?? more.link ?? header.linkTarget,
        body,
      };
      while (rest > 0) {
        const part = await source.some(rest);
        if (part.length === 0) return;
        rest -= part.length;
      }
      for (const key of ['name', 'link', 'pax'] as const) delete more[key];
    }
  } finally {
    await source.close();
  }
}

const bytesOf = (value: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(value);

function headerBlock(header: TarHeader): Uint8Array<ArrayBuffer> {
  const block = new Uint8Array(BLOCK);
  const put = (at: number, length: number, value: string): void =>
    block.set(bytesOf(value).subarray(0, length), at);
  const octal = (at: number, length: number, value: number): void =>
    put(
      at,
      length,
      `${Math.floor(value)
        .toString(8)
        .padStart(length - 1, '0')}\0`,
    );
  put(0, 100, header.name);
  octal(100, 8, header.mode % 0o10000);
  octal(108, 8, header.uid);
  octal(116, 8, header.gid);
  // What does not fit stands in the pax record.
  octal(124, 12, header.size < 8 ** 11 ? header.size : 0);
  octal(136, 12, Math.max(0, header.modifiedMs / 1000));
  put(148, 8, '        ');
  put(156, 1, header.type);
  put(157, 100, header.linkTarget);
  put(257, 8, 'ustar\x0000');
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, 8, `${sum.toString(8).padStart(6, '0')}\0 `);
  return block;
}

function paxRecord(key: string, value: string): Uint8Array<ArrayBuffer> {
  const rest = bytesOf(` ${key}=${value}\n`);
  let length = rest.length + 1;
  while (String(length).length + rest.length !== length)
    length = String(length).length + rest.length;
  return bytesOf(`${length} ${key}=${value}\n`);
}

const zeros = (count: number): Uint8Array<ArrayBuffer> => new Uint8Array(count);

/** A tar of the files, read only when the blob is: nothing is held in memory. */
export function makeTar(
  files: readonly { readonly header: TarHeader; readonly body?: Blob }[],
): Blob {
  const parts: BlobPart[] = [];
  for (const { header, body } of files) {
    const records = [
      ...(bytesOf(header.name).length > 100 ? [paxRecord('path', header.name)] : []),
      ...(header.size >= 8 ** 11 ? [paxRecord('size', String(header.size))] : []),
    ];
    const size = records.reduce((sum, record) => sum + record.length, 0);
    if (size > 0)
      parts.push(
        headerBlock({ ...header, name: 'pax', type: 'x', size }),
        ...records,
        zeros(padded(size) - size),
      );
    parts.push(headerBlock(header));
    if (body) parts.push(body, zeros(padded(header.size) - header.size));
  }
  return new Blob([...parts, zeros(2 * BLOCK)]);
}
