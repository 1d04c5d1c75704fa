/**
 * A tar reader that is pushed bytes and answers entries: ustar, pax and GNU long names, without copying
 * file content. Every byte that is not file content is handed to `raw`, so that the archive can be put
 * together again exactly. Follows pax(1) and the GNU tar manual.
 */

type TarEntryType = 'file' | 'hardlink' | 'symlink' | 'char' | 'block' | 'directory' | 'fifo';

export interface TarEntry {
  readonly name: string;
  readonly type: TarEntryType;
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly size: number;
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
  readonly linkName: string;
  readonly major: number;
  readonly minor: number;
  /** Extended attributes, name → value. */
  readonly xattrs: ReadonlyMap<string, Buffer>;
}

export interface TarSink {
  /** Bytes of headers, padding and the end of the archive, in order. */
  raw(bytes: Buffer): void;
  entry(entry: TarEntry): void;
  /** Content of the last file entry, in pieces. */
  data(bytes: Buffer): void;
  entryEnd(): void;
}

const BLOCK = 512;
/** Extended headers are kept in memory; no honest one is this big. */
const MAX_EXTENDED_BYTES = 1024 * 1024;

const TYPES: Readonly<Record<string, TarEntryType>> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'hardlink',
  '2': 'symlink',
  '3': 'char',
  '4': 'block',
  '5': 'directory',
  '6': 'fifo',
};

/** The archive breaks the format; the message says how. */
class TarFormatError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'TarFormatError';
  }
}

function text(block: Buffer, start: number, length: number): string {
  const end = block.indexOf(0, start);
  return block.toString('utf8', start, end < 0 || end > start + length ? start + length : end);
}

/** Octal text, or base-256 when the high bit is set. */
function numeric(block: Buffer, start: number, length: number): number {
  const first = block[start] ?? 0;
  if (first & 0x80) {
    let value = BigInt(first & 0x7f);
    for (let index = 1; index < length; index++)
      value = (value << 8n) | BigInt(block[start + index] ?? 0);
    return Number(value);
  }
  const octal = text(block, start, length).trim();
  if (octal === '') return 0;
  if (!/^[0-7]+$/.test(octal)) throw new TarFormatError('archive/tar: invalid tar header');
  return Number.parseInt(octal, 8);
}

function hasValidChecksum(block: Buffer): boolean {
  let sum = 8 * 32;
  for (let index = 0; index < BLOCK; index++) {
    if (index < 148 || index >= 156) sum += block[index] ?? 0;
  }
  return sum === numeric(block, 148, 8);
}

/** Records `LENGTH KEY=VALUE\n` of a pax header. Values stay bytes: xattrs are binary. */
function parsePax(bytes: Buffer): ReadonlyMap<string, Buffer> {
  const records = new Map<string, Buffer>();
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(32, at);
    const length = Number(bytes.toString('latin1', at, space));
    if (space < 0 || !Number.isInteger(length) || length <= 0 || at + length > bytes.length)
      throw new TarFormatError('archive/tar: invalid tar header');
    const equals = bytes.indexOf(61, space);
    if (equals < 0 || equals > at + length)
      throw new TarFormatError('archive/tar: invalid tar header');
    records.set(
      bytes.toString('utf8', space + 1, equals),
      bytes.subarray(equals + 1, at + length - 1),
    );
    at += length;
  }
  return records;
}

type Phase =
  | { readonly kind: 'header' }
  | { readonly kind: 'extended'; readonly type: string; readonly parts: Buffer[] }
  | { readonly kind: 'content' }
  | { readonly kind: 'trailer' };

export class TarReader {
  readonly #sink: TarSink;
  #phase: Phase = { kind: 'header' };
  /** An unfinished header block. */
  #held = Buffer.alloc(0);
  #remaining = 0;
  #padding = 0;
  #zeroBlocks = 0;
  #global: ReadonlyMap<string, Buffer> = new Map();
  #pax: ReadonlyMap<string, Buffer> = new Map();
  #longName: string | undefined;
  #longLink: string | undefined;

  constructor(sink: TarSink) {
    this.#sink = sink;
  }

  push(chunk: Buffer): void {
    let at = 0;
    while (at < chunk.length) {
      switch (this.#phase.kind) {
        case 'header':
          at = this.#takeHeader(chunk, at);
          break;
        case 'extended':
        case 'content':
          at = this.#takeBody(chunk, at);
          break;
        case 'trailer':
          this.#sink.raw(chunk.subarray(at));
          return;
      }
    }
  }

  /** The stream is over. Throws when it ended inside an entry. */
  finish(): void {
    const isCut = this.#remaining > 0 || this.#phase.kind === 'extended' || this.#held.length > 0;
    if (isCut) throw new TarFormatError('unexpected EOF');
  }

  #takeHeader(chunk: Buffer, start: number): number {
    if (this.#padding > 0) {
      const length = Math.min(this.#padding, chunk.length - start);
      this.#sink.raw(chunk.subarray(start, start + length));
      this.#padding -= length;
      return start + length;
    }
    const missing = BLOCK - this.#held.length;
    const piece = chunk.subarray(start, start + missing);
    const block = this.#held.length === 0 ? piece : Buffer.concat([this.#held, piece]);
    if (block.length < BLOCK) {
      this.#held = Buffer.from(block);
      return chunk.length;
    }
    this.#held = Buffer.alloc(0);
    this.#sink.raw(block);
    this.#header(block);
    return start + piece.length;
  }

