/** Registries on the loopback: Debian's docker-registry, and one that misbehaves on demand. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { type AddressInfo, connect, createServer as createTcpServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';

export interface TestRegistry extends AsyncDisposable {
  /** `127.0.0.1:5000`, the domain of its images. */
  readonly host: string;
  /** `http://127.0.0.1:5000` */
  readonly url: string;
}

/** A port nobody listens on, a moment ago. */
export async function freePort(): Promise<number> {
  const server = createTcpServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

/** Any connection will do: the registry may want a password, or a certificate. */
async function waitForPort(port: number): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    const socket = connect(port, '127.0.0.1');
    try {
      await once(socket, 'connect');
      return;
    } catch (error) {
      if (attempt > 400) throw error;
    } finally {
      socket.destroy();
    }
    await delay(25);
  }
}

export interface RegistryOptions {
  readonly scheme?: 'http' | 'https';
  /** Further sections of its configuration, with the files they need in its directory. */
  readonly prepare?: (directory: string) => Promise<string>;
  /** Further keys of its `http` section. */
  readonly http?: string;
}

/** Starts docker-registry with an empty store. Dispose stops it and removes the store. */
export async function startRegistry(options: RegistryOptions = {}): Promise<TestRegistry> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'windlass-registry-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const port = await freePort();
  const host = `127.0.0.1:${port}`;
  const more = (await options.prepare?.(directory)) ?? '';
  const http = options.http === undefined ? '' : `, ${options.http}`;
  const config = join(directory, 'config.yml');
  await writeFile(
    config,
    `version: 0.1\nlog: {level: error, accesslog: {disabled: true}}\nstorage:\n  filesystem: {rootdirectory: ${directory}/data}\n  delete: {enabled: true}\nhttp: {addr: "${host}"${http}}\n${more}`,
  );
  const child = spawn('docker-registry', ['serve', config], { stdio: 'ignore' });
  const ended = once(child, 'exit');
  stack.defer(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  await waitForPort(port);
  const owned = stack.move();
  const url = `${options.scheme ?? 'http'}://${host}`;
  return { host, url, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

/** What the hostile registry does to the next requests for blobs; each is used up once. */
type Mischief =
  /** Half of the bytes, then the connection breaks. */
  | 'cut'
  /** Half of the bytes, then silence. */
  | 'stall'
  /** The right length, wrong bytes. */
  | 'corrupt'
  /** Ranges are not known. */
  | 'ignore-range';

export interface HostileRegistry extends TestRegistry {
  /** Applies to the next blob requests, first in, first out. */
  readonly mischief: Mischief[];
  /** `GET /v2/…` lines so far, with the range asked for. */
  readonly requests: string[];
  /** Demand a Bearer token (of `user:secret` when credentials are required). */
  tokenAuth: 'none' | 'anonymous' | 'password';
  /** What a blob's answer waits for. */
  gate: ((path: string) => Promise<void> | undefined) | undefined;
}

const TOKEN = 'a-good-token';

/** A proxy before `upstream` that does mischief to blobs and can demand tokens. */
export async function startHostileRegistry(upstream: TestRegistry): Promise<HostileRegistry> {
  const state: Omit<HostileRegistry, keyof TestRegistry> = {
    mischief: [],
    requests: [],
    tokenAuth: 'none',
    gate: undefined,
  };
  const server = createServer((request, response) => {
    answer(registry, upstream, request, response).catch((error: unknown) => {
      response.destroy(error as Error);
    });
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  const registry: HostileRegistry = Object.assign(state, {
    host,
    url: `http://${host}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  });
  return registry;
}

function isAuthorized(registry: HostileRegistry, request: IncomingMessage): boolean {
  return registry.tokenAuth === 'none' || request.headers.authorization === `Bearer ${TOKEN}`;
}

function answerToken(
  registry: HostileRegistry,
  request: IncomingMessage,
  response: ServerResponse,
): void {
  const basic = `Basic ${Buffer.from('user:secret').toString('base64')}`;
  const isGood = registry.tokenAuth === 'anonymous' || request.headers.authorization === basic;
  response.writeHead(isGood ? 200 : 401, { 'content-type': 'application/json' });
  const refusal = {
    errors: [{ code: 'UNAUTHORIZED', message: 'incorrect username or password', detail: null }],
  };
  response.end(JSON.stringify(isGood ? { token: TOKEN, expires_in: 300 } : refusal));
}

function demandToken(registry: HostileRegistry, response: ServerResponse): void {
  const challenge = `Bearer realm="${registry.url}/token",service="test",scope="repository:x:pull"`;
  response.writeHead(401, {
    'www-authenticate': challenge,
    'content-type': 'application/json',
    'docker-distribution-api-version': 'registry/2.0',
  });
  const error = { code: 'UNAUTHORIZED', message: 'authentication required', detail: {} };
  response.end(JSON.stringify({ errors: [error] }));
}

async function answer(
  registry: HostileRegistry,
  upstream: TestRegistry,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const path = request.url ?? '/';
  const { range } = request.headers;
  registry.requests.push(`${request.method} ${path}${range ? ` ${range}` : ''}`);
  if (path.startsWith('/token')) return answerToken(registry, request, response);
  if (!isAuthorized(registry, request)) return demandToken(registry, response);
  const isBlob = path.includes('/blobs/sha256:');
  if (isBlob || path.includes('/blobs/uploads/')) await registry.gate?.(path);
  const mischief = isBlob ? registry.mischief.shift() : undefined;
  const headers: Record<string, string> = {};
  if (request.headers.accept) headers['accept'] = request.headers.accept;
  if (range && mischief !== 'ignore-range') headers['range'] = range;
  const method = request.method ?? 'GET';
  const type = request.headers['content-type'];
  if (type) headers['content-type'] = type;
  const sent = ['POST', 'PUT', 'PATCH'].includes(method)
    ? { body: new Uint8Array(await buffer(request)) }
    : {};
  const from = await fetch(upstream.url + path, { method, headers, ...sent });
  const bytes = Buffer.from(await from.arrayBuffer());
  const copied = ['content-type', 'docker-content-digest', 'content-range', 'content-length'];
  const passed = copied.flatMap((name): [string, string][] => {
    const value = from.headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  const location = from.headers.get('location');
  if (location) passed.push(['location', location.replace(upstream.url, registry.url)]);
  response.writeHead(from.status, Object.fromEntries(passed));
  if (mischief === 'corrupt') bytes[bytes.length - 1] = (bytes.at(-1) ?? 0) ^ 0xff;
  if (mischief !== 'cut' && mischief !== 'stall') {
    response.end(bytes);
    return;
  }
  response.write(bytes.subarray(0, Math.floor(bytes.length / 2)));
  // Long enough for the half to arrive; then nothing, or the end.
  if (mischief === 'cut') setTimeout(() => response.destroy(), 50);
}
