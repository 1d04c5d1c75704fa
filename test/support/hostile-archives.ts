/** A corpus of archives that mean harm, each with what must come of it. */
import { deflateRawSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { paxRecord, type RawEntry, rawEntry, rawTar, TAR_END } from './raw-tar.ts';

export interface HostileArchive {
  readonly name: string;
  /** `victim` is the absolute path of a directory outside that must not be touched. */
  readonly bytes: (victim: string) => Buffer;
  /** The error, or `contained`: it is unpacked, and all of it inside. */
  readonly outcome: RegExp | 'contained';
}

const row = (
  name: string,
  outcome: HostileArchive['outcome'],
  bytes: HostileArchive['bytes'],
): HostileArchive => ({ name, outcome, bytes });

const entries = (
  name: string,
  outcome: HostileArchive['outcome'],
  ...list: readonly (RawEntry | Buffer)[]
): HostileArchive => row(name, outcome, () => rawTar({ name: 'ok', content: 'fine' }, ...list));

const OUTSIDE = /is outside of/;
const BAD_SYMLINK = /invalid symlink/;
const BAD_HARDLINK = /invalid hardlink/;
const BAD_HEADER = /archive\/tar: invalid tar header/;
const CUT = /unexpected EOF|unexpected end of file/;
const UP = '../../../../../../';
const NESTED = '../../../../victim';

/** Names that lead out. */
const NAMES: readonly HostileArchive[] = [
  entries('a parent path', OUTSIDE, { name: '../evil', content: 'x' }),
  entries('a parent path far up', OUTSIDE, { name: `${NESTED}/evil`, content: 'x' }),
  entries('a parent path behind a directory', OUTSIDE, { name: 'a/../../evil', content: 'x' }),
  entries('a parent path in a pax header', OUTSIDE, { name: 'a', pax: { path: '../evil' } }),
  entries(
    'a parent path in a GNU long name',
    OUTSIDE,
    rawEntry({ name: '././@LongLink', type: 'L', content: `${UP}evil\0` }),
    { name: 'short' },
  ),
  entries('a parent path as prefix', OUTSIDE, { name: 'evil', fields: { 345: '../..' } }),
  entries('a directory above', OUTSIDE, { name: '../', type: '5', mode: 0o777 }),
  entries('a device above', OUTSIDE, { name: '../mem', type: '3', major: 1, minor: 1 }),
  entries('a whiteout above', OUTSIDE, { name: '../.wh.victim' }),
  entries('an opaque mark above', OUTSIDE, { name: '../.wh..wh..opq' }),
  row('an absolute path', 'contained', (victim) =>
    rawTar({ name: `${victim}/evil`, content: 'x' }),
  ),
  row('an absolute path in a pax header', 'contained', (victim) =>
    rawTar({ name: 'a', content: 'x', pax: { path: `${victim}/evil` } }),
  ),
  entries('the root as a symlink', 'contained', { name: './', type: '2', link: '/etc' }),
  entries('the root as a file', 'contained', { name: '.', content: 'x' }),
  entries('an empty name', 'contained', { name: '', content: 'x' }),
  entries('a pax name with NUL', BAD_HEADER, { name: 'a', pax: { path: 'a\0../evil' } }),
  entries('a name too long for the system', /ENAMETOOLONG/, {
    name: 'a',
    pax: { path: 'n'.repeat(300) },
  }),
  entries('a path too long for the system', /ENAMETOOLONG/, {
    name: 'a',
    pax: { path: 'dir/'.repeat(1500) },
  }),
];

/** Symlinks that lead out, before and after what goes through them. */
const SYMLINKS: readonly HostileArchive[] = [
  entries('a symlink up', BAD_SYMLINK, { name: 'l', type: '2', link: `${UP}etc` }),
  entries('a symlink up from a directory', BAD_SYMLINK, {
    name: 'a/b/l',
    type: '2',
    link: `../../${UP}etc`,
  }),
  entries('a symlink up in a pax header', BAD_SYMLINK, {
    name: 'l',
    type: '2',
    pax: { linkpath: `${UP}etc` },
  }),
  entries(
    'a symlink up in a GNU long link',
    BAD_SYMLINK,
    rawEntry({ name: '././@LongLink', type: 'K', content: `${UP}etc\0` }),
    { name: 'l', type: '2' },
  ),
  row('a file through an absolute symlink', 'contained', (victim) =>
    rawTar({ name: 'l', type: '2', link: victim }, { name: 'l/evil', content: 'x' }),
  ),
  row('a file onto an absolute symlink', 'contained', (victim) =>
    rawTar({ name: 'l', type: '2', link: `${victim}/kept` }, { name: 'l', content: 'x' }),
  ),
  row('a hard link to an absolute symlink, then a file onto it', 'contained', (victim) =>
    rawTar(
      { name: 'l', type: '2', link: `${victim}/kept` },
      { name: 'h', type: '1', link: 'l' },
      { name: 'h', content: 'x' },
    ),
  ),
  row('a directory that becomes an absolute symlink', 'contained', (victim) =>
    rawTar(
      { name: 'd/', type: '5' },
      { name: 'd/a', content: 'x' },
      { name: 'd', type: '2', link: victim },
      { name: 'd/evil', content: 'x' },
      { name: 'd/kept', content: 'x' },
    ),
  ),
  row('a symlink that becomes a directory again', 'contained', (victim) =>
    rawTar(
      { name: 'd', type: '2', link: victim },
      { name: 'd/', type: '5', mode: 0o777 },
      { name: 'd/evil', content: 'x' },
    ),
  ),
  row('a chain of symlinks', 'contained', (victim) =>
    rawTar(
      { name: 'a', type: '2', link: 'b' },
      { name: 'b', type: '2', link: 'c' },
      { name: 'c', type: '2', link: victim },
      { name: 'a/evil', content: 'x' },
    ),
  ),
  entries(
    'symlinks in a circle',
    /too many symbolic links/,
    { name: 'a', type: '2', link: 'b' },
    { name: 'b', type: '2', link: 'a' },
    { name: 'a/x', content: 'x' },
  ),
  row('modes and times through an absolute symlink', 'contained', (victim) =>
    rawTar(
      { name: 'l', type: '2', link: victim },
      { name: 'l/.', type: '5', mode: 0o777, uid: 1234 },
    ),
  ),
  row('a whiteout through an absolute symlink', 'contained', (victim) =>
    rawTar({ name: 'l', type: '2', link: victim }, { name: 'l/.wh.kept' }),
  ),
  row('an opaque mark through an absolute symlink', 'contained', (victim) =>
    rawTar({ name: 'l', type: '2', link: victim }, { name: 'l/.wh..wh..opq' }),
  ),
  row('a device through an absolute symlink', 'contained', (victim) =>
    rawTar(
      { name: 'l', type: '2', link: victim },
      { name: 'l/null', type: '3', major: 1, minor: 3 },
    ),
  ),
  row('a whiteout of a symlink', 'contained', (victim) =>
    rawTar({ name: 'l', type: '2', link: victim }, { name: '.wh.l' }),
  ),
  entries(
    'a symlink to above by way of one inside',
    'contained',
    { name: 'a/b/', type: '5' },
    { name: 'a/b/up', type: '2', link: '../..' },
    { name: 'a/b/up/../../../evil', content: 'x' },
  ),
  entries('a file below a file', /is not a directory/, { name: 'ok/below', content: 'x' }),
];

/** Hard links that lead out. */
const HARDLINKS: readonly HostileArchive[] = [
  entries('a hard link up', BAD_HARDLINK, { name: 'h', type: '1', link: `${UP}etc/passwd` }),
  entries('a hard link up in a pax header', BAD_HARDLINK, {
    name: 'h',
    type: '1',
    pax: { linkpath: `${UP}etc/passwd` },
  }),
  row('an absolute hard link', /ENOENT/, (victim) =>
    rawTar({ name: 'h', type: '1', link: `${victim}/kept` }),
  ),
  row('a hard link through an absolute symlink', /ENOENT/, (victim) =>
    rawTar(
      { name: 'l', type: '2', link: victim },
      { name: 'h', type: '1', link: 'l/kept' },
      { name: 'h', content: 'overwritten' },
    ),
  ),
  entries('a hard link to nothing', /ENOENT/, { name: 'h', type: '1', link: 'nothing' }),
  entries('a hard link to itself', /ENOENT/, { name: 'ok', type: '1', link: 'ok' }),
  entries('a hard link to the root', /EPERM/, { name: 'h', type: '1', link: '.' }),
  entries(
    'a hard link to a directory',
    /EPERM/,
    { name: 'd/', type: '5' },
    {
      name: 'h',
      type: '1',
      link: 'd',
    },
  ),
];

/** Whiteouts with a twist. */
const WHITEOUTS: readonly HostileArchive[] = [
  entries('a whiteout of nothing', /invalid whiteout/, { name: '.wh.' }),
  entries('a whiteout of the directory', /invalid whiteout/, { name: 'd/.wh..' }),
  entries('a whiteout of the parent', /invalid whiteout/, { name: 'd/.wh...' }),
  entries(
    'the book-keeping of aufs',
    'contained',
    { name: '.wh..wh.aufs', content: 'x' },
    {
      name: '.wh..wh.plnk/1.2',
      content: 'x',
    },
  ),
  entries('an opaque mark on a file', /is not a directory/, { name: 'ok/.wh..wh..opq' }),
  entries('a whiteout with content', 'contained', { name: '.wh.gone', content: 'x'.repeat(2000) }),
  entries('a directory named like a whiteout', 'contained', { name: '.wh.ok/', type: '5' }),
  entries('a file below a whiteout', 'contained', { name: '.wh.gone/x', content: 'x' }),
  entries('a forged overlay attribute', 'contained', {
    name: 'd/',
    type: '5',
    pax: {
      'SCHILY.xattr.trusted.overlay.opaque': 'y',
      'SCHILY.xattr.trusted.overlay.redirect': '/etc',
      'SCHILY.xattr.user.overlay.opaque': 'y',
    },
  }),
  entries('what was written is whited out again', 'contained', { name: '.wh.ok' }),
];

/** Devices and other special files. */
const DEVICES: readonly HostileArchive[] = [
  entries(
    'a device, then a file onto it',
    'contained',
    { name: 'null', type: '3', major: 1, minor: 3 },
    { name: 'null', content: 'x' },
  ),
  entries(
    'a fifo, then a file onto it',
    'contained',
    { name: 'pipe', type: '6' },
    { name: 'pipe', content: 'x' },
  ),
  entries(
    'a file below a fifo',
    /is not a directory/,
    { name: 'pipe', type: '6' },
    {
      name: 'pipe/x',
      content: 'x',
    },
  ),
  entries('device numbers that are none', BAD_HEADER, {
    name: 'dev',
    type: '3',
    fields: { 329: 'notoctal' },
  }),
  entries('a kind of entry that is not known', /unhandled tar header type 86/, {
    name: 'label',
    type: 'V',
  }),
];

const negative = Buffer.concat([Buffer.from([0xff]), Buffer.alloc(11, 0xff)]);
const enormous = Buffer.concat([Buffer.from([0x80]), Buffer.alloc(11, 0xff)]);

/** Headers that lie. */
const HEADERS: readonly HostileArchive[] = [
  entries('a wrong checksum', BAD_HEADER, { name: 'a', badChecksum: true }),
  entries('a size that is no number', BAD_HEADER, { name: 'a', sizeField: 'xyz' }),
  entries('a negative size', BAD_HEADER, { name: 'a', sizeField: negative }),
  entries('an enormous size', BAD_HEADER, { name: 'a', sizeField: enormous }),
  entries('a negative size in a pax header', BAD_HEADER, { name: 'a', pax: { size: '-1' } }),
  entries('a size in a pax header that is no number', BAD_HEADER, {
    name: 'a',
    pax: { size: '0x10' },
  }),
  entries('more content than there is', CUT, { name: 'a', sizeField: '77777777777\0' }),
  entries('an owner that is no number', BAD_HEADER, { name: 'a', pax: { uid: 'root' } }),
  entries('an owner beyond all numbers', /out of range/, { name: 'a', pax: { uid: '9999999999' } }),
  entries('a time that is none', BAD_HEADER, { name: 'a', pax: { mtime: 'now' } }),
  entries('a time beyond all time', 'contained', {
    name: 'a',
    pax: { mtime: '9223372036854775807' },
  }),
  entries('a time before all time', 'contained', {
    name: 'a',
    pax: { mtime: '-9223372036854775807.5' },
  }),
  entries(
    'a pax record longer than its header',
    BAD_HEADER,
    rawEntry({ name: 'pax', type: 'x', content: '999 path=a\n' }),
    { name: 'a' },
  ),
  entries(
    'a pax record without an end',
    BAD_HEADER,
    rawEntry({ name: 'pax', type: 'x', content: '10 path=ab' }),
    { name: 'a' },
  ),
  entries(
    'a pax record of length nought',
    BAD_HEADER,
    rawEntry({ name: 'pax', type: 'x', content: '0 path=a\n' }),
    { name: 'a' },
  ),
  entries(
    'a pax record without a key',
    BAD_HEADER,
    rawEntry({ name: 'pax', type: 'x', content: '6 =ab\n' }),
    { name: 'a' },
  ),
  entries(
    'an extended header of many megabytes',
    /header field too long/,
    rawEntry({ name: 'pax', type: 'x', content: paxRecord('comment', 'c'.repeat(2 << 20)) }),
    { name: 'a' },
  ),
  entries(
    'a long name of many megabytes',
    /header field too long/,
    rawEntry({ name: 'long', type: 'L', content: 'n'.repeat(2 << 20) }),
    { name: 'a' },
  ),
  entries(
    'global headers without end',
    'contained',
    ...Array.from({ length: 64 }, (_, i) =>
      rawEntry({ name: 'g', type: 'g', content: paxRecord(`key${i}`, 'v'.repeat(200_000)) }),
    ),
    { name: 'a', content: 'x' },
  ),
  entries(
    'a global header that renames everything',
    'contained',
    rawEntry({ name: 'g', type: 'g', content: paxRecord('path', '../evil') }),
    { name: 'a', content: 'x' },
  ),
  entries('an attribute beyond all limits', /E2BIG|ENOSPC|ERANGE/, {
    name: 'a',
    pax: { 'SCHILY.xattr.user.big': 'x'.repeat(100_000) },
  }),
  entries('a sparse map with pieces that overlap', BAD_HEADER, {
    name: 'a',
    content: 'xxxx',
    pax: { 'GNU.sparse.map': '0,2,1,2', 'GNU.sparse.size': '10' },
  }),
  entries('a sparse map beyond the file', BAD_HEADER, {
    name: 'a',
    content: 'xxxx',
    pax: { 'GNU.sparse.map': '100,4', 'GNU.sparse.size': '10' },
  }),
  entries('a sparse name that leads out', OUTSIDE, {
    name: 'a',
    content: '0\n',
    pax: {
      'GNU.sparse.major': '1',
      'GNU.sparse.minor': '0',
      'GNU.sparse.name': '../evil',
      'GNU.sparse.realsize': '0',
    },
  }),
  entries('a sparse map that is no map', BAD_HEADER, {
    name: 'a',
    content: 'nonsense\n'.padEnd(512, '\0'),
    pax: {
      'GNU.sparse.major': '1',
      'GNU.sparse.minor': '0',
      'GNU.sparse.name': 'a',
      'GNU.sparse.realsize': '10',
    },
  }),
];

const whole = (): Buffer =>
  rawTar({ name: 'a', content: 'x'.repeat(5000) }, { name: 'b', pax: { path: 'c' } });

/** Streams that break. */
const STREAMS: readonly HostileArchive[] = [
  row('an end within a header', CUT, () => whole().subarray(0, 300)),
  row('an end within content', CUT, () => whole().subarray(0, 3000)),
  row('an end within padding', CUT, () => whole().subarray(0, 5600)),
  row('an end within a pax header', CUT, () => whole().subarray(0, 6144 + 512 + 4)),
  row('text in place of a tar', BAD_HEADER, () => Buffer.from('hello '.repeat(200))),
  row('zeros, and then a tar', 'contained', () => Buffer.concat([TAR_END, whole()])),
  row('rubbish after the end', 'contained', () =>
    Buffer.concat([whole(), Buffer.from('rubbish'.repeat(300))]),
  ),
  row('gzip that ends early', CUT, () => gzipSync(whole()).subarray(0, -9)),
  row('gzip with a wrong sum', /incorrect data check/, () => {
    const bytes = gzipSync(whole());
    bytes.writeUInt32LE(0xdeadbeef, bytes.length - 8);
    return bytes;
  }),
  row('gzip with a wrong length', /incorrect length check/, () => {
    const bytes = gzipSync(whole());
    bytes.writeUInt32LE(1, bytes.length - 4);
    return bytes;
  }),
  row('gzip with rubbish inside', /invalid|incorrect/, () => {
    const bytes = gzipSync(whole());
    return bytes.fill(0xff, 20, 40);
  }),
  row('a gzip header alone', CUT, () => gzipSync('').subarray(0, 10)),
  row('deflate without gzip', CUT, () => deflateRawSync(Buffer.alloc(5000, 'x'))),
  row('zstd that ends early', CUT, () => zstdCompressSync(whole()).subarray(0, -5)),
  row('zstd with rubbish inside', /Data corruption|Corrupted|corrupt/i, () => {
    const bytes = zstdCompressSync(whole());
    return bytes.fill(0xff, 12, 40);
  }),
  row('bzip2 with rubbish inside', /bzip2/, () => Buffer.from('BZh91AY&SY.....')),
  row('xz that ends early', /xz/, () => Buffer.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0, 0, 0])),
];