  #header(block: Buffer): void {
    if (block.every((byte) => byte === 0)) {
      // Two zero blocks end the archive; what follows is padding.
      if (++this.#zeroBlocks === 2) this.#phase = { kind: 'trailer' };
      return;
    }
    this.#zeroBlocks = 0;
    if (!hasValidChecksum(block)) throw new TarFormatError('archive/tar: invalid tar header');
    const type = String.fromCharCode(block[156] ?? 0);
    const size = numeric(block, 124, 12);
    if ('xgLK'.includes(type)) {
      if (size > MAX_EXTENDED_BYTES) throw new TarFormatError('archive/tar: header field too long');
      this.#expect(size, { kind: 'extended', type, parts: [] });
      return;
    }
    this.#beginEntry(block, type, size);
  }

  #expect(size: number, phase: Phase): void {
    this.#remaining = size;
    this.#padding = (BLOCK - (size % BLOCK)) % BLOCK;
    this.#phase = phase;
    if (size === 0) this.#bodyEnd();
  }

  #takeBody(chunk: Buffer, start: number): number {
    const piece = chunk.subarray(start, start + this.#remaining);
    if (this.#phase.kind === 'extended') {
      this.#phase.parts.push(Buffer.from(piece));
      this.#sink.raw(piece);
    } else {
      this.#sink.data(piece);
    }
    this.#remaining -= piece.length;
    if (this.#remaining === 0) this.#bodyEnd();
    return start + piece.length;
  }

  #bodyEnd(): void {
    const phase = this.#phase;
    this.#phase = { kind: 'header' };
    if (phase.kind === 'content') this.#sink.entryEnd();
    if (phase.kind !== 'extended') return;
    const body = Buffer.concat(phase.parts);
    if (phase.type === 'x') this.#pax = parsePax(body);
    else if (phase.type === 'g') this.#global = new Map([...this.#global, ...parsePax(body)]);
    else if (phase.type === 'L') this.#longName = text(body, 0, body.length);
    else this.#longLink = text(body, 0, body.length);
  }

  #beginEntry(block: Buffer, typeFlag: string, headerSize: number): void {
    const type = TYPES[typeFlag];
    if (type === undefined)
      throw new TarFormatError(`unhandled tar header type ${typeFlag.charCodeAt(0)}`);
    const records = new Map([...this.#global, ...this.#pax]);
    if ([...records.keys()].some((name) => name.startsWith('GNU.sparse.')))
      throw new TarFormatError('archive/tar: sparse files are not supported in layers');
    const name = records.get('path')?.toString() ?? this.#longName ?? this.#ustarName(block);
    const sizeText = records.get('size')?.toString();
    const size = sizeText === undefined ? headerSize : Number(sizeText);
    const hasContent = type === 'file' && !name.endsWith('/');
    this.#sink.entry({
      ...numbersOf(block, records),
      name,
      type: type === 'file' && name.endsWith('/') ? 'directory' : type,
      size: hasContent ? size : 0,
      linkName: records.get('linkpath')?.toString() ?? this.#longLink ?? text(block, 157, 100),
      xattrs: xattrsOf(records),
    });
    this.#pax = new Map();
    this.#longName = undefined;
    this.#longLink = undefined;
    this.#expect(type === 'file' ? size : 0, { kind: 'content' });
  }

  #ustarName(block: Buffer): string {
    const name = text(block, 0, 100);
    const isUstar = text(block, 257, 5) === 'ustar' && block[262] === 0;
    const prefix = isUstar ? text(block, 345, 155) : '';
    return prefix === '' ? name : `${prefix}/${name}`;
  }
}

function numbersOf(
  block: Buffer,
  records: ReadonlyMap<string, Buffer>,
): Pick<
  TarEntry,
  'mode' | 'uid' | 'gid' | 'mtimeSeconds' | 'mtimeNanoseconds' | 'major' | 'minor'
> {
  const record = (name: string): string | undefined => records.get(name)?.toString();
  const [seconds = '0', fraction = ''] = (record('mtime') ?? String(numeric(block, 136, 12))).split(
    '.',
  );
  return {
    mode: numeric(block, 100, 8) & 0o7777,
    uid: Number(record('uid') ?? numeric(block, 108, 8)),
    gid: Number(record('gid') ?? numeric(block, 116, 8)),
    mtimeSeconds: Number(seconds),
    mtimeNanoseconds: Number(fraction.padEnd(9, '0').slice(0, 9)),
    major: numeric(block, 329, 8),
    minor: numeric(block, 337, 8),
  };
}

function xattrsOf(records: ReadonlyMap<string, Buffer>): ReadonlyMap<string, Buffer> {
  const prefix = 'SCHILY.xattr.';
  const found = [...records].filter(([name]) => name.startsWith(prefix));
  return new Map(found.map(([name, value]) => [name.slice(prefix.length), value]));
}
