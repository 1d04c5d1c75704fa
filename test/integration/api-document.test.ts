/** Every answer that is JSON, in the oldest and the newest version the documents know: what they say it is. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { judgeAnswer } from '../support/api-document.ts';
import { TestDaemon } from '../support/daemon.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  const made = await Promise.all([
    daemon.docker(['network', 'create', '--label', 'a=b', 'net']),
    daemon.docker(['volume', 'create', '--label', 'a=b', 'vol']),
    daemon.docker(['create', '--name', 'created', 'busybox', 'true']),
  ]);
  expect(made.map(({ code, stderr }) => `${code}${stderr}`)).toEqual(['0', '0', '0']);
  const run = await daemon.docker([
    ...['run', '-d', '--name', 'running', '--network', 'net', '-v', 'vol:/data', '--tmpfs', '/t'],
    ...['-p', '127.0.0.1::80', '-e', 'A=b', '-l', 'a=b', '-m', '64m', '--cpus', '0.5'],
    ...['--ulimit', 'nofile=1024', '--device', '/dev/null:/dev/mine', '--health-cmd', 'true'],
    ...['--mount', 'type=bind,src=/tmp,dst=/bound,readonly', '--add-host', 'h:1.2.3.4'],
    ...['busybox', 'sh', '-c', 'while :; do sleep 1; done'],
  ]);
  expect(run).toMatchObject({ code: 0 });
});

afterAll(async () => {
  await daemon.docker(['rm', '-f', 'running', 'created']);
  await daemon.docker(['network', 'rm', 'net']);
  expect(await daemon.stop()).toBe(0);
  expect(daemon.leaks()).toEqual(NO_LEAKS);
  await daemon[Symbol.asyncDispose]();
});

const since = '&since=0&until=1';

describe.each(['/v1.41', '/v1.44', ''])('the API at %s', (version) => {
  it.each([
    ['GET', '/containers/json?all=1&size=1', 200],
    ['GET', '/containers/running/json?size=1', 200],
    ['GET', '/containers/created/json', 200],
    ['GET', '/containers/running/top', 200],
    ['GET', '/containers/running/changes', 200],
    ['GET', '/containers/running/stats?stream=0&one-shot=1', 200],
    ['GET', '/containers/created/stats?stream=0', 200],
    ['GET', '/images/json?all=1', 200],
    ['GET', '/images/busybox/json', 200],
    ['GET', '/images/busybox/history', 200],
    ['GET', '/networks', 200],
    ['GET', '/networks/net', 200],
    ['GET', '/networks/bridge', 200],
    ['GET', '/networks/host', 200],
    ['GET', '/volumes', 200],
    ['GET', '/volumes/vol', 200],
    ['GET', '/info', 200],
    ['GET', '/version', 200],
    ['GET', '/system/df', 200],
    ['GET', `/events?filters=%7B%7D${since}`, 200],
    ['GET', '/containers/nope/json', 404],
    ['GET', '/images/nope/json', 404],
    ['GET', '/networks/nope', 404],
    ['GET', '/volumes/nope', 404],
    ['POST', '/containers/nope/start', 404],
    ['POST', '/containers/running/rename', 400],
    ['DELETE', '/containers/running', 409],
    ['DELETE', '/networks/net', 403],
    ['DELETE', '/volumes/vol', 409],
    ['DELETE', '/images/busybox', 409],
    ['POST', '/containers/prune?filters=%7B%22label%22%3A%5B%22none%22%5D%7D', 200],
    ['POST', '/images/prune?filters=%7B%22label%22%3A%5B%22none%22%5D%7D', 200],
    ['POST', '/volumes/prune?filters=%7B%22label%22%3A%5B%22none%22%5D%7D', 200],
    ['POST', '/networks/prune?filters=%7B%22label%22%3A%5B%22none%22%5D%7D', 200],
  ])('%s %s answers %i as its document says', async (method, path, status) => {
    expect((await daemon.api(method, `${version}${path}`)).status).toBe(status);
  });

  it('answers what is made', async () => {
    const body = { Image: 'busybox', Cmd: ['true'] };
    const container = await daemon.api('POST', `${version}/containers/create`, body);
    expect(container.status).toBe(201);
    const { Id } = JSON.parse(container.body) as { Id: string };
    expect((await daemon.api('POST', `${version}/containers/${Id}/start`)).status).toBe(204);
    expect((await daemon.api('POST', `${version}/containers/${Id}/wait`)).status).toBe(200);
    expect((await daemon.api('DELETE', `${version}/containers/${Id}`)).status).toBe(204);
    const exec = await daemon.api('POST', `${version}/containers/running/exec`, { Cmd: ['true'] });
    expect(exec.status).toBe(201);
    const made = JSON.parse(exec.body) as { Id: string };
    expect((await daemon.api('GET', `${version}/exec/${made.Id}/json`)).status).toBe(200);
    const limits = { CpuShares: 512 };
    const update = await daemon.api('POST', `${version}/containers/running/update`, limits);
    expect(update.status).toBe(200);
    const network = await daemon.api('POST', `${version}/networks/create`, { Name: 'other' });
    expect(network.status).toBe(201);
    expect((await daemon.api('DELETE', `${version}/networks/other`)).status).toBe(204);
    const volume = await daemon.api('POST', `${version}/volumes/create`, { Name: 'other' });
    expect(volume.status).toBe(201);
    expect((await daemon.api('DELETE', `${version}/volumes/other`)).status).toBe(204);
  });
});

it('notices a wrong answer', () => {
  const judge = (body: unknown) => () =>
    judgeAnswer('GET', '/v1.41/containers/json', { status: 200, body: JSON.stringify(body) });
  expect(judge([{ Id: 'a', Names: ['/a'] }])).not.toThrow();
  expect(judge([{ Id: 5 }])).toThrow('/0/Id must be string');
  expect(judge({ message: 'x' })).toThrow('must be array');
});
