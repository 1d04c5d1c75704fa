import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  dockerArchiveStream,
  type FixtureImage,
  type FixtureOptions,
  layeredImage,
  makeImage,
  makeLayer,
} from '../../../test/support/fixture-images.ts';
import { type ImageRoom, openImageRoom } from '../../../test/support/image-room.ts';
import { hexOf, shortId } from '../distribution/digest.ts';
import type { ImageConfigFile } from './image-service.ts';

async function load(room: ImageRoom, image: FixtureImage, ...tags: string[]): Promise<string> {
  const archive = await dockerArchiveStream(image, ...tags);
  await room.images.load(archive, { quiet: true, onProgress: room.onProgress });
  return image.id;
}

async function loadSeed(
  room: ImageRoom,
  seed: string,
  tag: string | undefined,
  options: FixtureOptions = {},
): Promise<string> {
  const image = await layeredImage(seed, options);
  return load(room, image, ...(tag === undefined ? [] : [tag]));
}

const namesIn = (rows: readonly object[]): unknown[] =>
  rows.map((row) => ('RepoTags' in row ? row.RepoTags : undefined));

function useImage(room: ImageRoom, id: string, isRunning: boolean): void {
  const container = { id: 'c'.repeat(64), name: 'user', isRunning };
  room.images.setUsers({ containersOf: (image) => (image === id ? [container] : []) });
}

describe('ImageService.resolve', () => {
  it('finds by name, id, prefix and digest, and says what it did not find', async () => {
    await using room = await openImageRoom();
    const id = await loadSeed(room, 'one', 'one:1');
    for (const text of ['one:1', id, hexOf(id), shortId(id), `sha256:${shortId(id)}`]) {
      expect((await room.images.resolve(text)).id).toBe(id);
    }
    await expect(room.images.resolve('nope')).rejects.toMatchObject({
      status: 404,
      message: 'No such image: nope:latest',
    });
    await expect(room.images.resolve('No')).rejects.toMatchObject({ status: 400 });
    await expect(room.images.resolve('one')).rejects.toThrow('No such image: one:latest');
    await expect(room.images.inspect('nope')).rejects.toThrow(
      'no such image: nope: No such image: nope:latest',
    );
  });

  it('does not take a prefix of two images', async () => {
    await using room = await openImageRoom();
    const ids: string[] = [];
    for (let i = 0; i < 40; i++) ids.push(await loadSeed(room, `p${i}`, undefined));
    const first = hexOf(ids[0] ?? '')[0] ?? '';
    const shared = ids.filter((id) => hexOf(id).startsWith(first)).length;
    const found = await room.images.resolve(first).then(
      () => true,
      () => false,
    );
    expect(found).toBe(shared === 1);
  });
});

describe('ImageService.list', () => {
  it('answers rows of API 1.41, newest first', async () => {
    await using room = await openImageRoom();
    const old = await loadSeed(room, 'old', 'old:1', { created: '2020-01-01T00:00:00Z' });
    const options = { created: '2021-01-01T00:00:00Z', config: { Labels: { a: 'b' } } };
    const young = await loadSeed(room, 'young', 'young:1', options);
    const rows = await room.images.list({});
    expect(rows).toMatchObject([{ Id: young }, { Id: old }]);
    expect(rows[0]).toEqual({
      Containers: -1,
      Created: 1609459200,
      Id: young,
      Labels: { a: 'b' },
      ParentId: '',
      RepoDigests: null,
      RepoTags: ['young:1'],
      SharedSize: -1,
      Size: expect.any(Number),
      VirtualSize: expect.any(Number),
    });
  });

  it('filters', async () => {
    await using room = await openImageRoom();
    await loadSeed(room, '1', 'me/one:1', { created: '2020-01-01T00:00:00Z' });
    const labels = { config: { Labels: { k: 'v' } } };
    await loadSeed(room, '2', 'two:2', { created: '2021-01-01T00:00:00Z', ...labels });
    await loadSeed(room, '3', undefined, { created: '2022-01-01T00:00:00Z' });
    const list = async (filters: Record<string, string[]>): Promise<unknown[]> =>
      namesIn(await room.images.list({ filters }));
    const none = ['<none>:<none>'];
    expect(await list({ dangling: ['true'] })).toEqual([none]);
    expect(await list({ dangling: ['false'] })).toEqual([['two:2'], ['me/one:1']]);
    expect(await list({ label: ['k'] })).toEqual([['two:2']]);
    expect(await list({ label: ['k=v'] })).toEqual([['two:2']]);
    expect(await list({ label: ['k=x'] })).toEqual([]);
    expect(await list({ before: ['two:2'] })).toEqual([['me/one:1']]);
    expect(await list({ since: ['two:2'] })).toEqual([none]);
    expect(await list({ reference: ['two'] })).toEqual([['two:2']]);
    expect(await list({ reference: ['*/*'] })).toEqual([['me/one:1']]);
    expect(await list({ until: ['2020-06-01T00:00:00Z'] })).toEqual([['me/one:1']]);
    await expect(list({ nope: ['x'] })).rejects.toThrow("Invalid filter 'nope'");
    await expect(list({ dangling: ['maybe'] })).rejects.toThrow(
      "Invalid filter 'dangling=[maybe]'",
    );
    await expect(list({ before: ['nope'] })).rejects.toThrow('No such image: nope:latest');
  });

  it('counts containers and shared bytes on demand', async () => {
    await using room = await openImageRoom();
    const image = await layeredImage();
    const id = await load(room, image, 'a:1');
    const top = await makeLayer([{ path: 'top', content: 'x' }]);
    await load(room, makeImage([...image.layers, top]), 'b:1');
    useImage(room, id, true);
    const rows = await room.images.listWithUsage({ all: true });
    const shared = image.layers.reduce((sum, { tar }) => sum + tar.length, 0);
    const byName = Object.fromEntries(rows.map((row) => [row.RepoTags?.[0], row]));
    expect(byName['a:1']).toMatchObject({ Containers: 1, SharedSize: shared });
    expect(byName['b:1']).toMatchObject({ Containers: 0, SharedSize: shared });
  });
});

