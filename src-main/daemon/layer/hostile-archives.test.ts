/** Archives that mean harm: nothing outside is touched, nothing is left of what failed, and the words are right. */
import { createHash } from 'node:crypto';
import {
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { constants, createZstdCompress } from 'node:zlib';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { HOSTILE_ARCHIVES } from '../../../test/support/hostile-archives.ts';
import { rawTar } from '../../../test/support/raw-tar.ts';
import type { GraphDriver } from '../graphdriver/graphdriver.ts';
import { selectGraphDriver } from '../graphdriver/select-driver.ts';
import { createLog } from '../log/log.ts';
import { mount, unmount } from '../platform/mount.ts';
import { type FileLayerStore, openLayerStore } from './file-layer-store.ts';

const log = createLog({ level: 'error', format: 'text', write: () => undefined });

/** Everything that can be told of a tree, without the directories named. */
function describeTree(root: string, except: string): readonly string[] {
  const rows: string[] = [];
  const walk = (path: string): void => {
    if (path === except) return;
    const { mode, uid, gid, nlink, size, mtimeMs, ctimeMs, rdev } = lstatSync(path);
    const facts = [mode, uid, gid, nlink, size, mtimeMs, ctimeMs, rdev].join(' ');
    const stat = lstatSync(path);
    const content = stat.isFile()
      ? createHash('sha256').update(readFileSync(path)).digest('hex')
      : stat.isSymbolicLink()
        ? readlinkSync(path)
        : '';
    rows.push(`${path} ${facts} ${content}`);
    if (stat.isDirectory()) for (const name of readdirSync(path).sort()) walk(join(path, name));
  };
  walk(root);
  return rows;
}

describe.each(['overlay2', 'vfs'])('on %s', (driverName) => {
  let outside: string;
  let dataRoot: string;
  let victim: string;
  let driver: GraphDriver;
  let store: FileLayerStore;

  beforeAll(async () => {
    outside = mkdtempSync(join(tmpdir(), 'windlass-hostile-'));
    dataRoot = join(outside, 'data');
    victim = join(outside, 'victim');
    mkdirSync(dataRoot);
    mkdirSync(victim);
    writeFileSync(join(victim, 'kept'), 'as it was');
    driver = await selectGraphDriver({ dataRoot, explicit: driverName, log });
    store = await openLayerStore({ dataRoot, driver, log });
  });

  afterAll(async () => {
    await store.cleanup();
    rmSync(outside, { recursive: true, force: true });
  });

  const layerDirectories = (): readonly string[] => [
    ...readdirSync(join(dataRoot, 'image', driverName, 'layerdb/tmp')),
    ...readdirSync(join(dataRoot, driverName === 'vfs' ? 'vfs/dir' : 'overlay2')).filter(
      (name) => name !== 'l',
    ),
  ];

  /** What is outside, and beside the layers inside. */
  const surroundings = (): readonly string[] => describeTree(outside, dataRoot);

  it.each(HOSTILE_ARCHIVES)('$name', async ({ bytes, outcome }) => {
    const before = surroundings();
    const archive = bytes(victim);
    const work = store.register(Readable.from([archive]), undefined, 'image');
    if (outcome === 'contained') {
      const layer = await work;
      if (archive.subarray(0, 2).toString('hex') !== '1f8b') {
        const again = createHash('sha256').update(
          await buffer(await store.tarStream(layer.chainId)),
        );
        expect(`sha256:${again.digest('hex')}`).toBe(layer.diffId);
      }
      await store.release(layer.chainId, 'image');
    } else {
      await expect(work).rejects.toThrow(outcome);
    }
    await driver.cleanup();
    expect(layerDirectories()).toEqual([]);
    expect(surroundings()).toEqual(before);
  });

  it('has more than sixty of them, each of its own name', () => {
    const names = HOSTILE_ARCHIVES.map(({ name }) => name);
    expect(names.length).toBeGreaterThan(60);
    expect(new Set(names).size).toBe(names.length);
  });

  it('a zstd frame that wants a gigabyte of memory', async () => {
    const compress = createZstdCompress({
      params: {
        [constants.ZSTD_c_windowLog]: 30,
        [constants.ZSTD_c_enableLongDistanceMatching]: 1,
      },
    });
    const tar = rawTar({ name: 'a', content: 'x' });
    const frame = buffer(Readable.from([tar]).pipe(compress));
    await expect(store.register(Readable.from([await frame]), undefined, 'image')).rejects.toThrow(
      /too much memory|memory/,
    );
    await driver.cleanup();
    expect(layerDirectories()).toEqual([]);
  });
});

it('a bomb that fills the disk is cleared away, and the next layer finds room', async () => {
  const dataRoot = mkdtempSync(join(tmpdir(), 'windlass-bomb-'));
  mount({ source: 'tmpfs', target: dataRoot, type: 'tmpfs', data: 'size=24m' });
  try {
    const driver = await selectGraphDriver({ dataRoot, explicit: 'vfs', log });
    const store = await openLayerStore({ dataRoot, driver, log });
    const sizeField = `${(200 * 1024 * 1024).toString(8).padStart(11, '0')}\0`;
    const [head, rest] = [
      rawTar({ name: 'bomb', sizeField }).subarray(0, 512),
      Buffer.alloc(1 << 20),
    ];
    const bomb = Readable.from([head, ...Array.from({ length: 200 }, () => rest)]);
    await expect(store.register(bomb, undefined, 'image')).rejects.toThrow('ENOSPC');
    expect(readdirSync(join(dataRoot, 'vfs/dir'))).toEqual([]);
    const tar = rawTar({ name: 'f', content: 'small' });
    const layer = await store.register(Readable.from([tar]), undefined, 'image');
    expect(layer.diffSize).toBe(5);
    await store.cleanup();
  } finally {
    unmount(dataRoot, { detach: true });
    rmSync(dataRoot, { recursive: true });
  }
});
