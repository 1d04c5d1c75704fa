import { createHash, randomBytes } from 'node:crypto';
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { buffer } from 'node:stream/consumers';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { type Header as FullHeader, pack } from 'tar-stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { DRIVERS, type DriverRoom, openDriverRoom } from '../../../test/support/driver-room.ts';
import type { GraphDriver } from '../graphdriver/graphdriver.ts';
import { selectGraphDriver } from '../graphdriver/select-driver.ts';
import { createLog } from '../log/log.ts';
import { listMounts } from '../platform/mount.ts';
import { getXattr, setXattr } from '../platform/xattr.ts';
import { chainIdOf, type FileLayerStore, openLayerStore } from './file-layer-store.ts';

type Header = Partial<FullHeader> & { readonly name: string };
type Entry = readonly [Header, (string | Buffer)?];

const log = createLog({ level: 'error', format: 'text', write: () => undefined });
const sha256 = (bytes: Buffer): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

async function tarOf(...entries: readonly Entry[]): Promise<Buffer> {
  const archive = pack();
  for (const [header, body] of entries) archive.entry(header, body ?? '');
  archive.finalize();
  return buffer(archive);
}

const stream = (bytes: Buffer): Readable => Readable.from([bytes]);

describe.each(DRIVERS)('FileLayerStore on %s', (driverName) => {
  let room: DriverRoom;
  let root: string;
  let driver: GraphDriver;
  let store: FileLayerStore;

  const open = async (): Promise<void> => {
    driver = await selectGraphDriver({ dataRoot: root, explicit: driverName, log });
    store = await openLayerStore({ dataRoot: root, driver, log });
  };

  beforeEach(async () => {
    room = openDriverRoom(driverName);
    root = room.dataRoot;
    await open();
  });

  afterEach(async () => {
    await store.cleanup();
    const inside = listMounts().filter(({ mountPoint }) => mountPoint.startsWith(`${root}/`));
    room[Symbol.dispose]();
    expect(inside).toEqual([]);
  });

  const mounted = async <T>(name: string, look: (path: string) => T | Promise<T>): Promise<T> => {
    const layer = store.getReadWrite(name);
    if (!layer) throw new Error(`no layer ${name}`);
    const path = await layer.mount();
    try {
      return await look(path);
    } finally {
      await layer.unmount();
    }
  };

  /** Deleting files may go on behind a removal; it is waited for here. */
  const settle = (): Promise<void> => driver.cleanup();

  /** Everything below the layer directories that a half-done registration could leave. */
  const leftovers = (): string[] => [
    ...readdirSync(join(root, 'image', driverName, 'layerdb', 'tmp')),
    ...readdirSync(room.layerDirectory).filter((name) => name !== 'l'),
  ];

  it('unpacks modes, owners, links, devices, long names and times exactly', async () => {
    const longName = `deep/${'n'.repeat(120)}/${'m'.repeat(150)}`;
    const tar = await tarOf(
      [{ name: 'dir/', type: 'directory', mode: 0o2750, uid: 12, gid: 34, mtime: new Date(1e12) }],
      [{ name: 'dir/suid', mode: 0o4755, uid: 1000, gid: 1001, mtime: new Date(1.1e12) }, 'hello'],
      [
        {
          ...{ name: 'dir/hard', type: 'link', linkname: 'dir/suid' },
          ...{ mode: 0o4755, uid: 1000, gid: 1001, mtime: new Date(1.1e12) },
        },
      ],
      [{ name: 'dir/soft', type: 'symlink', linkname: '../dir/suid' }],
      [{ name: 'dir/null', type: 'character-device', mode: 0o666, devmajor: 1, devminor: 3 }],
      [{ name: 'dir/pipe', type: 'fifo', mode: 0o600 }],
      [{ name: longName, pax: { 'SCHILY.xattr.user.note': 'kept' } }, 'long'],
      [{ name: 'big-id', pax: { uid: '3000000', gid: '4000000' } }, ''],
    );
    const layer = await store.register(stream(gzipSync(tar)), undefined, 'image:a', {
      expectedDigest: sha256(gzipSync(tar)),
      expectedDiffId: sha256(tar),
    });
    expect(layer).toMatchObject({
      diffId: sha256(tar),
      chainId: sha256(tar),
      diffSize: 'hello'.length + 'long'.length + '../dir/suid'.length,
    });
    await store.createReadWrite('c', layer.chainId, { initLayer: true });
    await mounted('c', (path) => {
      const at = (name: string) => lstatSync(join(path, name));
      expect(at('dir').mode & 0o7777).toBe(0o2750);
      expect(at('dir').mtimeMs).toBe(1e12);
      expect([at('dir/suid').uid, at('dir/suid').gid]).toEqual([1000, 1001]);
      expect(at('dir/suid').mode & 0o7777).toBe(0o4755);
      expect(at('dir/suid').mtimeMs).toBe(1.1e12);
      expect(at('dir/hard').ino).toBe(at('dir/suid').ino);
      expect(at('dir/soft').isSymbolicLink()).toBe(true);
      expect(at('dir/null').isCharacterDevice()).toBe(true);
      expect(at('dir/pipe').isFIFO()).toBe(true);
      expect(readFileSync(join(path, longName), 'utf8')).toBe('long');
      expect(getXattr(join(path, longName), 'user.note')?.toString()).toBe('kept');
      expect(at('big-id').uid).toBe(3_000_000);
      expect(existsSync(join(path, '.dockerenv'))).toBe(true);
    });
    await store.releaseReadWrite('c');
  });

  it('hides what whiteouts and opaque directories delete', async () => {
    const base = await tarOf(
      [{ name: 'a/x' }, '1'],
      [{ name: 'a/y' }, '2'],
      [{ name: 'b/z' }, '3'],
    );
    const top = await tarOf(
      [{ name: 'a/.wh.x' }, ''],
      [{ name: 'b/', type: 'directory' }],
      [{ name: 'b/.wh..wh..opq' }, ''],
      [{ name: 'b/new' }, '4'],
    );
    const below = await store.register(stream(base), undefined, 'image');
    const above = await store.register(stream(top), below.chainId, 'image');
    expect(above.chainId).toBe(chainIdOf(below.chainId, sha256(top)));
    await store.createReadWrite('c', above.chainId, { initLayer: false });
    await mounted('c', (path) => {
      expect(readdirSync(join(path, 'a'))).toEqual(['y']);
      expect(readdirSync(join(path, 'b'))).toEqual(['new']);
    });
  });

  it('gives back the very tar it was given, replaced entries included', async () => {
    const big = randomBytes(700_000);
    const tar = await tarOf(
      [{ name: 'same' }, 'first'],
      [{ name: 'big' }, big],
      [{ name: 'same' }, 'second, longer'],
      [{ name: 'd/.wh.gone' }, ''],
    );
    const layer = await store.register(stream(zstdCompressSync(tar)), undefined, 'image');
    expect((await buffer(await store.tarStream(layer.chainId))).equals(tar)).toBe(true);
  });

  it('unpacks a layer before its parent is known, where the driver can', async () => {
    const below = await tarOf([{ name: 'a' }, 'below'], [{ name: 'b' }, 'below']);
    const above = await tarOf([{ name: 'a' }, 'above'], [{ name: '.wh.b' }]);
    if (!store.canStage) {
      expect(['vfs', 'btrfs']).toContain(driverName);
      await expect(store.stage(stream(above))).rejects.toThrow('on a parent only');
      return;
    }
    await using staged = await store.stage(stream(gzipSync(above)));
    expect(staged.diffId).toBe(sha256(above));
    expect(store.list()).toEqual([]);
    const base = await store.register(stream(below), undefined, 'image');
    await expect(store.place(staged, sha256(above), 'image')).rejects.toThrow('does not exist');
    const top = await store.place(staged, base.chainId, 'image');
    expect(top).toMatchObject({
      chainId: chainIdOf(base.chainId, staged.diffId),
      parent: base.chainId,
      size: 15,
    });
    expect(await buffer(await store.tarStream(top.chainId))).toEqual(above);
    await store.createReadWrite('c', top.chainId, { initLayer: false });
    await mounted('c', (path) => {
      expect(readFileSync(join(path, 'a'), 'utf8')).toBe('above');
      expect(existsSync(join(path, 'b'))).toBe(false);
    });
    await store.releaseReadWrite('c');
  });

  it('keeps one of two, and none of what was staged and not placed', async () => {
    if (!store.canStage) return expect(['vfs', 'btrfs']).toContain(driverName);
    const tar = await tarOf([{ name: 'a' }, 'text']);
    const registered = await store.register(stream(tar), undefined, 'one');
    {
      await using twin = await store.stage(stream(tar));
      await using _unused = await store.stage(stream(tar));
      expect(await store.place(twin, undefined, 'two')).toBe(registered);
      expect(leftovers().length).toBeGreaterThan(1);
    }
    await settle();
    expect(leftovers()).toHaveLength(1);
    await store.release(registered.chainId, 'one');
    expect(store.get(registered.chainId)).toBeDefined();
    await store.release(registered.chainId, 'two');
    await settle();
    expect(leftovers()).toEqual([]);
  });

  it('shares one init layer between the containers of an image, and keeps it no longer than they need it', async () => {
    const inits = (): string[] => readdirSync(join(root, 'image', driverName, 'layerdb', 'init'));
    const base = await store.register(
      stream(await tarOf([{ name: 'a' }, '1'])),
      undefined,
      'image',
    );
    const create = async (name: string): Promise<void> => {
      await store.createReadWrite(name, base.chainId, { initLayer: true });
      await mounted(name, (path) => {
        expect(existsSync(join(path, '.dockerenv'))).toBe(true);
        writeFileSync(join(path, 'own'), name);
      });
    };
    await Promise.all(['one', 'two'].map(create));
    const [shared = ''] = inits();
    expect(inits()).toEqual([shared]);
    await store.releaseReadWrite('one');
    await mounted('two', (path) => expect(readFileSync(join(path, 'own'), 'utf8')).toBe('two'));

    // A process that is killed leaves one half made; the next makes its own and trusts neither.
    const halfMade = `${'0'.repeat(64)}-init`;
    mkdirSync(join(root, 'image', driverName, 'layerdb', 'init', halfMade));
    await driver.createReadWrite(halfMade, undefined);
    await settle();
    await open();
    expect(await driver.exists(halfMade)).toBe(false);
    expect(inits()).toEqual([shared]);
    await create('three');
    expect(inits()).toHaveLength(2);
    await store.releaseReadWrite('two');
    await store.releaseReadWrite('three');
    await store.release(base.chainId, 'image');
    await store.cleanup();
    expect(inits()).toEqual([]);
    expect(leftovers()).toEqual([]);
  });

  it('reports what a container changed', async () => {
    const base = await tarOf([{ name: 'etc/conf' }, 'x'], [{ name: 'old' }, 'x']);
    const layer = await store.register(stream(base), undefined, 'image');
    const readWrite = await store.createReadWrite('c', layer.chainId, { initLayer: true });
    await mounted('c', (path) => {
      rmSync(join(path, 'old'));
      writeFileSync(join(path, 'new'), 'four');
      writeFileSync(join(path, 'etc/conf'), 'changed');
    });
    expect(await readWrite.changes()).toEqual([
      { path: '/etc', kind: 0 },
      { path: '/etc/conf', kind: 0 },
      { path: '/new', kind: 1 },
      { path: '/old', kind: 2 },
    ]);
  });

  it('gives what a container wrote as a layer that unpacks to the same', async () => {
    const base = await tarOf(
      [{ name: 'keep' }, '1'],
      [{ name: 'gone' }, '2'],
      [{ name: 'dir/', type: 'directory' }],
      [{ name: 'dir/old' }, '3'],
    );
    const layer = await store.register(stream(base), undefined, 'image');
    const readWrite = await store.createReadWrite('c', layer.chainId, { initLayer: true });
    await mounted('c', (path) => {
      rmSync(join(path, 'gone'));
      rmSync(join(path, 'dir'), { recursive: true });
      mkdirSync(join(path, 'dir'));
      writeFileSync(join(path, 'dir/new'), 'new');
      linkSync(join(path, 'dir/new'), join(path, 'dir/twin'));
      symlinkSync('new', join(path, 'dir/link'));
    });
    await using diff = await readWrite.diff();
    const above = await store.register(diff, layer.chainId, 'image');
    await store.createReadWrite('copy', above.chainId, { initLayer: false });
    await mounted('copy', (path) => {
      expect(readdirSync(path).sort()).toEqual(['dir', 'keep']);
      expect(readdirSync(join(path, 'dir')).sort()).toEqual(['link', 'new', 'twin']);
      expect(readFileSync(join(path, 'dir/twin'), 'utf8')).toBe('new');
    });
  });

  it('takes what a container changed byte for byte: capabilities, names, times, big files', async () => {
    // Version 2, permitted with every bit.
    const capability = Buffer.from('01000002ffffffff00000000ffffffff00000000', 'hex');
    const big = Buffer.alloc(3_000_001, 'windlass');
    const readWrite = await store.createReadWrite('c', undefined, { initLayer: false });
    await mounted('c', (path) => {
      writeFileSync(join(path, 'tool'), 'x', { mode: 0o755 });
      setXattr(join(path, 'tool'), 'security.capability', capability);
      writeFileSync(join(path, `${'long'.repeat(40)} ü`), big);
      utimesSync(join(path, 'tool'), 1, 1_000_000_000);
    });
    await using diff = await readWrite.diff();
    const layer = await store.register(diff, undefined, 'image');
    await store.createReadWrite('copy', layer.chainId, { initLayer: false });
    await mounted('copy', (path) => {
      expect(getXattr(join(path, 'tool'), 'security.capability')).toEqual(capability);
      expect(statSync(join(path, 'tool')).mtimeMs).toBe(1_000_000_000_000);
      expect(readFileSync(join(path, `${'long'.repeat(40)} ü`)).equals(big)).toBe(true);
    });
  });

  it('refuses the layer above the hundred and twenty-fifth', async () => {
    let parent: string | undefined;
    for (let number = 0; number < 125; number++) {
      const tar = await tarOf([{ name: 'f' }, String(number)]);
      parent = (await store.register(stream(tar), parent, 'image')).chainId;
    }
    const one = await tarOf([{ name: 'f' }, 'more']);
    await expect(store.register(stream(one), parent, 'image')).rejects.toThrow(
      'max depth exceeded',
    );
    await store.createReadWrite('c', parent, { initLayer: true });
    await mounted('c', (path) => expect(readFileSync(join(path, 'f'), 'utf8')).toBe('124'));
  });

  it.each([
    ['a parent path', [{ name: '../evil' }, 'x']],
    ['a symlink out', [{ name: 'l', type: 'symlink', linkname: '../../../../etc' }]],
    ['a hardlink out', [{ name: 'l', type: 'link', linkname: '../../../../etc/passwd' }]],
  ] as readonly (readonly [string, Entry])[])(
    'refuses %s and leaves nothing',
    async (_what, entry) => {
      const tar = await tarOf([{ name: 'ok' }, 'fine'], entry);
      await expect(store.register(stream(tar), undefined, 'image')).rejects.toThrow(
        /invalid|outside/,
      );
      await settle();
      expect(leftovers()).toEqual([]);
      expect(existsSync(join(root, 'evil'))).toBe(false);
    },
  );

  it('keeps writes through an absolute symlink inside the layer', async () => {
    const target = join(root, 'outside');
    const tar = await tarOf(
      [{ name: 'link', type: 'symlink', linkname: target }],
      [{ name: 'link/file' }, 'caught'],
    );
    const layer = await store.register(stream(tar), undefined, 'image');
    expect(existsSync(join(target, 'file'))).toBe(false);
    await store.createReadWrite('c', layer.chainId, { initLayer: false });
    await mounted('c', (path) => {
      expect(readFileSync(join(path, target, 'file'), 'utf8')).toBe('caught');
    });
  });

  it.each([
    ['digest', { expectedDigest: `sha256:${'0'.repeat(64)}` }],
    ['size', { expectedSize: 1 }],
    ['diffID', { expectedDiffId: `sha256:${'0'.repeat(64)}` }],
  ])('refuses a wrong %s and leaves nothing', async (_what, options) => {
    const tar = await tarOf([{ name: 'f' }, 'x']);
    await expect(store.register(stream(tar), undefined, 'image', options)).rejects.toThrow();
    await settle();
    expect(leftovers()).toEqual([]);
    expect(store.list()).toEqual([]);
  });

  it('refuses a cut-off archive and leaves nothing', async () => {
    const tar = gzipSync(await tarOf([{ name: 'f' }, randomBytes(100_000)]));
    await expect(
      store.register(stream(tar.subarray(0, 50_000)), undefined, 'image'),
    ).rejects.toThrow(/unexpected end/);
    await settle();
    expect(leftovers()).toEqual([]);
  });

  it('leaves nothing when cancelled', async () => {
    const cancel = new AbortController();
    const endless = Readable.from(
      (async function* () {
        yield (await tarOf([{ name: 'f' }, randomBytes(600_000)])).subarray(0, 400_000);
        cancel.abort();
        await new Promise(() => undefined);
      })(),
    );
    await expect(
      store.register(endless, undefined, 'image', { signal: cancel.signal }),
    ).rejects.toMatchObject({ code: 'cancelled' });
    await settle();
    expect(leftovers()).toEqual([]);
  });

  it('deletes layers when their last holder lets go, parents after children', async () => {
    const base = await store.register(stream(await tarOf([{ name: 'a' }, '1'])), undefined, 'one');
    const top = await store.register(
      stream(await tarOf([{ name: 'b' }, '2'])),
      base.chainId,
      'one',
    );
    store.acquire(top.chainId, 'two');
    expect(await store.release(top.chainId, 'one')).toEqual([]);
    await store.release(base.chainId, 'one');
    const gone = await store.release(top.chainId, 'two');
    expect(gone.map(({ chainId }) => chainId)).toEqual([top.chainId, base.chainId]);
    await settle();
    expect(leftovers()).toEqual([]);
  });

  it('knows its layers after a restart and sets unreadable records aside', async () => {
    const good = await store.register(
      stream(await tarOf([{ name: 'a' }, '1'])),
      undefined,
      'image',
    );
    const bad = await store.register(stream(await tarOf([{ name: 'b' }, '2'])), undefined, 'image');
    await store.createReadWrite('c', good.chainId, { initLayer: true });
    await store.cleanup();
    const database = join(root, 'image', driverName, 'layerdb');
    writeFileSync(join(database, 'sha256', bad.chainId.slice(7), 'diff'), 'garbage');
    await open();
    expect(store.list().map(({ chainId }) => chainId)).toEqual([good.chainId]);
    expect(store.listReadWrite()).toEqual(['c']);
    expect(readdirSync(join(database, 'quarantine'))).toHaveLength(1);
    await mounted('c', (path) => expect(readFileSync(join(path, 'a'), 'utf8')).toBe('1'));
  });
});
