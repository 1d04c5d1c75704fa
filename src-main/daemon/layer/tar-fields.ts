/** Fields of tar headers and records of pax headers, with the checks of Go's archive/tar, which Docker reads with. */

/** The archive breaks the format; the message says how. */
export class TarFormatError extends Error {
  constructor(message = 'archive/tar: invalid tar header') {
    super(message);
    this.name = 'TarFormatError';
  }
}

const BLOCK = 512;
/** Exact in a number; no archive is bigger. */
const MAX_SIZE = Number.MAX_SAFE_INTEGER;

/** latin1: a name is a string with a character for each byte, whatever its encoding. */
export type NameEncoding = 'utf8' | 'latin1';

/** Text up to the first NUL. */
export function text(
  block: Buffer,
  start: number,
  length: number,
  encoding: NameEncoding = 'utf8',
): string {
  const end = block.indexOf(0, start);
  return block.toString(encoding, start, end < 0 || end > start + length ? start + length : end);
}

/** Octal text, or base-256 (two's complement) when the high bit is set. */
function numeric(block: Buffer, start: number, length: number): number {
  const first = block[start] ?? 0;
  if (first & 0x80) return base256(block, start, length);
  let from = start;
  while (from < start + length && (block[from] === 0x20 || block[from] === 0)) from++;
  const octal = text(block, from, start + length - from).trim();
  if (octal === '') return 0;
  if (!/^[0-7]+$/.test(octal)) throw new TarFormatError();
  return Number.parseInt(octal, 8);
}

function base256(block: Buffer, start: number, length: number): number {
  const isNegative = ((block[start] ?? 0) & 0x40) !== 0;
  const flip = isNegative ? 0xff : 0;
  let value = 0n;
  for (let index = 0; index < length; index++) {
    const byte = (block[start + index] ?? 0) ^ flip;
    value = (value << 8n) | BigInt(index === 0 ? byte & 0x7f : byte);
  }
  if (value >= 1n << 63n) throw new TarFormatError();
  return Number(isNegative ? -value - 1n : value);
}

/** Throws TarFormatError when neither the unsigned nor the signed sum is that of the header. */
export function checkChecksum(block: Buffer): void {
  let unsigned = 8 * 32;
  let signed = unsigned;
  for (let index = 0; index < BLOCK; index++) {
    if (index >= 148 && index < 156) continue;
    const byte = block[index] ?? 0;
    unsigned += byte;
    signed += byte > 127 ? byte - 256 : byte;
  }
  const given = numeric(block, 148, 8);
  if (given !== unsigned && given !== signed) throw new TarFormatError();
}

function checkedSize(size: number): number {
  if (!Number.isInteger(size) || size < 0 || size > MAX_SIZE) throw new TarFormatError();
  return size;
}

/** Bytes of content, from the header. */
export function sizeOf(block: Buffer): number {
  return checkedSize(numeric(block, 124, 12));
}

type Records = ReadonlyMap<string, Buffer>;

/** Keys whose values are names and must not hold a NUL. */
const NAME_KEYS = new Set(['path', 'linkpath', 'uname', 'gname', 'GNU.sparse.name']);

/** Records `LENGTH KEY=VALUE\n` of a pax header. Values stay bytes: xattrs are binary. */
export function parsePax(bytes: Buffer): Records {
  const records = new Map<string, Buffer>();
  const sparse: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    const space = bytes.indexOf(0x20, at);
    const digits = space < 0 ? '' : bytes.toString('latin1', at, space);
    const length = Number(digits);
    const end = at + length;
    if (!/^\d{1,7}$/.test(digits) || length < 5 || end > bytes.length || bytes[end - 1] !== 0x0a)
      throw new TarFormatError();
    const equals = bytes.indexOf(0x3d, space);
    if (equals < 0 || equals >= end || equals === space + 1) throw new TarFormatError();
    const key = bytes.toString('utf8', space + 1, equals);
    const value = bytes.subarray(equals + 1, end - 1);
    if (key.includes('\0') || (NAME_KEYS.has(key) && value.includes(0))) throw new TarFormatError();
    // The first form of sparse maps repeats its keys.
    if (key === 'GNU.sparse.offset' || key === 'GNU.sparse.numbytes') sparse.push(value.toString());
    else records.set(key, value);
    at = end;
  }
  if (sparse.length > 0) records.set('GNU.sparse.map', Buffer.from(sparse.join(',')));
  return records;
}

