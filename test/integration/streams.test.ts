/** Streams of a container that the docker CLI does not reach: attach over a WebSocket, and marks on log lines. */
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import { TestDaemon } from '../support/daemon.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';

const LIMIT_MS = 120_000;
let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
}, LIMIT_MS);

afterAll(async () => {
  await daemon.docker(['rm', '-f', 'cat', 'tagged']);
  expect(await daemon.stop()).toBe(0);
  expect(daemon.leaks()).toEqual(NO_LEAKS);
  await daemon[Symbol.asyncDispose]();
}, LIMIT_MS);

const connect = (path: string): WebSocket =>
  new WebSocket(`ws+unix://${daemon.socket}:/v1.41/containers/${path}`);

it(
  'attaches over a WebSocket, past output and typed input unframed',
  async () => {
    const words = ['sh', '-c', 'echo before; cat; echo after >&2'];
    await daemon.docker(['create', '-i', '--name', 'cat', 'busybox', ...words]);
    await daemon.docker(['start', 'cat']);
    const socket = connect('cat/attach/ws?stream=1&logs=1&stdin=1&stdout=1&stderr=1');
    let seen = '';
    const typed = Promise.withResolvers<void>();
    socket.on('message', (data: Buffer, isBinary: boolean) => {
      expect(isBinary).toBe(true);
      seen += String(data);
      if (seen.includes('typed\n')) typed.resolve();
    });
    const closed = once(socket, 'close');
    await once(socket, 'open');
    socket.send('typed\n');
    await typed.promise;
    await daemon.docker(['kill', 'cat']);
    await closed;
    expect(seen).toMatch(/^(before\n)?typed\n$/);
  },
  LIMIT_MS,
);

it(
  'refuses a WebSocket of no container with a status',
  async () => {
    const socket = connect('nope/attach/ws?stream=1');
    const [error] = (await once(socket, 'error')) as [Error];
    expect(error.message).toBe('Unexpected server response: 404');
  },
  LIMIT_MS,
);

it(
  'marks lines with labels, variables and a tag',
  async () => {
    const options = [
      'labels=a',
      'labels-regex=^b',
      'env=C',
      'env-regex=^D',
      'tag={{.Name}}/{{.ID}}',
    ];
    const run = await daemon.docker([
      ...['run', '--name', 'tagged', ...options.flatMap((one) => ['--log-opt', one])],
      ...['-l', 'a=1', '-l', 'b1=2', '-l', 'other=3', '-e', 'C=4', '-e', 'D5=5', '-e', 'X=6'],
      ...['busybox', 'echo', 'hi'],
    ]);
    expect(run.stdout).toBe('hi\n');
    const { stdout } = await daemon.docker(['inspect', '-f', '{{.Id}}', 'tagged']);
    const id = stdout.trim();
    const log = readFileSync(join(daemon.dataRoot, 'containers', id, `${id}-json.log`), 'utf8');
    expect((JSON.parse(log) as { attrs: object }).attrs).toEqual({
      C: '4',
      D5: '5',
      a: '1',
      b1: '2',
      tag: `tagged/${id.slice(0, 12)}`,
    });
    const details = await daemon.docker(['logs', '--details', 'tagged']);
    expect(details.stdout).toContain('a=1,');
    expect(details.stdout).toContain(' hi\n');
  },
  LIMIT_MS,
);
