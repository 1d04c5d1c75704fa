import { mkdir, readdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  dockerArchiveStream,
  type FixtureImage,
  layeredImage,
  makeImage,
  makeLayer,
  realisticBytes,
  sha256,
} from '../../../test/support/fixture-images.ts';
import {
  CREDENTIALS,
  startPasswordRegistry,
  startTlsRegistry,
  startTokenRegistry,
  type TokenRegistry,
} from '../../../test/support/guarded-registry.ts';
import { type ImageRoom, openImageRoom } from '../../../test/support/image-room.ts';
import {
  freePort,
  startHostileRegistry,
  startRegistry,
  type TestRegistry,
} from '../../../test/support/registry.ts';
import type { ProgressMessage, RegistryAuth } from '../image/image-service.ts';
import { shortId } from './digest.ts';

let registry: TestRegistry;
let small: FixtureImage;

beforeAll(async () => {
  registry = await startRegistry();
  small = await layeredImage();
}, 60_000);

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
});

const facts = (lines: readonly ProgressMessage[]): string[] =>
  lines
    .filter(({ progress, status }) => progress === undefined && status !== undefined)
    .map(({ id, status }) => (id ? `${id}: ${status}` : (status ?? '')));

const load = async (room: ImageRoom, image: FixtureImage, ...tags: string[]): Promise<void> =>
  room.images.load(await dockerArchiveStream(image, ...tags), {
    quiet: true,
    onProgress: () => undefined,
  });

const push = (room: ImageRoom, name: string, tag = '', auth: RegistryAuth = {}): Promise<void> => {
  room.lines.length = 0;
  return room.images.push(name, tag, { auth, onProgress: room.onProgress });
};

function expectNothingHeld(room: ImageRoom): void {
  const holders = new Set(Object.values(room.layers.holders()).flat());
  expect([...holders].filter((holder) => !holder.startsWith('sha256:'))).toEqual([]);
}

interface StoredManifest {
  readonly mediaType: string;
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string; readonly size: number }[];
}

const manifestOf = async (repository: string, tag: string): Promise<StoredManifest> => {
  const accept = 'application/vnd.docker.distribution.manifest.v2+json';
  const answer = await fetch(`${registry.url}/v2/${repository}/manifests/${tag}`, {
    headers: { accept },
  });
  return (await answer.json()) as StoredManifest;
};

