/** Authorization plugins: requests and answers are put before one; words are dockerd's. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { command, TestDaemon } from '../support/daemon.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';
import { until } from '../support/runtime-room.ts';

const LIMIT_MS = 60_000;
const fixture = fileURLToPath(new URL('../fixtures/authorization-plugin.ts', import.meta.url));
const name = `wl-gate-${process.pid}`;
/** One of Docker's places: the daemon's own is not there before it starts. */
const socket = `/run/docker/plugins/${name}.sock`;

let root: string;
let plugin: ChildProcess;
let daemon: TestDaemon;

interface Call {
  readonly RequestMethod: string;
  readonly RequestUri: string;
  readonly RequestBody?: string;
  readonly RequestHeaders: Readonly<Record<string, string>>;
  readonly ResponseStatusCode?: number;
  readonly ResponseBody?: string;
}

const calls = (method: 'AuthZReq' | 'AuthZRes', path: string): Call[] =>
  readFileSync(join(root, 'calls'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith(`AuthZPlugin.${method} `))
    .map((line) => JSON.parse(line.slice(line.indexOf('{'))) as Call)
    .filter(({ RequestUri }) => RequestUri.endsWith(path));

const text = (base64 = ''): string => Buffer.from(base64, 'base64').toString();
const docker = (...words: string[]) => daemon.docker(words);
const DENIED = `Error response from daemon: authorization denied by plugin ${name}: `;

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'wl-authz-'));
  plugin = spawn(process.execPath, [fixture, socket, root], { stdio: 'ignore' });
  await until('the plugin listens', () => existsSync(socket));
  daemon = await TestDaemon.start(['--authorization-plugin', name]);
}, LIMIT_MS);

afterAll(async () => {
  expect(await daemon.stop()).toBe(0);
  expect(daemon.leaks()).toEqual(NO_LEAKS);
  await daemon[Symbol.asyncDispose]();
  rmSync(socket, { force: true });
  rmSync(root, { recursive: true, force: true });
}, LIMIT_MS);

it('lets through what is allowed, streams and large answers too', async () => {
  const typed = 'x'.repeat(200_000);
  const cat = ['run', '--rm', '-i', '--name', 'one', 'busybox', 'cat'];
  expect(await daemon.docker(cat, { input: typed })).toMatchObject({ code: 0, stdout: typed });
  await docker('run', '-d', '--name', 'two', 'busybox', 'sh', '-c', 'seq 30000; sleep 1000');
  await until('the log', async () => (await docker('logs', 'two')).stdout.endsWith('30000\n'));
  expect(await docker('exec', 'two', 'echo', 'in')).toMatchObject({ stdout: 'in\n' });
  expect((await docker('cp', 'two:/bin/busybox', join(root, 'copy'))).code).toBe(0);
  expect((await docker('rm', '-f', 'two')).code).toBe(0);
  expect((await docker('info', '-f', '{{json .Plugins.Authorization}}')).stdout).toBe(
    `["${name}"]\n`,
  );
});

it('shows the plugin requests and answers, but no secrets', async () => {
  await docker('volume', 'create', 'seen');
  const [asked] = calls('AuthZReq', '/volumes/create');
  expect(asked).toMatchObject({ RequestMethod: 'POST' });
  expect(JSON.parse(text(asked?.RequestBody))).toMatchObject({ Name: 'seen' });
  expect(asked?.RequestHeaders['Content-Type']).toBe('application/json');
  const [answered] = calls('AuthZRes', '/volumes/create');
  expect(answered).toMatchObject({ ResponseStatusCode: 201 });
  expect(JSON.parse(text(answered?.ResponseBody))).toMatchObject({ Name: 'seen' });
  await daemon.api('POST', '/auth', {
    username: 'me',
    password: 'pass',
    serveraddress: '127.0.0.1:1',
  });
  const [login] = calls('AuthZReq', '/auth');
  expect(login).toMatchObject({ RequestMethod: 'POST' });
  expect(login?.RequestBody).toBeUndefined();
});

it('does nothing of what is denied', async () => {
  expect(await docker('volume', 'create', 'forbidden')).toMatchObject({
    code: 1,
    stderr: `${DENIED}not today\n`,
  });
  expect((await docker('volume', 'ls', '-q')).stdout).toBe('seen\n');
  expect(await daemon.api('GET', '/containers/forbidden/json')).toMatchObject({ status: 403 });
});

it('does not show an answer that is denied', async () => {
  expect(await docker('volume', 'create', 'secret')).toMatchObject({
    code: 1,
    stderr: `${DENIED}not for your eyes\n`,
  });
  const listed = await daemon.api('GET', '/volumes');
  expect(listed).toMatchObject({ status: 403 });
  expect(listed.body).not.toContain('secret');
});

it('refuses all while the plugin fails or is away', async () => {
  expect(await docker('inspect', '--type', 'container', 'broken')).toMatchObject({
    code: 1,
    stderr: `Error response from daemon: plugin ${name} failed with error: AuthZPlugin.AuthZReq: out of order\n`,
  });
  const exited = once(plugin, 'exit');
  plugin.kill('SIGKILL');
  await exited;
  const away = await daemon.api('GET', '/containers/json');
  expect(away.status).toBe(500);
  expect(away.body).toContain(`plugin ${name} failed with error: `);
});

it(
  'does not start without its plugin',
  async () => {
    const { code, stderr } = await command(process.execPath, [
      ...daemon
        .arguments()
        .map((word) => (word === name ? 'nobody' : word.replace(daemon.root, root))),
    ]);
    expect(code).toBe(1);
    expect(stderr).toContain('Error validating authorization plugin: plugin "nobody" not found');
  },
  LIMIT_MS,
);
