/** What the tar writer writes is what the reader reads, byte for byte in names; sparse files of every kind. */
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type TarEntry, TarReader } from '../layer/tar-reader.ts';
import { END_OF_ARCHIVE, encodeEntry, padding } from '../layer/tar-writer.ts';
import { TreeExtractor } from './tree-extractor.ts';

function entriesOf(archive: Buffer, chunk = archive.length): TarEntry[] {
  const entries: TarEntry[] = [];
  const sink = {
    raw: () => undefined,
    data: () => undefined,
    entryEnd: () => undefined,
    entry: (entry: TarEntry) => void entries.push(entry),
  };
  const reader = new TarReader(sink, 'latin1');
  for (let at = 0; at < archive.length; at += chunk) reader.push(archive.subarray(at, at + chunk));
  reader.finish();
  return entries;
}

const plain: TarEntry = {
  name: 'file',
  type: 'file',
  mode: 0o644,
  uid: 0,
  gid: 0,
  size: 0,
  mtimeSeconds: 1_700_000_000,
  mtimeNanoseconds: 0,
  linkName: '',
  major: 0,
  minor: 0,
  xattrs: new Map(),
};

describe('the tar writer', () => {
  it.each<[string, Partial<TarEntry>]>([
    ['a plain file', {}],
    ['a name in no encoding', { name: 'a\xffb' }],
    ['a long name', { name: `${'deep/'.repeat(60)}end` }],
    ['a long link', { type: 'symlink', linkName: 'x'.repeat(300) }],
    ['a link in no encoding', { type: 'symlink', linkName: '\xfe' }],
    ['a big owner', { uid: 3_000_000_000, gid: 2_097_152 }],
    ['setuid and sticky', { mode: 0o5755 }],
    ['a device', { type: 'char', major: 300, minor: 70_000 }],
    ['a directory', { type: 'directory', name: 'd/', mode: 0o755 }],
    ['a time before 1970', { mtimeSeconds: -5 }],
    ['binary attributes', { xattrs: new Map([['user.x', Buffer.from([0, 10, 255, 61])]]) }],
    [
      'an attribute as long as its length word changes',
      { xattrs: new Map([['user.y', Buffer.alloc(78, 1)]]) },
    ],
  ])('writes %s so that the reader reads it', (_what, part) => {
    const entry = { ...plain, ...part };
    const archive = Buffer.concat([encodeEntry(entry), END_OF_ARCHIVE]);
    expect(entriesOf(archive)).toEqual([entry]);
    expect(entriesOf(archive, 7)).toEqual([entry]);
  });

  it('writes what GNU tar lists', () => {
    const archive = Buffer.concat([
      encodeEntry({ ...plain, name: '\xc3\xbc/long', size: 3 }),
      Buffer.from('abc'),
      padding(3),
      encodeEntry({ ...plain, name: 'hard', type: 'hardlink', linkName: '\xc3\xbc/long' }),
      END_OF_ARCHIVE,
    ]);
    const listed = execFileSync('tar', ['-tvf', '-', '--numeric-owner', '--quoting-style=escape'], {
      input: archive,
      env: { ...process.env, TZ: 'UTC', LC_ALL: 'C' },
    }).toString();
    expect(listed.replace(/ +/g, ' ')).toBe(
      '-rw-r--r-- 0/0 3 2023-11-14 22:13 \\303\\274/long\nhrw-r--r-- 0/0 0 2023-11-14 22:13 hard link to \\303\\274/long\n',
    );
  });
});

describe('a sparse file', () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), 'sparse-'));
    const path = join(directory, 'file');
    writeFileSync(path, 'start');
    // Enough holes for a map that goes on in blocks of its own.
    for (let at = 1; at <= 30; at++) {
      truncateSync(path, at * 64 * 1024);
      writeFileSync(path, `at ${at}`, { flag: 'a' });
    }
    truncateSync(path, 3 * 1024 * 1024);
  });
  afterAll(() => rmSync(directory, { recursive: true, force: true }));

  it.each([
    ['posix', ['--sparse-version=0.0']],
    ['posix', ['--sparse-version=0.1']],
    ['posix', ['--sparse-version=1.0']],
  ])('of format %s %j is unpacked as it was', (format, words) => {
    const archive = execFileSync(
      'tar',
      ['-S', `--format=${format}`, ...words, '-C', directory, '-c', 'file'],
      {
        maxBuffer: 64 * 1024 * 1024,
      },
    );
    expect(archive.length).toBeLessThan(1024 * 1024);
    const target = mkdtempSync(join(directory, 'out-'));
    const extractor = new TreeExtractor(target, { noOverwriteDirNonDir: false });
    const reader = new TarReader(extractor, 'latin1');
    for (let at = 0; at < archive.length; at += 1000) reader.push(archive.subarray(at, at + 1000));
    reader.finish();
    extractor.finish();
    expect(readFileSync(join(target, 'file')).equals(readFileSync(join(directory, 'file')))).toBe(
      true,
    );
  });
});
