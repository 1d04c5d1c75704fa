/**
 * What a daemon is given that is wrong: Docker's message and status, nothing left behind, and the daemon
 * goes on. The words are dockerd 20.10.24's answers to the same requests.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { command, TestDaemon } from '../support/daemon.ts';
import {
  dockerArchive,
  type FixtureImage,
  layeredImage,
  makeTar,
} from '../support/fixture-images.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';
import { pushImage } from '../support/push-image.ts';
import {
  type HostileRegistry,
  startHostileRegistry,
  startRegistry,
  type TestRegistry,
} from '../support/registry.ts';

let daemon: TestDaemon;
let registry: TestRegistry;
let hostile: HostileRegistry;
let image: FixtureImage;
/** Layer directories and records of busybox alone. */
let untouched: readonly string[];

const layerFiles = (): string[] =>
  ['overlay2', 'image/overlay2/layerdb/sha256', 'image/overlay2/layerdb/tmp', 'tmp', 'tmp/images']
    .flatMap((path) => {
      try {
        return readdirSync(join(daemon.dataRoot, path)).map((name) => join(path, name));
      } catch {
        return [];
      }
    })
    // The init layer of an image comes with its first container.
    .filter((path) => !/^overlay2\/(l|\.removing-.*|.*-init)$|^tmp\/images$/.test(path));

beforeAll(async () => {
  [daemon, registry] = await Promise.all([TestDaemon.start(), startRegistry()]);
  hostile = await startHostileRegistry(registry);
  image = await layeredImage('1');
  await pushImage(registry.url, 'x', image, { tag: '1' });
  untouched = layerFiles();
});

afterEach(async () => {
  hostile.mischief.length = 0;
  await daemon.docker(['rmi', '-f', `${hostile.host}/x:1`]);
  await expect.poll(layerFiles, { timeout: 5000 }).toEqual(untouched);
  expect((await daemon.docker(['run', '--rm', 'busybox', 'echo', 'on'])).stdout).toBe('on\n');
});