/** An empty record leaves the header's own field valid. */
export function textRecord(
  records: Records,
  key: string,
  encoding: NameEncoding = 'utf8',
): string | undefined {
  const value = records.get(key);
  return value === undefined || value.length === 0 ? undefined : value.toString(encoding);
}

function integerRecord(records: Records, key: string): number | undefined {
  const value = textRecord(records, key);
  if (value === undefined) return undefined;
  if (!/^[+-]?\d{1,19}$/.test(value)) throw new TarFormatError();
  return Number(value);
}

/** The size a pax header gives. */
export function sizeRecord(records: Records): number | undefined {
  const size = integerRecord(records, 'size');
  return size === undefined ? undefined : checkedSize(size);
}

interface Moment {
  readonly mtimeSeconds: number;
  readonly mtimeNanoseconds: number;
}

/** `-1.5`: decimal seconds; digits beyond nanoseconds are cut off. */
function parseMoment(given: string): Moment {
  const match = /^(-?)(\d{1,19})(?:\.(\d*))?$/.exec(given);
  if (!match) throw new TarFormatError();
  const seconds = Number(match[2]);
  const nanoseconds = Number((match[3] ?? '').padEnd(9, '0').slice(0, 9));
  if (match[1] === '') return { mtimeSeconds: seconds, mtimeNanoseconds: nanoseconds };
  return nanoseconds === 0
    ? { mtimeSeconds: -seconds, mtimeNanoseconds: 0 }
    : { mtimeSeconds: -seconds - 1, mtimeNanoseconds: 1e9 - nanoseconds };
}

export interface HeaderNumbers extends Moment {
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly major: number;
  readonly minor: number;
}

export function numbersOf(block: Buffer, records: Records): HeaderNumbers {
  const moment = textRecord(records, 'mtime');
  // Before ustar there were no device fields, and anything may stand in their place.
  const isUstar = text(block, 257, 5) === 'ustar';
  return {
    mode: numeric(block, 100, 8) & 0o7777,
    uid: integerRecord(records, 'uid') ?? numeric(block, 108, 8),
    gid: integerRecord(records, 'gid') ?? numeric(block, 116, 8),
    ...(moment === undefined
      ? { mtimeSeconds: numeric(block, 136, 12), mtimeNanoseconds: 0 }
      : parseMoment(moment)),
    major: isUstar ? numeric(block, 329, 8) : 0,
    minor: isUstar ? numeric(block, 337, 8) : 0,
  };
}

const XATTR_PREFIX = 'SCHILY.xattr.';

export function xattrsOf(records: Records): ReadonlyMap<string, Buffer> {
  const found = [...records].filter(([name]) => name.startsWith(XATTR_PREFIX));
  return new Map(found.map(([name, value]) => [name.slice(XATTR_PREFIX.length), value]));
}

/** A file with holes (GNU tar manual, "Storing Sparse Files", pax forms 0.0, 0.1 and 1.0). */
export interface SparseFacts {
  readonly name: string | undefined;
  /** Bytes of the whole file. */
  readonly realSize: number;
  /** Offset and length of each piece, in turn; undefined when the content begins with it (form 1.0). */
  readonly map: readonly number[] | undefined;
}

export function sparseOf(
  records: Records,
  encoding: NameEncoding = 'utf8',
): SparseFacts | undefined {
  const isLast = textRecord(records, 'GNU.sparse.major') === '1';
  const map = textRecord(records, 'GNU.sparse.map');
  if (!isLast && map === undefined) return undefined;
  const realSize =
    integerRecord(records, 'GNU.sparse.realsize') ?? integerRecord(records, 'GNU.sparse.size');
  return {
    name: textRecord(records, 'GNU.sparse.name', encoding),
    realSize: checkedSize(realSize ?? -1),
    map: isLast ? undefined : checkedMap((map ?? '').split(',').map(Number), realSize ?? 0),
  };
}

/** Throws TarFormatError unless the pieces are in order, apart, and inside the file. */
export function checkedMap(map: readonly number[], realSize: number): readonly number[] {
  let end = 0;
  if (map.length % 2 !== 0) throw new TarFormatError();
  for (let at = 0; at < map.length; at += 2) {
    const offset = checkedSize(map[at] ?? -1);
    if (offset < end) throw new TarFormatError();
    end = checkedSize(offset + checkedSize(map[at + 1] ?? -1));
  }
  if (end > realSize) throw new TarFormatError();
  return map;
}
