import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { describe, expect, it } from 'vitest';
import {
  busyboxImage,
  dockerArchive,
  type FixtureImage,
  layeredImage,
  makeImage,
  makeTar,
  ociArchive,
  sha256,
} from '../../../test/support/fixture-images.ts';
import { type ImageRoom, openImageRoom } from '../../../test/support/image-room.ts';
import { shortId } from '../distribution/digest.ts';

const stream = (bytes: Uint8Array): Readable => Readable.from([bytes], { objectMode: false });

const load = (room: ImageRoom, bytes: Uint8Array, quiet = true): Promise<void> =>
  room.images.load(stream(bytes), { quiet, onProgress: room.onProgress });

async function expectNoLeaks(room: ImageRoom): Promise<void> {
  const holders = new Set(Object.values(room.layers.holders()).flat());
  expect([...holders].filter((holder) => !holder.startsWith('sha256:'))).toEqual([]);
  expect(room.layers.staged()).toBe(0);
  expect(await readdir(join(room.root, 'tmp', 'images')).catch(() => [])).toEqual([]);
}

async function readAll(readable: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of readable as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

describe('ImageService.load', () => {
  it('tells all ids when the last image has no name, as Docker does', async () => {
    await using room = await openImageRoom();
    const [named, bare] = [await layeredImage('named'), await layeredImage('bare')];
    const lines = (): readonly (string | undefined)[] => room.lines.map(({ stream }) => stream);
    const row = (image: FixtureImage, ...tags: string[]) => ({ image, tags });
    await load(room, await dockerArchive([row(named, 'a:1'), row(bare)]));
    expect(lines()).toEqual([
      'Loaded image: a:1\n',
      `Loaded image ID: ${named.id}\nLoaded image ID: ${bare.id}\n`,
    ]);
    room.lines.length = 0;
    await load(room, await dockerArchive([row(bare), row(named, 'a:1')]));
    expect(lines()).toEqual(['Loaded image: a:1\n']);
  });

  it('loads with the lines of docker load', async () => {
    await using room = await openImageRoom();
    const image = await busyboxImage();
    await load(room, await dockerArchive([{ image, tags: ['busybox:latest'] }]), false);
    expect(room.lines.at(-1)).toEqual({ stream: 'Loaded image: busybox:latest\n' });
    const { tar, diffId } = image.layers[0] ?? { tar: Buffer.alloc(0), diffId: '' };
    const bars = room.lines.filter(({ status }) => status === 'Loading layer');
    expect(bars.at(-1)).toMatchObject({
      id: shortId(diffId),
      progressDetail: { current: tar.length, total: tar.length },
    });
    expect(room.events).toEqual([`load ${image.id}`]);
    await expectNoLeaks(room);
  });

  it.each([
    ['gzip', gzipSync],
    ['zstd', zstdCompressSync],
  ])('takes %s', async (_name, compress) => {
    await using room = await openImageRoom();
    const image = await layeredImage();
    await load(room, compress(await dockerArchive([{ image, tags: ['x:1'] }])));
    expect(room.images.namesOf(image.id)).toEqual(['x:1']);
  });

  it('names a nameless image by its id, and tells when a name moves', async () => {
    await using room = await openImageRoom();
    const [one, two] = [await layeredImage('1'), await layeredImage('2')];
    await load(room, await dockerArchive([{ image: one, tags: [] }]));
    expect(room.lines.at(-1)).toEqual({ stream: `Loaded image ID: ${one.id}\n` });
    await load(room, await dockerArchive([{ image: one, tags: ['x:1'] }]));
    await load(room, await dockerArchive([{ image: two, tags: ['x:1'] }]));
    expect(room.lines.at(-2)).toEqual({
      stream: `The image x:1 already exists, renaming the old one with ID ${one.id} to empty string\n`,
    });
  });

  it('takes an OCI layout', async () => {
    await using room = await openImageRoom();
    const image = await layeredImage();
    await load(room, await ociArchive(image, 'docker.io/library/x:1'));
    expect(room.images.namesOf(image.id)).toEqual(['x:1']);
    await expectNoLeaks(room);
  });

  it('takes a layer that stands twice in one image, and leaves what no image names', async () => {
    await using room = await openImageRoom();
    const [layer] = (await layeredImage()).layers;
    if (!layer) throw new Error('no layer');
    const image = makeImage([layer, layer]);
    const other = await layeredImage('2');
    const path = (diffId: string): string => `${diffId.slice('sha256:'.length)}/layer.tar`;
    await load(
      room,
      await makeTar([
        { path: path(layer.diffId), content: layer.tar },
        { path: 'unused/layer.tar', content: other.layers.at(-1)?.tar ?? '' },
        { path: 'c.json', content: image.config },
        {
          path: 'manifest.json',
          content: JSON.stringify([
            { Config: 'c.json', Layers: [path(layer.diffId), path(layer.diffId)] },
          ]),
        },
      ]),
    );
    expect(room.images.get(image.id)?.config.rootfs.diff_ids).toEqual([layer.diffId, layer.diffId]);
    expect(room.layers.list()).toHaveLength(2);
    await expectNoLeaks(room);
  });

  it('takes the oldest form', async () => {
    await using room = await openImageRoom();
    const { layers } = await layeredImage();
    const [below, above] = ['b'.repeat(64), 'a'.repeat(64)];
    const old = { os: 'linux', architecture: 'amd64', created: '2015-01-01T00:00:00Z' };
    await load(
      room,
      await makeTar([
        { path: `${above}/json`, content: JSON.stringify({ ...old, id: above, parent: below }) },
        { path: `${above}/layer.tar`, content: layers[1]?.tar ?? '' },
        { path: `${below}/json`, content: JSON.stringify({ ...old, id: below }) },
        { path: `${below}/layer.tar`, content: layers[0]?.tar ?? '' },
        { path: 'repositories', content: JSON.stringify({ legacy: { old: above } }) },
      ]),
    );
    const image = await room.images.resolve('legacy:old');
    expect(image.config.rootfs.diff_ids).toEqual(layers.slice(0, 2).map(({ diffId }) => diffId));
    expect(room.images.count()).toBe(2);
    await expectNoLeaks(room);
  });

  it.each([
    [
      'no tar',
      async () => Buffer.alloc(2048, 1),
      'Error processing tar file(exit status 1): archive/tar: invalid tar header',
    ],
    [
      'a cut archive',
      async () => {
        const whole = await dockerArchive([{ image: await layeredImage(), tags: ['x:1'] }]);
        return whole.subarray(0, whole.length / 2);
      },
      'Error processing tar file(exit status 1): unexpected EOF',
    ],
    ['an empty tar', () => makeTar([]), /repositories: no such file or directory$/],
    [
      'too few layers',
      async () => {
        const image = await layeredImage();
        const short = { ...image, layers: image.layers.slice(1) };
        return dockerArchive([{ image: short, tags: ['x:1'] }]);
      },
      'invalid manifest, layers length mismatch: expected 2, got 3',
    ],
    [
      'the wrong layers',
      async () => {
        const [image, other] = [await layeredImage('1'), await layeredImage('2')];
        return dockerArchive([{ image: { ...image, layers: other.layers }, tags: ['x:1'] }]);
      },
      /^invalid diffID for layer 0: expected "sha256:/,
    ],
    [
      'a config without layers',
      () =>
        makeTar([
          { path: 'c.json', content: '{}' },
          { path: 'manifest.json', content: '[{"Config":"c.json","Layers":[]}]' },
        ]),
      'invalid image JSON, no RootFS key',
    ],
    [
      'paths that leave',
      () =>
        makeTar([
          { path: 'c.json', link: '../../../../etc/passwd' },
          { path: 'manifest.json', content: '[{"Config":"c.json","Layers":[]}]' },
        ]),
      /no such file or directory$/,
    ],
    [
      'an image of another system',
      async () => {
        const image = makeImage((await layeredImage()).layers, { os: 'windows' });
        return dockerArchive([{ image, tags: [] }]);
      },
      'cannot load windows image on linux',
    ],
  ])('refuses %s', async (_name, make, message) => {
    await using room = await openImageRoom();
    await expect(load(room, await make())).rejects.toThrow(message);
    expect(room.images.count()).toBe(0);
    expect(room.layers.list()).toEqual([]);
    await expectNoLeaks(room);
  });

  it('stops when the client is gone', async () => {
    await using room = await openImageRoom();
    const leaver = new AbortController();
    const never = new Readable({ read: () => undefined });
    never.push(Buffer.alloc(1024));
    const options = { quiet: true, onProgress: room.onProgress, signal: leaver.signal };
    const loading = room.images.load(never, options);
    setTimeout(() => leaver.abort(new Error('gone')), 50);
    await expect(loading).rejects.toThrow('gone');
    await expectNoLeaks(room);
  });
});

describe('ImageService.save', () => {
  it('writes what load takes, with the same ids', async () => {
    await using from = await openImageRoom();
    const [one, two] = [await layeredImage('1'), await layeredImage('2')];
    await load(from, await dockerArchive([{ image: one, tags: ['a:1', 'a:2'] }]));
    await load(from, await dockerArchive([{ image: two, tags: ['b:1'] }]));
    const archive = await readAll(await from.images.save(['a', two.id]));
    await using to = await openImageRoom();
    await load(to, archive);
    expect(to.images.namesOf(one.id)).toEqual(['a:1', 'a:2']);
    expect(to.images.namesOf(two.id)).toEqual([]);
    expect(to.images.get(two.id)?.config).toEqual(from.images.get(two.id)?.config);
    await expectNoLeaks(from);
  });

  it('fails before the first byte for what is not there', async () => {
    await using room = await openImageRoom();
    await expect(room.images.save(['nope:1'])).rejects.toThrow('reference does not exist');
    await expect(room.images.save(['nope'])).rejects.toThrow('No such image: nope');
  });

  it('lets go when the reader leaves', async () => {
    await using room = await openImageRoom();
    const image = await busyboxImage();
    await load(room, await dockerArchive([{ image, tags: ['a:1'] }]));
    const archive = await room.images.save(['a:1']);
    archive.once('data', () => archive.destroy());
    await new Promise((resolve) => archive.once('close', resolve));
    await expect.poll(() => Object.values(room.layers.holders()).flat()).toEqual([image.id]);
    await expect.poll(() => readdir(join(room.root, 'tmp', 'images'))).toEqual([]);
  });
});

describe('ImageService.importTar', () => {
  it('makes an image of a root file system', async () => {
    await using room = await openImageRoom();
    const tar = await makeTar([{ path: 'hello', content: 'world' }]);
    const id = await room.images.importTar(stream(tar), {
      repository: 'imported',
      tag: '1',
      message: 'a message',
      changes: ['CMD ["/hello"]', 'ENV A=1 B="2 3"'],
      onProgress: room.onProgress,
    });
    const image = await room.images.resolve('imported:1');
    expect(image).toMatchObject({
      id,
      config: {
        comment: 'a message',
        config: { Cmd: ['/hello'], Env: ['A=1', 'B=2 3'] },
        rootfs: { type: 'layers', diff_ids: [sha256(tar)] },
      },
    });
    expect(room.lines).toEqual([{ status: id }]);
    expect(room.events).toEqual(['tag imported:1', `import ${id}`]);
    await expectNoLeaks(room);
  });

  it('refuses a bad change before it reads', async () => {
    await using room = await openImageRoom();
    const options = { changes: ['RUN x'], onProgress: room.onProgress };
    await expect(room.images.importTar(stream(Buffer.alloc(0)), options)).rejects.toMatchObject({
      status: 400,
      message: 'run is not a valid change command',
    });
  });
});
