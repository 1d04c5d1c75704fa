import { once } from 'node:events';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { type FixtureImage, layeredImage } from '../../../test/support/fixture-images.ts';
import { type ImageRoom, openImageRoom } from '../../../test/support/image-room.ts';
import { pushImage } from '../../../test/support/push-image.ts';
import { freePort, startRegistry, type TestRegistry } from '../../../test/support/registry.ts';
import { PendingNames } from '../image/pending-names.ts';
import { parseReference } from './reference.ts';

let registry: TestRegistry;
let small: FixtureImage;

beforeAll(async () => {
  registry = await startRegistry();
  small = await layeredImage();
  await pushImage(registry.url, 'small', small, { tag: 'latest' });
}, 60_000);

afterAll(async () => {
  await registry[Symbol.asyncDispose]();
});

const pull = (room: ImageRoom, name: string): Promise<void> =>
  room.images.pull(name, 'latest', { onProgress: room.onProgress });

describe('a pull that died', () => {
  it('between image and names is finished at the next start', async () => {
    await using room = await openImageRoom();
    const name = `${registry.host}/small`;
    // A names file that cannot be written stands for the end at that very moment.
    const names = join(room.root, 'image/fake/repositories.json');
    await mkdir(join(names, 'in-the-way'), { recursive: true });
    await expect(pull(room, name)).rejects.toThrow();
    expect(room.images.get(small.id)).toBeDefined();
    await rm(names, { recursive: true });
    const pending = new PendingNames(join(room.root, 'image/fake/pending-names'));
    await pending.note(small.id, [parseReference(`${name}:latest`)]);
    await pending.note(`sha256:${'0'.repeat(64)}`, [parseReference(`${name}:never`)]);
    const again = await room.reopen();
    expect(again.namesOf(small.id)).toEqual([`${name}:latest`]);
    expect(await readdir(join(room.root, 'image/fake/pending-names'))).toEqual([]);
  });
});

describe('a registry behind a proxy', () => {
  it('is asked for through it', async () => {
    const asked: string[] = [];
    const proxy = createServer((request, response) => {
      asked.push(request.url ?? '');
      const target = new URL(request.url ?? '');
      const headers = request.headers.accept ? { accept: request.headers.accept } : {};
      fetch(`${registry.url}${target.pathname}`, { method: request.method ?? 'GET', headers })
        .then(async (answer) => {
          const passed = [
            'content-type',
            'docker-content-digest',
            'docker-distribution-api-version',
          ];
          for (const key of passed) response.setHeader(key, answer.headers.get(key) ?? '');
          response.writeHead(answer.status);
          response.end(Buffer.from(await answer.arrayBuffer()));
        })
        .catch((error: Error) => response.destroy(error));
    }).listen(0, '127.0.0.1');
    await once(proxy, 'listening');
    const { port } = proxy.address() as AddressInfo;
    vi.stubEnv('HTTP_PROXY', `127.0.0.1:${port}`);
    vi.stubEnv('NO_PROXY', '192.0.2.1');
    try {
      await using room = await openImageRoom({ insecureRegistries: ['203.0.113.7:5000'] });
      vi.stubEnv('HTTPS_PROXY', `127.0.0.1:${await freePort()}`);
      await pull(room, '203.0.113.7:5000/small');
      expect(room.images.get(small.id)).toBeDefined();
      expect(asked).toContain('http://203.0.113.7:5000/v2/');
      expect(asked.some((url) => url.startsWith('http://203.0.113.7:5000/v2/small/blobs/'))).toBe(
        true,
      );
    } finally {
      vi.unstubAllEnvs();
      proxy.closeAllConnections();
      proxy.close();
    }
  });
});