describe('push', () => {
  it('sends layers, config and a schema 2 manifest, with the lines of docker push', async () => {
    await using room = await openImageRoom();
    const name = `${registry.host}/first`;
    await load(room, small, `${name}:latest`);
    await push(room, name, 'latest');
    const ids = small.layers.map(({ diffId }) => shortId(diffId)).reverse();
    const lines = facts(room.lines);
    expect(lines.slice(0, 4)).toEqual([
      `The push refers to repository [${name}]`,
      ...ids.map((id) => `${id}: Preparing`),
    ]);
    expect(lines.slice(4, 7).sort()).toEqual(ids.map((id) => `${id}: Pushed`).sort());
    const stored = await manifestOf('first', 'latest');
    const digest = sha256(JSON.stringify(stored, null, 3));
    const size = JSON.stringify(stored, null, 3).length;
    expect(lines.slice(7)).toEqual([`latest: digest: ${digest} size: ${size}`]);
    expect(room.lines.at(-1)).toEqual({
      progressDetail: {},
      aux: { Tag: 'latest', Digest: digest, Size: size },
    });
    expect(stored.config.digest).toBe(small.id);
    expect(room.events).toContain(`push ${name}`);
    expect(await room.images.inspect(name)).toMatchObject({ RepoDigests: [`${name}@${digest}`] });
    expectNothingHeld(room);

    await using other = await openImageRoom();
    await other.images.pull(name, 'latest', { onProgress: () => undefined });
    expect(other.images.get(small.id)).toBeDefined();
  });

  it('finds layers that are there, and mounts those of another repository', async () => {
    await using room = await openImageRoom();
    const [one, two] = [`${registry.host}/a/one`, `${registry.host}/b/two`];
    await load(room, small, `${one}:latest`, `${one}:v2`, `${two}:latest`);
    await push(room, one, 'latest');
    await push(room, one, 'v2');
    const statuses = (): string[] => facts(room.lines).map((line) => line.replace(/^\w{12}: /, ''));
    expect(statuses().filter((line) => line === 'Layer already exists')).toHaveLength(3);
    await push(room, two, 'latest');
    expect(statuses().filter((line) => line === 'Mounted from a/one')).toHaveLength(3);
    expect((await manifestOf('b/two', 'latest')).layers).toEqual(
      (await manifestOf('a/one', 'v2')).layers,
    );
  });

  it('knows where the layers of a pulled image came from', async () => {
    await using room = await openImageRoom();
    const [from, to] = [`${registry.host}/origin`, `${registry.host}/copy`];
    await load(room, small, `${from}:latest`);
    await push(room, from, 'latest');
    await using other = await openImageRoom();
    await other.images.pull(from, 'latest', { onProgress: () => undefined });
    await other.images.tag(`${from}:latest`, to, 'latest');
    await push(other, to, 'latest');
    expect(facts(other.lines).filter((line) => line.endsWith('Mounted from origin'))).toHaveLength(
      3,
    );
  });

  it('sends a layer the registry has lost since', async () => {
    await using lossy = await startRegistry();
    await using room = await openImageRoom();
    const name = `${lossy.host}/lost`;
    await load(room, small, `${name}:latest`);
    await push(room, name, 'latest');
    await using empty = await startRegistry();
    const moved = `${empty.host}/lost`;
    await room.images.tag(name, moved, 'latest');
    // The memory of the first registry, in the second one's name.
    const digests = join(room.root, 'image/fake/distribution/v2metadata-by-diffid/sha256');
    for (const file of await readdir(digests)) {
      const text = await readFile(join(digests, file), 'utf8');
      await writeFile(join(digests, file), text.replaceAll(lossy.host, empty.host));
    }
    await push(room, moved, 'latest');
    expect(facts(room.lines).filter((line) => line.endsWith(': Pushed'))).toHaveLength(3);
    await mkdir(join(room.root, 'aside'));
    await rename(digests, join(room.root, 'aside/digests'));
    await push(room, moved, 'latest');
    expect(facts(room.lines).filter((line) => line.endsWith(': Pushed'))).toHaveLength(3);
  });

  it('pushes every tag of a bare name', async () => {
    await using room = await openImageRoom();
    const name = `${registry.host}/tags`;
    await load(room, small, `${name}:a`, `${name}:b`);
    await push(room, name);
    expect(facts(room.lines).filter((line) => /^[ab]: digest: /.test(line))).toHaveLength(2);
    expect(await manifestOf('tags', 'a')).toEqual(await manifestOf('tags', 'b'));
  });

  it('shows progress and keeps to the number of uploads', async () => {
    await using room = await openImageRoom({ maxConcurrentUploads: 1 });
    const big = makeImage([
      await makeLayer([{ path: 'a', content: realisticBytes(3_000_000, 1) }]),
      await makeLayer([{ path: 'b', content: realisticBytes(3_000_000, 2) }]),
    ]);
    const name = `${registry.host}/big`;
    await load(room, big, `${name}:latest`);
    await push(room, name, 'latest');
    expect(facts(room.lines).filter((line) => line.endsWith(': Waiting'))).toHaveLength(1);
    const moving = room.lines.filter(({ status }) => status === 'Pushing');
    expect(moving.length).toBeGreaterThan(1);
    expect(moving.at(-1)?.progress).toMatch(/^\[=+>\] +3\.\d+MB/);
  });

  it('sends one copy for two pushes at a time, and survives the leaving of one', async () => {
    await using gated = await startHostileRegistry(registry);
    await using room = await openImageRoom();
    const name = `${gated.host}/shared`;
    await load(room, small, `${name}:latest`);
    const stop = new AbortController();
    const reached = Promise.withResolvers<void>();
    const open = Promise.withResolvers<void>();
    gated.gate = () => {
      reached.resolve();
      return open.promise;
    };
    const options = { auth: {}, onProgress: () => undefined };
    const first = room.images.push(name, 'latest', { ...options, signal: stop.signal });
    // Told of each layer in the moment it joins.
    const joined: string[] = [];
    const second = room.images.push(name, 'latest', {
      ...options,
      onProgress: ({ status, id = '' }) => {
        if (status === 'Preparing') joined.push(id);
      },
    });
    await reached.promise;
    await expect.poll(() => joined.length).toBe(small.layers.length);
    stop.abort(new Error('left'));
    await expect(first).rejects.toThrow('left');
    open.resolve();
    await expect(second).resolves.toBeUndefined();
    const posts = gated.requests.filter((line) => line.startsWith('POST'));
    expect(posts).toHaveLength(small.layers.length + 1);
    expectNothingHeld(room);
  });

  it.each([
    [
      'nope',
      'latest',
      (host: string) => `An image does not exist locally with the tag: ${host}/nope`,
    ],
    ['words', 'none', (host: string) => `tag does not exist: ${host}/words:none`],
    ['words', 'b@d', () => 'invalid tag format'],
    ['UPPER', '', () => 'invalid reference format: repository name must be lowercase'],
    [`words@sha256:${'a'.repeat(64)}`, '', () => 'cannot push a digest reference'],
  ])('refuses %s:%s in the words of dockerd', async (repository, tag, words) => {
    await using room = await openImageRoom();
    await load(room, small, `${registry.host}/words:latest`);
    await expect(push(room, `${registry.host}/${repository}`, tag)).rejects.toMatchObject({
      message: words(registry.host),
      status: 500,
    });
  });

  it('says who does not answer', async () => {
    await using room = await openImageRoom();
    const host = `127.0.0.1:${await freePort()}`;
    await load(room, small, `${host}/x:latest`);
    await expect(push(room, `${host}/x`, 'latest')).rejects.toThrow(
      `Get "http://${host}/v2/": dial tcp ${host}: connect: connection refused`,
    );
  });
});