describe('ImageService.inspect and history', () => {
  it('tell everything about an image', async () => {
    await using room = await openImageRoom();
    const id = await loadSeed(room, 'one', 'one:1', { config: { WorkingDir: '/w' } });
    const inspected = await room.images.inspect('one:1');
    expect(inspected).toMatchObject({
      Id: id,
      Os: 'linux',
      RepoTags: ['one:1'],
      RepoDigests: [],
      Config: { WorkingDir: '/w', Env: ['PATH=/bin'], Volumes: null, AttachStdin: false },
      ContainerConfig: { Cmd: null },
      GraphDriver: { Name: 'fake', Data: { MergedDir: expect.any(String) } },
      RootFS: { Type: 'layers', Layers: expect.any(Array) },
    });
    const history = (await room.images.history('one:1')) as { Id: string; Tags: unknown }[];
    expect(history).toHaveLength(3);
    expect(history[0]).toMatchObject({ Id: id, Tags: ['one:1'], CreatedBy: 'layer 2' });
    expect(history[1]).toMatchObject({ Id: '<missing>', Tags: null });
  });
});

describe('ImageService.tag', () => {
  it('adds names, moves them, and notes the time', async () => {
    await using room = await openImageRoom();
    const one = await loadSeed(room, 'one', 'one:1');
    const two = await loadSeed(room, 'two', 'two:1');
    await room.images.tag(one, 'moved', '');
    await room.images.tag('two:1', 'moved', 'latest');
    expect(room.images.namesOf(one)).toEqual(['one:1']);
    expect(room.images.namesOf(two)).toEqual(['moved:latest', 'two:1']);
    expect(room.events.slice(-2)).toEqual(['tag moved', 'tag moved:latest']);
    const { Metadata } = (await room.images.inspect(two)) as { Metadata: { LastTagTime: string } };
    expect(Date.now() - Date.parse(Metadata.LastTagTime)).toBeLessThan(60_000);
    await expect(room.images.tag(one, 'sha256', 'x')).rejects.toThrow(
      'refusing to create an ambiguous tag using digest algorithm as name',
    );
  });
});