afterAll(async () => {
  expect(await daemon.stop()).toBe(0);
  expect(daemon.leaks()).toEqual(NO_LEAKS);
  await daemon[Symbol.asyncDispose]();
  await hostile[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

describe('docker pull', () => {
  it.each(['nope:1', 'x:nope'])('says that %s is not there', async (name) => {
    const { code, stderr } = await daemon.docker(['pull', `${registry.host}/${name}`]);
    expect(code).toBe(1);
    expect(stderr.trim()).toBe(
      `Error response from daemon: manifest for ${registry.host}/${name} not found: manifest unknown: manifest unknown`,
    );
  });

  it('says that nobody listens', async () => {
    const { code, stderr } = await daemon.docker(['pull', '127.0.0.1:1/x:1']);
    expect(code).toBe(1);
    expect(stderr.trim()).toBe(
      'Error response from daemon: Get "http://127.0.0.1:1/v2/": dial tcp 127.0.0.1:1: connect: connection refused',
    );
  });

  it('refuses a layer with a wrong digest', async () => {
    // The first blob is the config; every layer after it is forged.
    hostile.gate = async (path) => {
      if (!path.endsWith(image.id) && hostile.mischief.length === 0)
        hostile.mischief.push('corrupt');
      return undefined;
    };
    const { code, stderr } = await daemon.docker(['pull', `${hostile.host}/x:1`]);
    hostile.gate = undefined;
    expect(code).toBe(1);
    expect(stderr).toMatch(/filesystem layer verification failed for digest sha256:[0-9a-f]{64}/);
  });

  it('goes on where a layer was cut off', async () => {
    let isCut = false;
    hostile.gate = async (path) => {
      if (!isCut && !path.endsWith(image.id)) {
        isCut = true;
        hostile.mischief.push('cut');
      }
      return undefined;
    };
    const { code, stdout } = await daemon.docker(['pull', `${hostile.host}/x:1`]);
    hostile.gate = undefined;
    expect(isCut).toBe(true);
    expect(code).toBe(0);
    expect(stdout).toContain(`Status: Downloaded newer image for ${hostile.host}/x:1`);
  });

  it('lets go of a registry that is silent when the client leaves', async () => {
    hostile.gate = async (path) => {
      if (!path.endsWith(image.id)) hostile.mischief.push('stall');
      return undefined;
    };
    const pulling = command('timeout', ['2', 'docker', 'pull', `${hostile.host}/x:1`], {
      env: { DOCKER_HOST: `unix://${daemon.socket}` },
    });
    await delay(1000);
    expect(layerFiles()).not.toEqual(untouched);
    expect((await pulling).code).toBe(124);
    hostile.gate = undefined;
  });
});

describe('docker load and import', () => {
  const archiveOf = (layers: FixtureImage['layers']): Promise<Buffer> =>
    dockerArchive([{ image: { ...image, layers }, tags: ['broken:1'] }]);

  it.each<readonly [string, () => Promise<Buffer>, string | RegExp]>([
    [
      'a cut archive',
      async () => {
        const whole = await archiveOf(image.layers);
        return whole.subarray(0, whole.length / 2);
      },
      'Error processing tar file(exit status 1): unexpected EOF',
    ],
    [
      'a cut layer',
      () =>
        archiveOf(
          image.layers.map((layer, i) =>
            i === 1 ? { ...layer, tar: layer.tar.subarray(0, layer.tar.length - 1500) } : layer,
          ),
        ),
      'Error processing tar file(exit status 1): unexpected EOF',
    ],
    [
      "another image's layers",
      async () => archiveOf((await layeredImage('2')).layers),
      /^invalid diffID for layer 0: expected "sha256:[0-9a-f]{64}", got "sha256:[0-9a-f]{64}"$/,
    ],
    [
      'no tar',
      async () => Buffer.alloc(4096, 1),
      'Error processing tar file(exit status 1): archive/tar: invalid tar header',
    ],
    ['an empty tar', () => makeTar([]), /^open .*\/repositories: no such file or directory$/],
    ['nothing', async () => Buffer.alloc(0), /^open .*\/repositories: no such file or directory$/],
  ])('loads nothing from %s', async (_what, make, message) => {
    const { code, stderr } = await daemon.docker(['load'], { input: await make() });
    expect(code).toBe(1);
    if (typeof message === 'string') expect(stderr.trim()).toBe(message);
    else expect(stderr.trim()).toMatch(message);
    expect((await daemon.docker(['images', '-q', 'broken'])).stdout).toBe('');
  });

  it('imports nothing from what is no tar', async () => {
    const input = Buffer.alloc(4096, 1);
    const { code, stderr } = await daemon.docker(['import', '-', 'y:1'], { input });
    expect(code).toBe(1);
    expect(stderr.trim()).toBe(
      'Error response from daemon: Error processing tar file(exit status 1): archive/tar: invalid tar header',
    );
  });
});

describe('the API at 1.41', () => {
  const filters = (text: string): string => `/containers/json?filters=${encodeURIComponent(text)}`;

  it.each<readonly [string, unknown, number, string]>([
    [
      'POST /images/create?fromImage=UPPER&tag=1',
      undefined,
      400,
      'invalid reference format: repository name must be lowercase',
    ],
    ['POST /containers/create', { Image: 'nope' }, 404, 'No such image: nope:latest'],
    ['POST /containers/create', '{"Image":', 500, 'unexpected EOF'],
    ['POST /containers/create', ' ', 500, 'EOF'],
    [
      'POST /containers/create',
      { Image: 5 },
      500,
      'json: cannot unmarshal number into Go struct field ContainerConfigWrapper.Image of type string',
    ],
    [
      'POST /containers/create',
      { Image: 'busybox', HostConfig: { Memory: 'x' } },
      500,
      'json: cannot unmarshal string into Go struct field HostConfig.HostConfig.Memory of type int64',
    ],
    ['POST /containers/create', {}, 400, 'Config cannot be empty in order to create a container'],
    [
      'POST /containers/create?name=-a',
      { Image: 'busybox' },
      400,
      'Invalid container name (-a), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed',
    ],
    [
      'POST /containers/create',
      { Image: 'busybox', HostConfig: { PortBindings: { '80/tcp': [{ HostPort: '99999' }] } } },
      400,
      'invalid port specification: "99999"',
    ],
    ['POST /containers/nope/start', undefined, 404, 'No such container: nope'],
    [
      'POST /containers/nope/kill',
      undefined,
      404,
      'Cannot kill container: nope: No such container: nope',
    ],
    [`GET ${filters('{"nope":["x"]}')}`, undefined, 400, "Invalid filter 'nope'"],
    [`GET ${filters('{')}`, undefined, 500, 'unexpected end of JSON input'],
    ['GET /nope', undefined, 404, 'page not found'],
  ])('answers %s %j with %i', async (line, body, status, message) => {
    const [method = '', path = ''] = line.split(' ');
    const answer = await daemon.api(method, `/v1.41${path}`, body);
    expect({ status: answer.status, ...(JSON.parse(answer.body) as object) }).toEqual({
      status,
      message,
    });
  });

  it("calls broken JSON the client's error from 1.42 on, as later Docker does", async () => {
    expect((await daemon.api('POST', '/v1.44/containers/create', '{')).status).toBe(400);
  });
});
