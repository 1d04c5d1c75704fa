/** A project of two services through Debian's docker-compose: up, scaled, restarted and taken down. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CommandResult, command, TestDaemon } from '../support/daemon.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';

const LIMIT_MS = 240_000;
const PROJECT = 'deck';
/** `web` says when it was started before `store` was healthy. */
const FILE = `
services:
  store:
    image: busybox
    command: sh -c 'sleep 1; echo stored > /data/index.html; exec httpd -f -h /data'
    volumes: [cargo:/data]
    networks: [lan]
    healthcheck: {test: [CMD, wget, -q, -O-, 'http://127.0.0.1/'], interval: 1s, retries: 60}
  web:
    image: busybox
    command: sh -c 'until wget -q -O- http://store/; do echo early; sleep 0.2; done; exec sleep 1000'
    depends_on: {store: {condition: service_healthy}}
    stop_signal: SIGKILL
    networks: [lan]
    ports: ['80']
networks: {lan: {}}
volumes: {cargo: {}}
`;

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
  mkdirSync(join(daemon.root, 'project'));
  writeFileSync(join(daemon.root, 'project/docker-compose.yml'), FILE);
}, LIMIT_MS);

afterAll(async () => {
  expect(await daemon.stop()).toBe(0);
  expect(daemon.leaks()).toEqual(NO_LEAKS);
  await daemon[Symbol.asyncDispose]();
}, LIMIT_MS);

/** Must succeed. */
async function compose(...args: string[]): Promise<CommandResult> {
  const result = await command('docker-compose', ['-p', PROJECT, ...args], {
    cwd: join(daemon.root, 'project'),
    timeoutMs: LIMIT_MS,
    env: { DOCKER_HOST: `unix://${daemon.socket}`, COMPOSE_HTTP_TIMEOUT: '240' },
  });
  expect(result.code, `${args.join(' ')}: ${result.stderr}`).toBe(0);
  return result;
}

async function docker(...args: string[]): Promise<readonly string[]> {
  const { code, stdout, stderr } = await daemon.docker(args);
  expect(code, stderr).toBe(0);
  return stdout.split('\n').filter(Boolean).toSorted();
}

const OF_PROJECT = ['--filter', `label=com.docker.compose.project=${PROJECT}`];
const states = (): Promise<readonly string[]> =>
  docker(
    'ps',
    '-a',
    ...OF_PROJECT,
    '--format',
    '{{.Label "com.docker.compose.service"}} {{.State}}',
  );
const leftovers = async (): Promise<readonly string[]> =>
  (
    await Promise.all([
      docker('ps', '-aq', ...OF_PROJECT),
      docker('network', 'ls', '-q', ...OF_PROJECT),
      docker('volume', 'ls', '-q', ...OF_PROJECT),
    ])
  ).flat();

it('goes up in order, is scaled, restarted and taken down', { timeout: LIMIT_MS }, async () => {
  await compose('up', '-d');
  expect(await states()).toEqual(['store running', 'web running']);
  expect(await docker('inspect', '-f', '{{.State.Health.Status}}', `${PROJECT}_store_1`)).toEqual([
    'healthy',
  ]);
  const logs = async (): Promise<string> => (await compose('logs', '--no-color', 'web')).stdout;
  await expect.poll(logs, { timeout: 30_000 }).toContain('stored');
  expect(await logs()).not.toContain('early');
  expect((await compose('port', 'web', '80')).stdout).toMatch(/^0\.0\.0\.0:\d+\n$/);

  await compose('up', '-d', '--scale', 'web=3');
  expect(await states()).toEqual(['store running', ...Array(3).fill('web running')]);
  const found = await compose('exec', '-T', 'store', 'nslookup', 'web', '127.0.0.11');
  expect(found.stdout.match(/^Address: .*/gm)).toHaveLength(3);

  await compose('restart', '-t', '0');
  expect(await states()).toEqual(['store running', ...Array(3).fill('web running')]);
  await compose('exec', '-T', 'store', 'test', '-e', '/data/index.html');

  await compose('up', '-d', '--scale', 'web=1');
  expect(await states()).toEqual(['store running', 'web running']);

  await compose('down', '-t', '0');
  expect(await leftovers()).toEqual([`${PROJECT}_cargo`]);
  await compose('up', '-d');
  await compose('down', '-t', '0', '-v');
  expect(await leftovers()).toEqual([]);
});