describe('ImageService.remove', () => {
  const plain = { force: false, noPrune: false };
  const forced = { force: true, noPrune: false };

  it('untags while other names are left, then deletes', async () => {
    await using room = await openImageRoom();
    const id = await loadSeed(room, 'one', 'a:1');
    await room.images.tag(id, 'b', '2');
    expect(await room.images.remove('a:1', plain)).toEqual([{ Untagged: 'a:1' }]);
    const rows = await room.images.remove('b:2', plain);
    expect(rows.slice(0, 2)).toEqual([{ Untagged: 'b:2' }, { Deleted: id }]);
    expect(rows).toHaveLength(5);
    expect(room.layers.list()).toEqual([]);
    expect(room.events.filter((e) => e.startsWith('delete'))).toEqual([`delete ${id}`]);
  });

  it('refuses an id with several names unless forced', async () => {
    await using room = await openImageRoom();
    const id = await loadSeed(room, 'one', 'a:1');
    await room.images.tag(id, 'b', '2');
    await expect(room.images.remove(shortId(id), plain)).rejects.toMatchObject({
      status: 409,
      message: `conflict: unable to delete ${shortId(id)} (must be forced) - image is referenced in multiple repositories`,
    });
    const rows = await room.images.remove(id, forced);
    expect(rows.slice(0, 3)).toEqual([{ Untagged: 'a:1' }, { Untagged: 'b:2' }, { Deleted: id }]);
  });

  it('refuses what containers use', async () => {
    await using room = await openImageRoom();
    const id = await loadSeed(room, 'one', 'a:1');
    useImage(room, id, false);
    await expect(room.images.remove('a:1', plain)).rejects.toThrow(
      `conflict: unable to remove repository reference "a:1" (must force) - container cccccccccccc is using its referenced image ${shortId(id)}`,
    );
    await expect(room.images.remove(id, plain)).rejects.toThrow(
      `conflict: unable to delete ${shortId(id)} (must be forced) - image is being used by stopped container cccccccccccc`,
    );
    useImage(room, id, true);
    await expect(room.images.remove(id, forced)).rejects.toThrow(
      `conflict: unable to delete ${shortId(id)} (cannot be forced) - image is being used by running container cccccccccccc`,
    );
    // A forced untag leaves the image to its container, without a word.
    expect(await room.images.remove('a:1', forced)).toEqual([{ Untagged: 'a:1' }]);
    expect(room.images.get(id)).toBeDefined();
  });

  it('refuses a parent and prunes nameless parents with the last child', async () => {
    await using room = await openImageRoom();
    const parent = await loadSeed(room, 'one', undefined);
    const base = room.images.get(parent)?.config as ImageConfigFile;
    const child = await room.images.create(
      { ...base, parent, comment: 'child' },
      { repository: 'child', tag: '1' },
    );
    await expect(room.images.remove(parent, forced)).rejects.toThrow(
      `conflict: unable to delete ${shortId(parent)} (cannot be forced) - image has dependent child images`,
    );
    const rows = await room.images.remove('child:1', plain);
    expect(rows.slice(0, 3)).toEqual([
      { Untagged: 'child:1' },
      { Deleted: child },
      { Deleted: parent },
    ]);
  });
});

describe('ImageService.prune', () => {
  it('takes dangling images, or with dangling=false all unused ones', async () => {
    await using room = await openImageRoom();
    const dangling = await loadSeed(room, 'd', undefined);
    const used = await loadSeed(room, 'u', 'used:1');
    const kept = await loadSeed(room, 'k', 'kept:1', { config: { Labels: { keep: 'yes' } } });
    useImage(room, used, false);
    const first = await room.images.prune({});
    expect(first.ImagesDeleted).toContainEqual({ Deleted: dangling });
    expect(first.SpaceReclaimed).toBeGreaterThan(0);
    expect(await room.images.prune({})).toEqual({ ImagesDeleted: null, SpaceReclaimed: 0 });
    await room.images.prune({ dangling: ['false'], 'label!': ['keep'] });
    expect(room.images.count()).toBe(2);
    await room.images.prune({ dangling: ['false'] });
    expect(room.images.get(kept)).toBeUndefined();
    expect(room.images.get(used)).toBeDefined();
  });
});

describe('ImageService at open', () => {
  it('comes back with names, parents and layers', async () => {
    await using room = await openImageRoom();
    const id = await loadSeed(room, 'one', 'one:1');
    const again = await room.reopen();
    expect((await again.resolve('one:1')).id).toBe(id);
    const file = join(room.root, 'image', 'fake', 'repositories.json');
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
      Repositories: { one: { 'one:1': id } },
    });
  });

  it('puts aside what is broken and goes on', async () => {
    await using room = await openImageRoom();
    const broken = await loadSeed(room, 'broken', 'broken:1');
    const good = await loadSeed(room, 'good', 'good:1');
    const database = join(room.root, 'image', 'fake', 'imagedb');
    await writeFile(join(database, 'content', 'sha256', hexOf(broken)), '{}');
    const again = await room.reopen();
    expect(again.count()).toBe(1);
    expect((await again.resolve('good:1')).id).toBe(good);
    expect(await readdir(join(database, 'quarantine'))).toEqual([hexOf(broken)]);
    expect(room.logged.join('')).toContain('image put aside');
    await writeFile(join(room.root, 'image', 'fake', 'repositories.json'), '{nonsense');
    const third = await room.reopen();
    expect(third.get(good)).toBeDefined();
    expect(third.namesOf(good)).toEqual([]);
  });

  it('puts aside images whose layers are gone', async () => {
    await using room = await openImageRoom();
    const id = await loadSeed(room, 'one', 'one:1');
    const top = room.images.get(id)?.chainId ?? '';
    for (const holder of room.layers.holders()[top] ?? []) await room.layers.release(top, holder);
    const again = await room.reopen();
    expect(again.count()).toBe(0);
    await rm(join(room.root, 'image'), { recursive: true });
  });
});
