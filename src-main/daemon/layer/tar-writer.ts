/** Headers of a pax archive, as Go's archive/tar writes them: ustar, and a pax header for what does not fit. */
import type { TarEntry } from './tar-reader.ts';

const BLOCK = 512;
const TYPE_FLAGS: Readonly<Record<TarEntry['type'], string>> = {
  file: '0',
  hardlink: '1',
  symlink: '2',
  char: '3',
  block: '4',
  directory: '5',
  fifo: '6',
};
/** Bits of st_mode that say what a file is; Docker's archives carry them in the mode. */
const TYPE_BITS: Readonly<Record<TarEntry['type'], number>> = {
  file: 0o100000,
  hardlink: 0o100000,
  symlink: 0o120000,
  char: 0o020000,
  block: 0o060000,
  directory: 0o040000,
  fifo: 0o010000,
};
const MAX_OCTAL_7 = 0o7777777;
const MAX_OCTAL_11 = 0o77777777777;

/** Zeros up to the next block. */
export function padding(size: number): Buffer {
  return Buffer.alloc((BLOCK - (size % BLOCK)) % BLOCK);
}

/** What ends an archive. */
export const END_OF_ARCHIVE = Buffer.alloc(2 * BLOCK);

/** The header blocks of an entry. Names are byte strings; the time is cut to seconds, as Docker does. */
export function encodeEntry(entry: TarEntry): Buffer {
  const records = paxRecords(entry);
  const main = ustarBlock(entry, TYPE_FLAGS[entry.type]);
  if (records.length === 0) return main;
  const body = Buffer.concat(records.map(encodeRecord));
  const name = paxHeaderName(entry.name);
  const header = ustarBlock({ ...NO_ENTRY, name, size: body.length }, 'x');
  return Buffer.concat([header, body, padding(body.length), main]);
}

const NO_ENTRY: TarEntry = {
  name: '',
  type: 'file',
  mode: 0,
  uid: 0,
  gid: 0,
  size: 0,
  mtimeSeconds: 0,
  mtimeNanoseconds: 0,
  linkName: '',
  major: 0,
  minor: 0,
  xattrs: new Map(),
};

function paxHeaderName(name: string): string {
  const clean = name.replace(/\/+$/, '');
  const at = clean.lastIndexOf('/') + 1;
  return asciiOf(`${clean.slice(0, at)}PaxHeaders.0/${clean.slice(at)}`);
}

const NOT_ASCII = /[\u0080-\uffff]/g;
const asciiOf = (text: string): string => text.replace(NOT_ASCII, '');
const needsPax = (text: string, room: number): boolean =>
  text.length > room || asciiOf(text).length !== text.length;

type PaxRecord = readonly [key: string, value: Buffer];

/** Sorted by key. */
function paxRecords(entry: TarEntry): PaxRecord[] {
  const bytes = (text: string): Buffer => Buffer.from(text, 'latin1');
  const records: PaxRecord[] = [];
  for (const [name, value] of entry.xattrs) records.push([`SCHILY.xattr.${name}`, value]);
  if (entry.gid > MAX_OCTAL_7) records.push(['gid', bytes(String(entry.gid))]);
  if (needsPax(entry.linkName, 100)) records.push(['linkpath', bytes(entry.linkName)]);
  if (entry.mtimeSeconds < 0 || entry.mtimeSeconds > MAX_OCTAL_11)
    records.push(['mtime', bytes(String(entry.mtimeSeconds))]);
  if (needsPax(entry.name, 100)) records.push(['path', bytes(entry.name)]);
  if (entry.size > MAX_OCTAL_11) records.push(['size', bytes(String(entry.size))]);
  if (entry.uid > MAX_OCTAL_7) records.push(['uid', bytes(String(entry.uid))]);
  return records.sort(([a], [b]) => (a < b ? -1 : 1));
}

/** `LENGTH KEY=VALUE\n`; the length counts itself. */
function encodeRecord([key, value]: PaxRecord): Buffer {
  const rest = key.length + value.length + 3;
  let length = rest + String(rest).length;
  if (rest + String(length).length !== length) length = rest + String(length).length;
  return Buffer.concat([Buffer.from(`${length} ${key}=`, 'latin1'), value, Buffer.from('\n')]);
}

function ustarBlock(entry: TarEntry, typeFlag: string): Buffer {
  const block = Buffer.alloc(BLOCK);
  const put = (at: number, room: number, text: string): void => {
    block.write(asciiOf(text).slice(0, room), at, 'latin1');
  };
  const octal = (at: number, room: number, value: number): void => {
    const fits = value >= 0 && value < 8 ** (room - 1);
    put(at, room, (fits ? value : 0).toString(8).padStart(room - 1, '0'));
  };
  const isPaxHeader = typeFlag === 'x';
  put(0, 100, entry.name);
  octal(100, 8, isPaxHeader ? 0 : entry.mode | TYPE_BITS[entry.type]);
  octal(108, 8, entry.uid);
  octal(116, 8, entry.gid);
  octal(124, 12, entry.size);
  octal(136, 12, entry.mtimeSeconds);
  put(148, 8, '        ');
  put(156, 1, typeFlag);
  put(157, 100, entry.linkName);
  put(257, 8, 'ustar\x0000');
  octal(329, 8, entry.major);
  octal(337, 8, entry.minor);
  const sum = block.reduce((total, byte) => total + byte, 0);
  put(148, 8, `${sum.toString(8).padStart(6, '0')}\0 `);
  return block;
}
