import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type FixtureImage,
  layeredImage,
  makeImage,
  makeLayer,
  realisticBytes,
  sha256,
} from '../../../test/support/fixture-images.ts';
import { type ImageRoom, openImageRoom } from '../../../test/support/image-room.ts';
import { type PushedManifest, pushImage, pushIndex } from '../../../test/support/push-image.ts';
import {
  freePort,
  startHostileRegistry,
  startRegistry,
  type TestRegistry,
} from '../../../test/support/registry.ts';
import type { ProgressMessage } from '../image/image-service.ts';
import { hexOf, shortId } from './digest.ts';

let registry: TestRegistry;
let small: FixtureImage;
let smallPushed: PushedManifest;
let large: FixtureImage;

beforeAll(async () => {
  registry = await startRegistry();
  small = await layeredImage();
  smallPushed = await pushImage(registry.url, 'small', small, { tag: 'latest' });
  const content = realisticBytes(3_000_000, 7);
  large = makeImage([
    await makeLayer([{ path: 'a', content }]),
    await makeLayer([{ path: 'b', content: realisticBytes(2_000_000, 8) }]),
  ]);
  await pushImage(registry.url, 'large', large, { tag: 'latest' });
}, 60_000);

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
});

const facts = (lines: readonly ProgressMessage[]): string[] =>
  lines
    .filter(({ progress }) => progress === undefined)
    .map(({ id, status }) => (id ? `${id}: ${status}` : (status ?? '')));

const pull = (room: ImageRoom, name: string, tag = 'latest'): Promise<void> =>
  room.images.pull(name, tag, { onProgress: room.onProgress });

/** Nothing held but by images, nothing left on disk. */
async function expectNoLeaks(room: ImageRoom): Promise<void> {
  const holders = new Set(Object.values(room.layers.holders()).flat());
  expect([...holders].filter((holder) => !holder.startsWith('sha256:'))).toEqual([]);
  const left = await readdir(join(room.root, 'tmp', 'images')).catch(() => []);
  expect(left).toEqual([]);
}

describe('pull', () => {
  it('brings an image in with the lines of docker pull', async () => {
    await using room = await openImageRoom();
    const name = `${registry.host}/small`;
    await pull(room, name);
    const ids = smallPushed.layers.map(shortId);
    const lines = facts(room.lines);
    expect(lines.slice(0, 4)).toEqual([
      'latest: Pulling from small',
      ...ids.map((id) => `${id}: Pulling fs layer`),
    ]);
    expect(lines.slice(-2)).toEqual([
      `Digest: ${smallPushed.digest}`,
      `Status: Downloaded newer image for ${name}:latest`,
    ]);
    for (const id of ids) {
      const mine = lines.filter((line) => line.startsWith(id));
      expect(mine.slice(-3)).toEqual([
        `${id}: Verifying Checksum`,
        `${id}: Download complete`,
        `${id}: Pull complete`,
      ]);
    }
    expect((await room.images.resolve(name)).id).toBe(small.id);
    expect(await room.images.inspect(name)).toMatchObject({
      RepoTags: [`${name}:latest`],
      RepoDigests: [`${name}@${smallPushed.digest}`],
    });
    expect(room.events).toEqual([`pull ${name}`]);
    await expectNoLeaks(room);
  });

  it('says so when nothing is new', async () => {
    await using room = await openImageRoom();
    const name = `${registry.host}/small`;
    await pull(room, name);
    room.lines.length = 0;
    await pull(room, name);
    expect(facts(room.lines)).toEqual([
      'latest: Pulling from small',
      `Digest: ${smallPushed.digest}`,
      `Status: Image is up to date for ${name}:latest`,
    ]);
  });

  it('takes layers that are there already', async () => {
    await using room = await openImageRoom();
    const upper = await makeLayer([{ path: 'top', content: 'more' }]);
    const more = makeImage([...small.layers, upper]);
    await pushImage(registry.url, 'more', more, { tag: '1' });
    await pull(room, `${registry.host}/small`);
    room.lines.length = 0;
    await pull(room, `${registry.host}/more`, '1');
    expect(facts(room.lines).filter((line) => line.endsWith('Already exists'))).toHaveLength(3);
    expect(room.layers.registrations()).toBe(4);
    await expectNoLeaks(room);
  });

  it('pulls by digest', async () => {
    await using room = await openImageRoom();
    const name = `${registry.host}/small`;
    await pull(room, name, smallPushed.digest);
    expect(await room.images.inspect(`${name}@${smallPushed.digest}`)).toMatchObject({
      Id: small.id,
      RepoTags: [],
      RepoDigests: [`${name}@${smallPushed.digest}`],
    });
    expect(facts(room.lines).at(-1)).toBe(
      `Status: Downloaded newer image for ${name}@${smallPushed.digest}`,
    );
  });

  it('pulls every tag of a bare name', async () => {
    await using room = await openImageRoom();
    await pushImage(registry.url, 'tags', await layeredImage('a'), { tag: 'a' });
    await pushImage(registry.url, 'tags', await layeredImage('b'), { tag: 'b' });
    await pull(room, `${registry.host}/tags`, '');
    expect(room.images.count()).toBe(2);
  });

  it.each(['docker', 'oci'] as const)('chooses the platform of a %s index', async (flavor) => {
    await using room = await openImageRoom();
    const platforms = [
      { architecture: 'arm', variant: 'v6' },
      { architecture: 'arm', variant: 'v7' },
      { architecture: 'arm64' },
      { architecture: 'amd64' },
    ];
    const images = await Promise.all(
      platforms.map((platform) => layeredImage(JSON.stringify(platform), platform)),
    );
    const digest = await pushIndex(registry.url, `multi-${flavor}`, images, { tag: 'x', flavor });
    const name = `${registry.host}/multi-${flavor}`;
    const wanted = { os: 'linux', architecture: 'arm', variant: 'v7' };
    await room.images.pull(name, 'x', { onProgress: room.onProgress, platform: wanted });
    expect((await room.images.resolve(`${name}:x`, wanted)).id).toBe(images[1]?.id);
    expect(facts(room.lines)).toContain(`Digest: ${digest}`);
    await expect(
      room.images.pull(name, 'x', {
        onProgress: room.onProgress,
        platform: { os: 'linux', architecture: 's390x' },
      }),
    ).rejects.toThrow('no matching manifest for linux/s390x in the manifest list entries');
  });

  it('warns about a single image of another platform', async () => {
    await using room = await openImageRoom();
    const other = await layeredImage('other', { architecture: 's390x' });
    await pushImage(registry.url, 'other', other, { tag: 'x' });
    const name = `${registry.host}/other`;
    const platform = { os: 'linux', architecture: 'amd64' };
    await room.images.pull(name, 'x', { onProgress: room.onProgress, platform });
    expect(facts(room.lines).at(-1)).toBe(
      `WARNING: image with reference ${name}:x was found but does not match the specified platform: wanted linux/amd64, actual: linux/s390x`,
    );
  });

  it('unpacks a blob that comes twice twice, but downloads it once', async () => {
    await using room = await openImageRoom();
    const layer = await makeLayer([{ path: 'same', content: 'same' }]);
    await pushImage(registry.url, 'twice', makeImage([layer, layer]), { tag: 'x' });
    await using hostile = await startHostileRegistry(registry);
    await pull(room, `${hostile.host}/twice`, 'x');
    expect(room.layers.registrations()).toBe(2);
    const gets = hostile.requests.filter((line) => line.includes('/blobs/'));
    expect(gets).toHaveLength(2);
  });
});

