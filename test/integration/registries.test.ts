/** Registries as the docker CLI uses them: login, push, pull, search, manifests. */
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CommandResult, command, TestDaemon } from '../support/daemon.ts';
import { startPasswordRegistry, startTokenRegistry } from '../support/guarded-registry.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

let daemon: TestDaemon;
let registry: TestRegistry;
let config: string;

beforeAll(async () => {
  config = mkdtempSync(join(tmpdir(), 'windlass-docker-config-'));
  registry = await startRegistry();
  daemon = await TestDaemon.start();
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  rmSync(config, { recursive: true, force: true });
});

const docker = (args: readonly string[], input = ''): Promise<CommandResult> =>
  command('docker', ['--config', config, ...args], {
    input,
    env: { DOCKER_HOST: `unix://${daemon.socket}` },
  });

const ok = async (args: readonly string[], input = ''): Promise<string> => {
  const { code, stdout, stderr } = await docker(args, input);
  expect({ args, code, stderr }).toMatchObject({ code: 0 });
  return stdout;
};

it('logs in, pushes what needs a login, and no longer after a logout', async () => {
  await using guarded = await startPasswordRegistry();
  const name = `${guarded.host}/team/app`;
  await ok(['tag', 'busybox', name]);
  const refused = await docker(['push', name]);
  expect(refused.stderr).toContain('no basic auth credentials');
  const wrong = await docker(['login', '-u', 'user', '--password-stdin', guarded.host], 'wrong');
  expect(wrong.stderr).toContain(
    `login attempt to http://${guarded.host}/v2/ failed with status: 401 Unauthorized`,
  );
  expect(await ok(['login', '-u', 'user', '--password-stdin', guarded.host], 'secret')).toContain(
    'Login Succeeded',
  );
  expect(await ok(['push', name])).toMatch(/latest: digest: sha256:\w{64} size: \d+/);
  await ok(['rmi', name]);
  await ok(['pull', name]);
  await ok(['logout', guarded.host]);
  await ok(['rmi', name]);
  expect((await docker(['pull', name])).stderr).toContain('no basic auth credentials');
});

it('keeps an identity token in place of the password', async () => {
  await using tokens = await startTokenRegistry();
  await ok(['login', '-u', 'user', '--password-stdin', tokens.host], 'secret');
  const name = `${tokens.host}/team/app`;
  await ok(['tag', 'busybox', name]);
  await ok(['push', name]);
  expect(tokens.asked).toContain('POST repository:team/app:push,pull');
  await ok(['rmi', name]);
});

it('pushes and pulls all tags of a repository, and one by its digest', async () => {
  const name = `${registry.host}/many`;
  for (const tag of ['a', 'b']) await ok(['tag', 'busybox', `${name}:${tag}`]);
  await ok(['push', '--all-tags', name]);
  await ok(['rmi', `${name}:a`, `${name}:b`]);
  const pulled = await ok(['pull', '--all-tags', name]);
  expect(pulled).toContain(`Status: Downloaded newer image for ${name}`);
  const [digest = ''] = /sha256:\w{64}/.exec(pulled) ?? [];
  expect((await ok(['images', '--format', '{{.Tag}}', name])).split('\n').sort()).toEqual([
    '',
    'a',
    'b',
  ]);
  await ok(['rmi', `${name}:a`, `${name}:b`]);
  await ok(['pull', `${name}@${digest}`]);
  expect(await ok(['images', '--digests', '--format', '{{.Digest}}', name])).toBe(`${digest}\n`);
  await ok(['rmi', `${name}@${digest}`]);
});

it('tells what a registry has under a name', async () => {
  const name = `${registry.host}/looked-at`;
  await ok(['tag', 'busybox', name]);
  const pushed = await ok(['push', name]);
  const [, digest, size] = /digest: (sha256:\w{64}) size: (\d+)/.exec(pushed) ?? [];
  const { status, body } = await daemon.api('GET', `/distribution/${name}/json`);
  expect({ status, body: JSON.parse(body) }).toEqual({
    status: 200,
    body: {
      Descriptor: {
        mediaType: 'application/vnd.docker.distribution.manifest.v2+json',
        digest,
        size: Number(size),
      },
      Platforms: [{ architecture: expect.any(String), os: 'linux' }],
    },
  });
  const inspected = await ok(['manifest', 'inspect', '--insecure', name]);
  expect(JSON.parse(inspected)).toMatchObject({ schemaVersion: 2, config: {}, layers: [{}] });
  await ok(['rmi', name]);
});

it.each([
  ['looked-at:nope', 404, 'manifest unknown: manifest unknown'],
  ['UPPER', 400, 'invalid reference format: repository name must be lowercase'],
])('answers for %s as dockerd does', async (name, status, message) => {
  const answer = await daemon.api('GET', `/distribution/${registry.host}/${name}/json`);
  expect({ status: answer.status, ...JSON.parse(answer.body) }).toEqual({ status, message });
});

it('refuses a push without credentials of any kind', async () => {
  const answer = await daemon.api('POST', `/images/${registry.host}/x/push`);
  expect({ status: answer.status, ...JSON.parse(answer.body) }).toEqual({
    status: 400,
    message: 'Bad parameters and missing X-Registry-Auth: EOF',
  });
});

/** A registry of the first protocol that finds two repositories for everything. */
async function startSearchIndex(): Promise<{ server: Server; host: string; asked: string[] }> {
  const asked: string[] = [];
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    const results = [
      { name: 'team/plain', description: 'Plain\nthing', star_count: 3 },
      { name: 'official', description: 'Other', star_count: 900, is_official: true },
    ];
    response.writeHead(200, { 'content-type': 'application/json' });
    response.end(request.url === '/v1/_ping' ? '{}' : JSON.stringify({ num_results: 2, results }));
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  return { server, host: `127.0.0.1:${(server.address() as AddressInfo).port}`, asked };
}

it('searches a registry of the first protocol', async () => {
  const { server, host, asked } = await startSearchIndex();
  try {
    const format = ['--format', '{{.Name}} {{.StarCount}}'];
    expect(await ok(['search', ...format, `${host}/any thing`])).toBe(
      'team/plain 3\nofficial 900\n',
    );
    expect(asked).toEqual(['/v1/_ping', '/v1/search?q=any%20thing&n=25']);
    const filters = ['--filter', 'stars=100', '--filter', 'is-official=true'];
    expect(await ok(['search', ...format, ...filters, '--limit', '5', `${host}/x`])).toBe(
      'official 900\n',
    );
    expect(asked.at(-1)).toBe('/v1/search?q=x&n=5');
  } finally {
    server.closeAllConnections();
    server.close();
  }
});

it.each([
  ['term=x&limit=101', 400, 'Limit 101 is outside the range of [1, 100]'],
  ['term=http://x', 500, 'Invalid repository name (ex: "registry.domain.tld/myrepos")'],
  [`term=x&filters=${encodeURIComponent('{"a":["b"]}')}`, 400, "Invalid filter 'a'"],
  [`term=x&filters=${encodeURIComponent('{"stars":["b"]}')}`, 400, "Invalid filter 'stars=b'"],
])('refuses the search %s as dockerd does', async (query, status, message) => {
  const answer = await daemon.api('GET', `/images/search?${query}`);
  expect({ status: answer.status, ...JSON.parse(answer.body) }).toEqual({ status, message });
});

it('says why a registry cannot be searched', async () => {
  const answer = await daemon.api('GET', `/images/search?term=${registry.host}/x`);
  expect({ status: answer.status, ...JSON.parse(answer.body) }).toEqual({
    status: 500,
    message: 'Unexpected status code 404',
  });
});
