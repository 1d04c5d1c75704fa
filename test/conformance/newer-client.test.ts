/** What a client of the newest API this daemon speaks gets, in literal words: dockerd 20.10 cannot be asked. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { TestDaemon } from '../support/daemon.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});

afterAll(async () => {
  expect(await daemon.stop()).toBe(0);
  expect(daemon.leaks()).toEqual(NO_LEAKS);
  await daemon[Symbol.asyncDispose]();
});

/** As JSON: status and the parts that are asked for. */
async function ask(method: string, path: string, body?: unknown): Promise<[number, unknown]> {
  const answer = await daemon.api(method, `/v1.44${path}`, body);
  return [answer.status, answer.body === '' ? undefined : JSON.parse(answer.body)];
}

async function create(options: object): Promise<string> {
  const [status, made] = await ask('POST', '/containers/create', { Image: 'busybox', ...options });
  expect(status).toBe(201);
  return (made as { Id: string }).Id;
}

describe('API 1.44', () => {
  it('tells the newest and the oldest version', async () => {
    const { headers } = await daemon.api('GET', '/_ping');
    expect(headers['api-version']).toBe('1.44');
    const [status, version] = await ask('GET', '/version');
    expect(status).toBe(200);
    expect(version).toMatchObject({ ApiVersion: '1.44', MinAPIVersion: '1.24' });
  });

  it('refuses a version it does not speak', async () => {
    const answer = await daemon.api('GET', '/v1.99/info');
    expect(answer.status).toBe(400);
    expect(answer.body).toContain(
      'client version 1.99 is too new. Maximum supported API version is',
    );
  });

  it.each([
    ['no image and no command', { Image: '' }, 400, ''],
    ['an unknown runtime', { HostConfig: { Runtime: 'nope' } }, 400, 'unknown'],
    // dockerd waits 15 s for a plugin of that name to appear.
    [
      'an unknown log driver',
      { HostConfig: { LogConfig: { Type: 'nope' } } },
      400,
      'error looking up logging plugin nope: plugin "nope" not found',
    ],
    ['memory too small', { HostConfig: { Memory: 1 } }, 400, 'Minimum memory limit allowed is 6MB'],
    ['broken JSON', '{', 400, ''],
  ])('refuses %s', async (_what, body, status, words) => {
    const [got, answer] = await ask(
      'POST',
      '/containers/create',
      typeof body === 'string' ? body : { Image: 'busybox', ...body },
    );
    expect(got).toBe(status);
    expect((answer as { message: string }).message.toLowerCase()).toContain(words.toLowerCase());
  });

  it('keeps what a container was made of and runs it', async () => {
    const id = await create({ Cmd: ['sh', '-c', 'echo $A'], Env: ['A=b'], Labels: { a: 'b' } });
    try {
      expect(await ask('POST', `/containers/${id}/start`)).toEqual([204, undefined]);
      expect(await ask('POST', `/containers/${id}/wait`)).toEqual([200, { StatusCode: 0 }]);
      const [, inspected] = await ask('GET', `/containers/${id}/json`);
      expect(inspected).toMatchObject({
        State: { Status: 'exited', ExitCode: 0, OOMKilled: false },
        Config: { Env: ['A=b', 'PATH=/bin'], Labels: { a: 'b' } },
      });
    } finally {
      expect((await ask('DELETE', `/containers/${id}?force=1`))[0]).toBe(204);
    }
  });

  it('calls a stop of what does not run nothing to do', async () => {
    const id = await create({ Cmd: ['true'] });
    expect(await ask('POST', `/containers/${id}/stop`)).toEqual([304, undefined]);
    expect((await ask('POST', `/containers/${id}/kill`))[0]).toBe(409);
    expect((await ask('DELETE', `/containers/${id}`))[0]).toBe(204);
  });
});