/** Much from little; all of it must be bounded in time and memory. */
const BOMBS: readonly HostileArchive[] = [
  row('a thousand entries of one name', 'contained', () =>
    rawTar(...Array.from({ length: 1000 }, () => ({ name: 'same', content: 'x' }))),
  ),
  row('thousands of files under an opaque mark, again and again', 'contained', () =>
    rawTar(
      ...Array.from({ length: 1000 }, (_, i) => ({ name: `d/${i}`, content: 'x' })),
      ...Array.from({ length: 20 }, () => ({ name: 'd/.wh..wh..opq' })),
    ),
  ),
  row('a directory a thousand deep', 'contained', () =>
    rawTar({ name: 'x', pax: { path: `${'d/'.repeat(1000)}file` }, content: 'x' }),
  ),
  row('a file with a hole of terabytes', 'contained', () =>
    rawTar({
      name: 'hole',
      content: 'end!',
      pax: { 'GNU.sparse.map': '1099511627776,4', 'GNU.sparse.size': '1099511627780' },
    }),
  ),
];

export const HOSTILE_ARCHIVES: readonly HostileArchive[] = [
  ...NAMES,
  ...SYMLINKS,
  ...HARDLINKS,
  ...WHITEOUTS,
  ...DEVICES,
  ...HEADERS,
  ...STREAMS,
  ...BOMBS,
];
