/** The conformance suite of graph drivers: every one runs it, on the file system it needs. */
import {
  chmodSync,
  chownSync,
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DRIVERS, type DriverRoom, openDriverRoom } from '../../../test/support/driver-room.ts';
import { createLog } from '../log/log.ts';
import { listMounts } from '../platform/mount.ts';
import { makeNode } from '../platform/special-files.ts';
import { getXattr, setXattr } from '../platform/xattr.ts';
import type { GraphDriver } from './graphdriver.ts';
import { selectGraphDriver } from './select-driver.ts';

const log = createLog({ level: 'error', format: 'text', write: () => undefined });

describe.each(DRIVERS)('graph driver %s', (name) => {
  let room: DriverRoom;
  let driver: GraphDriver;

  const open = (options: readonly string[] = []): Promise<GraphDriver> =>
    selectGraphDriver({ dataRoot: room.dataRoot, explicit: name, options, log });

  beforeEach(async () => {
    room = openDriverRoom(name);
    driver = await open();
  });

  afterEach(async () => {
    await driver.cleanup();
    const inside = listMounts().filter(({ mountPoint }) =>
      mountPoint.startsWith(`${room.dataRoot}/`),
    );
    room[Symbol.dispose]();
    expect(inside).toEqual([]);
  });

  /** Fills a new layer as an unpacker does. */
  async function layer(
    id: string,
    parent: string | undefined,
    fill: (directory: string) => void,
  ): Promise<void> {
    await driver.create(id, parent);
    const { directory, release } = await driver.unpackTarget(id);
    try {
      fill(directory);
    } finally {
      await release?.();
    }
  }

  /** A container's layer, seen mounted. */
  async function mounted<T>(id: string, look: (path: string) => T): Promise<T> {
    const path = await driver.get(id);
    try {
      return look(path);
    } finally {
      await driver.put(id);
    }
  }

  const write = (text: string, path: string) => (directory: string) =>
    writeFileSync(join(directory, path), text);

  it('has the name it was chosen by, and rows for docker info', () => {
    expect(driver.name).toBe(name);
    for (const row of driver.status())
      expect(row).toEqual([expect.any(String), expect.any(String)]);
  });

  it('stacks layers: what is below is seen, what is written above stays above', async () => {
    await layer('base', undefined, write('base', 'file'));
    await layer('middle', 'base', write('middle', 'other'));
    await driver.createReadWrite('one', 'middle');
    await driver.createReadWrite('two', 'middle');
    await mounted('one', (path) => {
      expect(readFileSync(join(path, 'file'), 'utf8')).toBe('base');
      expect(readFileSync(join(path, 'other'), 'utf8')).toBe('middle');
      writeFileSync(join(path, 'file'), 'changed');
      rmSync(join(path, 'other'));
    });
    await mounted('one', (path) => {
      expect(readFileSync(join(path, 'file'), 'utf8')).toBe('changed');
      expect(readdirSync(path)).toEqual(['file']);
    });
    await mounted('two', (path) => {
      expect(readFileSync(join(path, 'file'), 'utf8')).toBe('base');
      expect(readdirSync(path)).toEqual(['file', 'other']);
    });
  });

  it('stacks a read-write layer on a read-write layer, as init layers are', async () => {
    await layer('base', undefined, write('base', 'file'));
    await driver.createReadWrite('c-init', 'base');
    await mounted('c-init', (path) => mkdirSync(join(path, 'dev/shm'), { recursive: true }));
    await driver.createReadWrite('c', 'c-init');
    await mounted('c', (path) => expect(existsSync(join(path, 'dev/shm'))).toBe(true));
    expect(await driver.changes('c', 'c-init')).toEqual([]);
  });

  it('counts those who use a mount', async () => {
    await layer('base', undefined, write('text', 'file'));
    await driver.createReadWrite('c', 'base');
    const [first, second] = await Promise.all([driver.get('c'), driver.get('c')]);
    expect(second).toBe(first);
    await driver.put('c');
    expect(readFileSync(join(first, 'file'), 'utf8')).toBe('text');
    const own = listMounts().filter(({ mountPoint }) => mountPoint.startsWith(`${room.dataRoot}/`));
    expect(own.length).toBeLessThan(2);
    await driver.put('c');
    await driver.put('c');
    expect(
      listMounts().filter(({ mountPoint }) => mountPoint.startsWith(`${room.dataRoot}/`)),
    ).toEqual([]);
  });

  it('refuses an id twice, and a layer that is not there', async () => {
    await driver.create('a', undefined);
    await expect(driver.create('a', undefined)).rejects.toMatchObject({ code: 'conflict' });
    await expect(driver.get('nothing')).rejects.toThrow('layer nothing does not exist');
    expect([await driver.exists('a'), await driver.exists('nothing')]).toEqual([true, false]);
  });

  it('removes a layer that is mounted, and one that is not there', async () => {
    await layer('base', undefined, write('text', 'file'));
    await driver.createReadWrite('c', 'base');
    await driver.get('c');
    await driver.remove('c');
    await driver.remove('c');
    expect(await driver.exists('c')).toBe(false);
    await driver.remove('base');
    await driver.cleanup();
    expect(readdirSync(room.layerDirectory).filter((entry) => entry !== 'l')).toEqual([]);
  });

  it('keeps a parent usable while children come and go', async () => {
    await layer('base', undefined, write('text', 'file'));
    for (const id of ['a', 'b', 'c']) {
      await driver.createReadWrite(id, 'base');
      await mounted(id, (path) => rmSync(join(path, 'file')));
      await driver.remove(id);
    }
    await mounted('base', (path) => expect(readdirSync(path)).toEqual(['file']));
  });

  it('reports what was added, changed, deleted and replaced', async () => {
    await layer('base', undefined, (directory) => {
      for (const path of ['kept', 'gone', 'same', 'turned']) mkdirSync(join(directory, path));
      for (const path of ['kept/a', 'kept/b', 'gone/c', 'same/d', 'turned/e', 'plain'])
        writeFileSync(join(directory, path), 'old');
    });
    await driver.createReadWrite('c', 'base');
    await mounted('c', (path) => {
      writeFileSync(join(path, 'kept/a'), 'newer');
      writeFileSync(join(path, 'kept/new'), 'x');
      rmSync(join(path, 'gone'), { recursive: true });
      rmSync(join(path, 'turned'), { recursive: true });
      writeFileSync(join(path, 'turned'), 'now a file');
      rmSync(join(path, 'plain'));
      mkdirSync(join(path, 'made/deep'), { recursive: true });
      symlinkSync('../kept', join(path, 'made/link'));
    });
    const changes = await driver.changes('c', 'base');
    expect(changes.filter(({ path }) => path !== '/turned/e')).toEqual([
      { path: '/gone', kind: 2 },
      { path: '/kept', kind: 0 },
      { path: '/kept/a', kind: 0 },
      { path: '/kept/new', kind: 1 },
      { path: '/made', kind: 1 },
      { path: '/made/deep', kind: 1 },
      { path: '/made/link', kind: 1 },
      { path: '/plain', kind: 2 },
      { path: '/turned', kind: 0 },
    ]);
    expect(await driver.diffSize('c', 'base')).toBe(
      'newer'.length + 'x'.length + 'now a file'.length + '../kept'.length,
    );
  });

  it('hides the old content of a directory that was made anew', async () => {
    await layer('base', undefined, (directory) => {
      mkdirSync(join(directory, 'dir'));
      writeFileSync(join(directory, 'dir/old'), 'old');
    });
    await driver.createReadWrite('c', 'base');
    await mounted('c', (path) => {
      rmSync(join(path, 'dir'), { recursive: true });
      mkdirSync(join(path, 'dir'));
      writeFileSync(join(path, 'dir/new'), 'new');
    });
    await mounted('c', (path) => expect(readdirSync(join(path, 'dir'))).toEqual(['new']));
  });

  it('keeps modes, owners, times, links, devices and attributes through layers', async () => {
    await layer('base', undefined, (directory) => {
      const at = (path: string): string => join(directory, path);
      writeFileSync(at('file'), 'text');
      linkSync(at('file'), at('hard'));
      symlinkSync('nowhere', at('soft'));
      setXattr(at('file'), 'user.note', Buffer.from([0, 255, 10]));
      chownSync(at('file'), 1234, 3_000_000);
      chmodSync(at('file'), 0o4711);
      utimesSync(at('file'), 1e9, 1e9);
      makeNode(at('null'), 'char', { mode: 0o666, major: 1, minor: 3 });
      makeNode(at('pipe'), 'fifo', { mode: 0o600 });
      mkdirSync(at('sticky'));
      chmodSync(at('sticky'), 0o1777);
    });
    await layer('above', 'base', write('x', 'more'));
    await driver.createReadWrite('c', 'above');
    await mounted('c', (path) => {
      const at = (inside: string): string => join(path, inside);
      const file = lstatSync(at('file'));
      expect([file.uid, file.gid, file.mode & 0o7777, file.mtimeMs]).toEqual([
        1234, 3_000_000, 0o4711, 1e12,
      ]);
      expect(lstatSync(at('hard')).nlink).toBe(2);
      expect(readlinkSync(at('soft'))).toBe('nowhere');
      expect(getXattr(at('file'), 'user.note')).toEqual(Buffer.from([0, 255, 10]));
      expect(lstatSync(at('null')).isCharacterDevice()).toBe(true);
      expect(lstatSync(at('null')).rdev).toBe(lstatSync('/dev/null').rdev);
      expect(lstatSync(at('pipe')).isFIFO()).toBe(true);
      expect(lstatSync(at('sticky')).mode & 0o7777).toBe(0o1777);
      renameSync(at('hard'), at('sticky/moved'));
      expect(readFileSync(at('sticky/moved'), 'utf8')).toBe('text');
    });
  });

  it('carries long chains, and refuses what no overlay carries', async () => {
    const long = (number: number): string => `${'0'.repeat(60)}${String(number).padStart(4, '0')}`;
    // A copy each is the price of vfs.
    const depth = name === 'vfs' ? 12 : 128;
    for (let number = 0; number < depth; number++) {
      const parent = number === 0 ? undefined : long(number - 1);
      await layer(long(number), parent, write(String(number), `f${number}`));
    }
    await driver.createReadWrite('c', long(depth - 1));
    await mounted('c', (path) => {
      expect(readdirSync(path)).toHaveLength(depth);
      expect(readFileSync(join(path, 'f0'), 'utf8')).toBe('0');
    });
    const isOverlay = name === 'overlay2' || name === 'fuse-overlayfs';
    const more = driver.create('one-more', 'c');
    await (isOverlay
      ? expect(more).rejects.toThrow('max depth exceeded')
      : expect(more).resolves.toBeUndefined());
  });

  it('knows its layers, and what is mounted, after a restart', async () => {
    await layer('base', undefined, write('text', 'file'));
    await driver.createReadWrite('c', 'base');
    const path = await driver.get('c');
    const again = await open();
    expect(await again.exists('c')).toBe(true);
    expect(await again.get('c')).toBe(path);
    expect(readFileSync(join(path, 'file'), 'utf8')).toBe('text');
    await again.put('c');
    await again.remove('c');
    await driver.put('c');
    driver = again;
  });

  it('takes no option it does not know', async () => {
    const words: Readonly<Record<string, string>> = {
      overlay2: 'overlay2: unknown option foo',
      vfs: 'unknown option foo for vfs',
      btrfs: 'Unknown option foo',
    };
    const broken = 'Unable to parse key/value option: foo';
    if (name === 'fuse-overlayfs') {
      // It looks at none, as in Docker.
      await expect(open(['foo=1'])).resolves.toBeDefined();
      return;
    }
    await expect(open(['foo=1'])).rejects.toThrow(`error initializing graphdriver: ${words[name]}`);
    await expect(open(['foo'])).rejects.toThrow(`error initializing graphdriver: ${broken}`);
  });

  it('limits the size of a container, or says why it cannot', async () => {
    await layer('base', undefined, write('text', 'file'));
    const limited = driver.createReadWrite('c', 'base', { storageOpt: { size: '16M' } });
    if (name !== 'btrfs') {
      const words: Readonly<Record<string, string>> = {
        overlay2: "--storage-opt is supported only for overlay over xfs with 'pquota' mount option",
        'fuse-overlayfs': '--storage-opt is not supported',
        vfs: 'Filesystem does not support, or has not enabled quotas',
      };
      await expect(limited).rejects.toMatchObject({ status: 500, message: words[name] });
      return;
    }
    await limited;
    await mounted('c', (path) => {
      const fill = (): void => writeFileSync(join(path, 'big'), Buffer.alloc(32 * 1024 * 1024, 1));
      // EDQUOT, which Node has no name for.
      expect(fill).toThrow(expect.objectContaining({ errno: -122 }));
    });
    await expect(
      driver.createReadWrite('d', 'base', { storageOpt: { size: '0' } }),
    ).rejects.toThrow('btrfs: invalid storage size: 0B');
    await expect(driver.createReadWrite('d', 'base', { storageOpt: { foo: '0' } })).rejects.toThrow(
      'Unknown option foo',
    );
    const strict = await open(['btrfs.min_space=1g']);
    await expect(
      strict.createReadWrite('d', 'base', { storageOpt: { size: '16M' } }),
    ).rejects.toThrow('btrfs: storage size cannot be less than 1.074GB');
    expect(await driver.exists('d')).toBe(false);
  });
});
