/** What unpacking must keep to the last bit, with tars as GNU tar and others write them. */
import { execFileSync } from 'node:child_process';
import {
  closeSync,
  ftruncateSync,
  lstatSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type RawEntry, rawTar } from '../../../test/support/raw-tar.ts';
import { selectGraphDriver } from '../graphdriver/select-driver.ts';
import { createLog } from '../log/log.ts';
import { getXattr } from '../platform/xattr.ts';
import { type FileLayerStore, openLayerStore } from './file-layer-store.ts';

const log = createLog({ level: 'error', format: 'text', write: () => undefined });
let dataRoot: string;
let store: FileLayerStore;

beforeEach(async () => {
  dataRoot = mkdtempSync(join(tmpdir(), 'windlass-exact-'));
  const driver = await selectGraphDriver({ dataRoot, explicit: 'overlay2', log });
  store = await openLayerStore({ dataRoot, driver, log });
});

afterEach(async () => {
  await store.cleanup();
  rmSync(dataRoot, { recursive: true, force: true });
});

/** Registers, checks that the very tar comes back, and looks at what was unpacked. */
async function unpacked(tar: Buffer, look: (directory: string) => void): Promise<void> {
  const layer = await store.register(Readable.from([tar]), undefined, 'image');
  expect((await buffer(await store.tarStream(layer.chainId))).equals(tar)).toBe(true);
  const { UpperDir = '' } = await store.metadata(layer.chainId);
  look(UpperDir);
}

const unpackedEntries = (
  entries: readonly RawEntry[],
  look: (directory: string) => void,
): Promise<void> => unpacked(rawTar(...entries), look);

describe.each(['0.0', '0.1', '1.0'])('a file with holes, in the form %s of GNU tar', (form) => {
  it('has its holes and its content again', async () => {
    const file = join(dataRoot, 'sparse');
    const fd = openSync(file, 'w');
    writeSync(fd, 'begin', 0);
    writeSync(fd, Buffer.alloc(70_000, 'm'), 0, 70_000, 3_000_000);
    writeSync(fd, 'end', 9_000_000);
    ftruncateSync(fd, 12_000_000);
    closeSync(fd);
    const content = readFileSync(file);
    const options = ['--sparse', '--format=pax', `--sparse-version=${form}`, '-C', dataRoot];
    const tar = execFileSync('tar', ['-c', ...options, 'sparse']);
    expect(tar.length).toBeLessThan(200_000);
    await unpacked(tar, (directory) => {
      expect(readFileSync(join(directory, 'sparse')).equals(content)).toBe(true);
      expect(lstatSync(join(directory, 'sparse')).blocks * 512).toBeLessThan(1_000_000);
    });
  });
});

it('keeps capabilities, access lists and binary attributes', async () => {
  const capability = Buffer.from('0100000200040000000000000000000000000000', 'hex');
  const acl = Buffer.from(
    '0200000001000600ffffffff02000400e803000004000400ffffffff10000400ffffffff20000400ffffffff',
    'hex',
  );
  const binary = Buffer.from([0, 0xff, 0x0a, 0x3d, 0x80]);
  const attributes = {
    'security.capability': capability,
    'system.posix_acl_access': acl,
    'user.binary': binary,
  };
  const records = Object.entries(attributes).map(([name, value]) => {
    const rest = Buffer.concat([Buffer.from(` SCHILY.xattr.${name}=`), value, Buffer.from('\n')]);
    let length = rest.length;
    while (String(length).length + rest.length !== length)
      length = String(length).length + rest.length;
    return Buffer.concat([Buffer.from(String(length)), rest]);
  });
  const pax = { name: 'pax', type: 'x', content: Buffer.concat(records) };
  await unpackedEntries([pax, { name: 'file', content: 'x', uid: 1000 }], (directory) => {
    const path = join(directory, 'file');
    for (const [name, value] of Object.entries(attributes)) {
      expect(getXattr(path, name)?.toString('hex')).toBe(value.toString('hex'));
    }
    expect(lstatSync(path).uid).toBe(1000);
  });
});

it.each([
  ['nanoseconds', '1700000000.123456789', 1_700_000_000_123_456_789n],
  ['more digits than there are nanoseconds', '1.0000000019', 1_000_000_001n],
  ['a time before 1970, which Docker takes for 1970', '-1.5', 0n],
  ['a time after Go knows', '9223372037', 0n],
])('keeps %s', async (_what, mtime, nanoseconds) => {
  await unpackedEntries(
    [
      { name: 'file', content: 'x', pax: { mtime } },
      { name: 'dir/', type: '5', pax: { mtime } },
    ],
    (directory) => {
      for (const name of ['file', 'dir'])
        expect(lstatSync(join(directory, name), { bigint: true }).mtimeNs).toBe(nanoseconds);
    },
  );
});

it('keeps the time of a directory in which more was written afterwards', async () => {
  await unpackedEntries(
    [
      { name: 'dir/', type: '5' },
      { name: 'dir/file', content: 'x' },
      { name: 'dir/sub/file', content: 'x' },
    ],
    (directory) => expect(lstatSync(join(directory, 'dir')).mtimeMs).toBe(1.7e12),
  );
});

it('reads signed checksums, big owners in base 256, and headers older than ustar', async () => {
  const owner = Buffer.from([0x80, 0, 0, 0, 0, 0x2d, 0xc6, 0xc0]);
  const old = { 257: Buffer.alloc(8), 329: 'garbage.' };
  await unpackedEntries(
    [
      { name: 'big', content: 'x', fields: { 108: owner } },
      { name: 'old', content: 'y', fields: old },
    ],
    (directory) => {
      expect(lstatSync(join(directory, 'big')).uid).toBe(3_000_000);
      expect(readFileSync(join(directory, 'old'), 'utf8')).toBe('y');
    },
  );
});

it('counts what the layer holds in the end', async () => {
  const tar = rawTar(
    { name: 'twice', content: 'first' },
    { name: 'twice', content: 'second!' },
    { name: 'gone/file', content: 'x'.repeat(1000) },
    { name: 'gone', content: 'a file now' },
  );
  const layer = await store.register(Readable.from([tar]), undefined, 'image');
  expect(layer.diffSize).toBe('second!'.length + 'a file now'.length);
  expect((await buffer(await store.tarStream(layer.chainId))).equals(tar)).toBe(true);
});