describe('push to guarded registries', () => {
  it('gives the password, and says when it is wrong or missing', async () => {
    await using guarded = await startPasswordRegistry();
    await using room = await openImageRoom();
    const name = `${guarded.host}/mine`;
    await load(room, small, `${name}:latest`);
    await expect(push(room, name, 'latest')).rejects.toThrow(/^no basic auth credentials$/);
    await expect(push(room, name, 'latest', { ...CREDENTIALS, password: 'wrong' })).rejects.toThrow(
      /^unauthorized: authentication required$/,
    );
    await push(room, name, 'latest', CREDENTIALS);
    expect(facts(room.lines).at(-1)).toMatch(/^latest: digest: sha256:/);
  });

  describe('with tokens', () => {
    let tokens: TokenRegistry;
    beforeAll(async () => {
      tokens = await startTokenRegistry();
    });
    afterAll(() => tokens[Symbol.asyncDispose]());

    it('asks for the rights it needs, also those of the repository it mounts from', async () => {
      await using room = await openImageRoom();
      const [one, two] = [`${tokens.host}/a/one`, `${tokens.host}/b/two`];
      await load(room, small, `${one}:latest`, `${two}:latest`);
      await push(room, one, 'latest', CREDENTIALS);
      expect(tokens.asked).toContain('GET repository:a/one:push,pull');
      await push(room, two, 'latest', CREDENTIALS);
      expect(tokens.asked).toContain('GET repository:b/two:push,pull,repository:a/one:pull');
      expect(facts(room.lines).filter((line) => line.endsWith('Mounted from a/one'))).toHaveLength(
        3,
      );
    });

    it('pushes and pulls with an identity token in place of the password', async () => {
      await using room = await openImageRoom();
      const auth = { ...CREDENTIALS, serveraddress: tokens.host };
      const answer = await room.images.registries.login(auth, new AbortController().signal);
      expect(answer).toEqual({ Status: 'Login Succeeded', IdentityToken: 'an-identity-token' });
      const name = `${tokens.host}/identity`;
      await load(room, small, `${name}:latest`);
      const identity = { username: 'user', identitytoken: answer.IdentityToken };
      await push(room, name, 'latest', identity);
      expect(tokens.asked).toContain('POST repository:identity:push,pull');
      await using other = await openImageRoom();
      await other.images.pull(name, 'latest', { auth: identity, onProgress: () => undefined });
      expect(other.images.get(small.id)).toBeDefined();
    });

    it('says what the token server says', async () => {
      await using room = await openImageRoom();
      const name = `${tokens.host}/refused`;
      await load(room, small, `${name}:latest`);
      await expect(
        push(room, name, 'latest', { ...CREDENTIALS, password: 'wrong' }),
      ).rejects.toThrow('unauthorized: incorrect username or password');
    });
  });

  it('trusts the authority of certs.d and shows its own certificate', async () => {
    await using tls = await startTlsRegistry();
    const { certsDirectory } = tls;
    await using room = await openImageRoom({ certsDirectories: [certsDirectory] });
    const name = `${tls.host}/sealed`;
    await load(room, small, `${name}:latest`);
    await push(room, name, 'latest');
    await using other = await openImageRoom({ certsDirectories: [certsDirectory] });
    await other.images.pull(name, 'latest', { onProgress: () => undefined });
    expect(other.images.get(small.id)).toBeDefined();
    await using stranger = await openImageRoom({ certsDirectories: [] });
    await expect(
      stranger.images.pull(name, 'latest', { onProgress: () => undefined }),
    ).rejects.toThrow();
  });
});
