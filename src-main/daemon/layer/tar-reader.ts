/**
 * A tar reader that is pushed bytes and answers entries: ustar, pax and GNU long names, without copying
 * file content. Every byte that is not file content is handed to `raw`, so that the archive can be put
 * together again exactly. Follows pax(1) and the GNU tar manual.
 */

import {
  checkChecksum,
  type NameEncoding,
  numbersOf,
  parsePax,
  type SparseFacts,
  sizeOf,
  sizeRecord,
  sparseOf,
  TarFormatError,
  text,
  textRecord,
  xattrsOf,
} from './tar-fields.ts';

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
  /** The content is that of a file with holes: pieces of it, with where they belong. */
  readonly sparse?: SparseFacts;
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
  #pax: ReadonlyMap<string, Buffer> = new Map();
  #longName: string | undefined;
  #longLink: string | undefined;

  readonly #encoding: NameEncoding;

  constructor(sink: TarSink, encoding: NameEncoding = 'utf8') {
    this.#sink = sink;
    this.#encoding = encoding;
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
    const isCut =
      this.#remaining > 0 ||
      this.#padding > 0 ||
      this.#phase.kind === 'extended' ||
      this.#held.length > 0;
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
    checkChecksum(block);
    const type = String.fromCharCode(block[156] ?? 0);
    const size = sizeOf(block);
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
    // Docker reads global headers and does not apply them.
    if (phase.type === 'g') parsePax(body);
    else if (phase.type === 'x') this.#pax = parsePax(body);
    else if (phase.type === 'L') this.#longName = text(body, 0, body.length, this.#encoding);
    else this.#longLink = text(body, 0, body.length, this.#encoding);
  }

  #beginEntry(block: Buffer, typeFlag: string, headerSize: number): void {
    const type = TYPES[typeFlag];
    if (type === undefined)
      throw new TarFormatError(`unhandled tar header type ${typeFlag.charCodeAt(0)}`);
    const records = this.#pax;
    const name =
      textRecord(records, 'path', this.#encoding) ?? this.#longName ?? this.#ustarName(block);
    const size = sizeRecord(records) ?? headerSize;
    const isDirectory = type === 'directory' || (type === 'file' && name.endsWith('/'));
    const sparse = type === 'file' ? sparseOf(records, this.#encoding) : undefined;
    this.#sink.entry({
      ...numbersOf(block, records),
      name: sparse?.name ?? name,
      type: isDirectory ? 'directory' : type,
      size: type === 'file' && !isDirectory ? size : 0,
      linkName:
        textRecord(records, 'linkpath', this.#encoding) ??
        this.#longLink ??
        text(block, 157, 100, this.#encoding),
      xattrs: xattrsOf(records),
      ...(sparse ? { sparse } : {}),
    });
    this.#pax = new Map();
    this.#longName = undefined;
    this.#longLink = undefined;
    this.#expect(type === 'file' ? size : 0, { kind: 'content' });
  }

  #ustarName(block: Buffer): string {
    const name = text(block, 0, 100, this.#encoding);
    const isUstar = text(block, 257, 5) === 'ustar' && block[262] === 0;
    const prefix = isUstar ? text(block, 345, 155, this.#encoding) : '';
    return prefix === '' ? name : `${prefix}/${name}`;
  }
}