describe('pull errors', () => {
  it('answers 404 for an unknown tag', async () => {
    await using room = await openImageRoom();
    await expect(pull(room, `${registry.host}/small`, 'nope')).rejects.toMatchObject({
      status: 404,
      message: `manifest for ${registry.host}/small:nope not found: manifest unknown: manifest unknown`,
    });
  });

  it('answers 404 for an unknown digest', async () => {
    await using room = await openImageRoom();
    const digest = sha256('nothing');
    await expect(pull(room, `${registry.host}/small`, digest)).rejects.toMatchObject({
      status: 404,
      message: `manifest for ${registry.host}/small@${digest} not found: manifest unknown: manifest unknown`,
    });
  });

  it('tells what nobody answered', async () => {
    await using room = await openImageRoom();
    const port = await freePort();
    await expect(pull(room, `127.0.0.1:${port}/x`)).rejects.toMatchObject({
      status: 500,
      message: `Get "http://127.0.0.1:${port}/v2/": dial tcp 127.0.0.1:${port}: connect: connection refused`,
    });
  });

  it('refuses the reserved name', async () => {
    await using room = await openImageRoom();
    await expect(pull(room, 'scratch')).rejects.toMatchObject({
      status: 403,
      message: "'scratch' is a reserved name",
    });
  });
});

describe('pull over a bad line', () => {
  it.each(['cut', 'stall'] as const)('resumes after a %s', async (mischief) => {
    await using room = await openImageRoom({ stallTimeoutMs: 300 });
    await using hostile = await startHostileRegistry(registry);
    // The config is the first blob; it is small and is not retried.
    hostile.mischief.push('ignore-range', mischief);
    await pull(room, `${hostile.host}/large`);
    expect(hostile.requests.filter((line) => line.includes('bytes='))).toHaveLength(1);
    expect(facts(room.lines).some((line) => line.includes('Retrying in 5 seconds'))).toBe(true);
    expect((await room.images.resolve(`${hostile.host}/large`)).id).toBe(large.id);
    await expectNoLeaks(room);
  });

  it('skips what it has when ranges are not known', async () => {
    await using room = await openImageRoom();
    await using hostile = await startHostileRegistry(registry);
    hostile.mischief.push('ignore-range', 'cut', 'ignore-range', 'ignore-range');
    await pull(room, `${hostile.host}/large`);
    expect(room.images.count()).toBe(1);
    await expectNoLeaks(room);
  });

  it('gives up after five more attempts', async () => {
    await using room = await openImageRoom();
    await using hostile = await startHostileRegistry(registry);
    hostile.mischief.push('ignore-range', ...Array.from({ length: 40 }, () => 'cut' as const));
    await expect(pull(room, `${hostile.host}/large`)).rejects.toMatchObject({ status: 500 });
    expect(room.images.count()).toBe(0);
    await expectNoLeaks(room);
  }, 20_000);

  it('refuses a forged layer', async () => {
    await using room = await openImageRoom();
    await using hostile = await startHostileRegistry(registry);
    hostile.mischief.push('ignore-range', 'corrupt', 'corrupt', 'corrupt');
    await expect(pull(room, `${hostile.host}/large`)).rejects.toThrow(
      /^filesystem layer verification failed for digest sha256:[a-f0-9]{64}$/,
    );
    expect(room.images.count()).toBe(0);
    expect(room.layers.list()).toEqual([]);
    await expectNoLeaks(room);
  });

  it('refuses a forged config', async () => {
    await using room = await openImageRoom();
    await using hostile = await startHostileRegistry(registry);
    hostile.mischief.push('corrupt');
    await expect(pull(room, `${hostile.host}/large`)).rejects.toThrow(
      `error pulling image configuration: image config verification failed for digest ${large.id}`,
    );
  });
});

describe('pull of several', () => {
  it('downloads a layer once for two pulls', async () => {
    await using room = await openImageRoom();
    await using hostile = await startHostileRegistry(registry);
    const name = `${hostile.host}/large`;
    await Promise.all([pull(room, name), pull(room, name)]);
    const layerGets = hostile.requests.filter(
      (line) => line.includes('/blobs/') && !line.includes(hexOf(large.id)),
    );
    expect(layerGets).toHaveLength(2);
    expect(room.layers.registrations()).toBe(2);
    await expectNoLeaks(room);
  });

  it('goes on for the one who stays when the other leaves', async () => {
    await using room = await openImageRoom();
    await using hostile = await startHostileRegistry(registry);
    const name = `${hostile.host}/large`;
    const gate = Promise.withResolvers<void>();
    hostile.gate = (path) => (path.includes(hexOf(large.id)) ? undefined : gate.promise);
    const leaver = new AbortController();
    const waiting = {
      leaver: Promise.withResolvers<void>(),
      stayer: Promise.withResolvers<void>(),
    };
    const left = room.images.pull(name, 'latest', {
      onProgress: ({ status }) => {
        if (status === 'Pulling fs layer') waiting.leaver.resolve();
      },
      signal: leaver.signal,
    });
    await waiting.leaver.promise;
    const stayed = room.images.pull(name, 'latest', {
      onProgress: ({ status }) => {
        if (status === 'Pulling fs layer') waiting.stayer.resolve();
      },
    });
    await waiting.stayer.promise;
    leaver.abort(new Error('client gone'));
    await expect(left).rejects.toThrow('client gone');
    gate.resolve();
    await stayed;
    expect(room.images.count()).toBe(1);
    await expectNoLeaks(room);
  });

  it('stops when the only client is gone', async () => {
    await using room = await openImageRoom({ stallTimeoutMs: 60_000 });
    await using hostile = await startHostileRegistry(registry);
    hostile.mischief.push('ignore-range', 'stall', 'stall');
    const leaver = new AbortController();
    const pulling = room.images.pull(`${hostile.host}/large`, 'latest', {
      onProgress: (line) => {
        if (line.status === 'Pulling fs layer')
          setTimeout(() => leaver.abort(new Error('gone')), 100);
      },
      signal: leaver.signal,
    });
    await expect(pulling).rejects.toThrow('gone');
    expect(room.layers.list()).toEqual([]);
    await expectNoLeaks(room);
  });
});

describe('pull with tokens', () => {
  it('fetches an anonymous token', async () => {
    await using room = await openImageRoom();
    await using hostile = await startHostileRegistry(registry);
    hostile.tokenAuth = 'anonymous';
    await pull(room, `${hostile.host}/small`);
    const tokens = hostile.requests.filter((line) => line.includes('/token'));
    expect(tokens).toEqual(['GET /token?service=test&scope=repository%3Asmall%3Apull']);
  });

  it('sends the password for a token, and reports a refusal', async () => {
    await using room = await openImageRoom();
    await using hostile = await startHostileRegistry(registry);
    hostile.tokenAuth = 'password';
    const name = `${hostile.host}/small`;
    const auth = { username: 'user', password: 'secret' };
    await room.images.pull(name, 'latest', { onProgress: room.onProgress, auth });
    expect(room.images.count()).toBe(1);
    await expect(pull(room, name)).rejects.toThrow(
      `Head "${hostile.url}/v2/small/manifests/latest": unauthorized: incorrect username or password`,
    );
  });
});

describe('mirrors', () => {
  it('serve docker.io, and the next one is asked when the first is down', async () => {
    await pushImage(registry.url, 'library/mirrored', small, { tag: 'latest' });
    await using room = await openImageRoom({
      mirrors: [`http://127.0.0.1:${await freePort()}`, registry.url],
    });
    await pull(room, 'mirrored');
    expect(room.images.namesOf(small.id)).toEqual(['mirrored:latest']);
    expect(facts(room.lines)[0]).toBe('latest: Pulling from library/mirrored');
  });
});
