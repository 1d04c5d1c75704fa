/** The API server: listeners, versions, routing, errors (moby api/server). */

import { once } from 'node:events';
import { chmodSync, chownSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import { connect } from 'node:net';
import { dirname } from 'node:path';
import type { Duplex } from 'node:stream';
import {
  EngineError,
  invalidArgument,
  notFound,
  toEngineError,
  unavailable,
} from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { hasErrno } from '../platform/libc.ts';
import { ApiRequest } from './request.ts';
import type { Route } from './route.ts';

export const API_VERSION = '1.44';
export const MIN_API_VERSION = '1.24';

export interface ServerOptions {
  readonly routes: readonly Route[];
  readonly log: Log;
  readonly serverHeader: string;
}

export interface ListenOptions {
  readonly group: string;
  readonly tls?: {
    readonly cert: string;
    readonly key: string;
    readonly caCert: string;
    readonly verify: boolean;
  };
}

/** The socket of an upgraded request, for attach and exec. */
export interface Upgrade {
  readonly socket: Duplex;
  readonly head: Buffer;
  readonly isUpgrade: boolean;
}

const upgrades = new WeakMap<IncomingMessage, Upgrade>();

/** Takes the connection of a request: an upgraded one, or a plain one made raw. */
export function takeConnection(request: ApiRequest): Upgrade {
  const upgraded = upgrades.get(request.incoming);
  if (upgraded) {
    // A hijack writes its own head.
    request.response.detachSocket(upgraded.socket as never);
    return upgraded;
  }
  const { incoming, response } = request;
  const { socket } = incoming;
  const parser = (
    socket as unknown as { parser?: { unconsume?: () => void; free?: () => void } | null }
  ).parser;
  response.detachSocket(socket);
  for (const event of ['data', 'end', 'drain', 'timeout', 'error'])
    socket.removeAllListeners(event);
  // The parser reads the handle itself; it must let go before raw bytes can be read.
  parser?.unconsume?.();
  Object.assign(socket, { parser: null });
  return { socket, head: Buffer.alloc(0), isUpgrade: false };
}

const number = (version: string): number => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major * 1000 + minor;
};

export class ApiServer {
  readonly #options: ServerOptions;
  readonly #servers: Server[] = [];
  readonly #sockets: string[] = [];
  readonly #connections = new Set<Duplex>();
  #isClosing = false;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  /** Listens at `unix://PATH` or `tcp://ADDRESS:PORT`. Throws with the reason and the way out. */
  async listen(host: string, options: ListenOptions): Promise<void> {
    if (host.startsWith('unix://')) return this.#listenUnix(host.slice('unix://'.length), options);
    if (host.startsWith('tcp://')) return this.#listenTcp(host.slice('tcp://'.length), options);
    throw invalidArgument(`invalid bind address (${host}): use unix://PATH or tcp://ADDRESS:PORT`);
  }

  async #listenUnix(path: string, options: ListenOptions): Promise<void> {
    await mkdir(dirname(path), { recursive: true, mode: 0o755 });
    if (existsSync(path)) {
      if (await isServed(path))
        throw unavailable(`can't listen on unix://${path}: another daemon is serving it`);
      rmSync(path);
    }
    const server = this.#makeServer(undefined);
    const before = process.umask(0o177);
    try {
      await started(server, () => server.listen(path));
    } finally {
      process.umask(before);
    }
    this.#sockets.push(path);
    const gid = groupId(options.group);
    if (gid === undefined) return;
    chownSync(path, 0, gid);
    chmodSync(path, 0o660);
  }

  async #listenTcp(address: string, options: ListenOptions): Promise<void> {
    const at = address.lastIndexOf(':');
    const server = this.#makeServer(options.tls);
    if (!options.tls)
      this.#options.log.warn(
        'the API is reachable over plain tcp: anyone who reaches it is root on this machine; use --tlsverify',
        { address },
      );
    await started(server, () =>
      server.listen(Number(address.slice(at + 1)), address.slice(0, at) || '0.0.0.0'),
    );
  }

  #makeServer(tls: ListenOptions['tls']): Server {
    const server = tls
      ? (createTlsServer({
          cert: readFileSync(tls.cert),
          key: readFileSync(tls.key),
          ...(tls.verify
            ? { ca: readFileSync(tls.caCert), requestCert: true, rejectUnauthorized: true }
            : {}),
        }) as Server)
      : createServer({ keepAlive: true });
    // Streams may be silent for hours; a half-closed client still reads.
    server.requestTimeout = 0;
    server.timeout = 0;
    server.keepAliveTimeout = 120_000;
    (server as Server & { allowHalfOpen: boolean }).allowHalfOpen = true;
    server.on('connection', (socket: Duplex) => {
      this.#connections.add(socket);
      socket.once('close', () => this.#connections.delete(socket));
    });
    server.on('request', (incoming, response) => void this.#serve(incoming, response));
    server.on(
      'upgrade',
      (incoming: IncomingMessage, socket: Duplex, head: Buffer) =>
        void this.#onUpgrade(incoming, socket, head),
    );
    this.#servers.push(server);
    return server;
  }

  /** Every upgrade comes here; only hijacked routes know what to do with the socket. */
  async #onUpgrade(incoming: IncomingMessage, socket: Duplex, first: Buffer): Promise<void> {
    socket.on('error', () => undefined);
    // node:http leaves the body of an upgraded request on the socket.
    const length = Number(incoming.headers['content-length'] ?? 0);
    const bytes = await readAtLeast(socket, first, length);
    const response = new ServerResponse(incoming);
    response.assignSocket(socket as never);
    response.shouldKeepAlive = false;
    upgrades.set(incoming, { socket, head: bytes.subarray(length), isUpgrade: true });
    void this.#serve(incoming, response, bytes.subarray(0, length));
  }

  async #serve(incoming: IncomingMessage, response: ServerResponse, body?: Buffer): Promise<void> {
    response.setHeader('Api-Version', API_VERSION);
    response.setHeader('Docker-Experimental', 'false');
    response.setHeader('Ostype', 'linux');
    response.setHeader('Server', this.#options.serverHeader);
    const fallback = new ApiRequest(incoming, response, {
      parameters: {},
      query: new URLSearchParams(),
      version: API_VERSION,
    });
    let request = fallback;
    try {
      const { route, target } = this.#match(incoming);
      request = new ApiRequest(incoming, response, { ...target, ...(body ? { body } : {}) });
      this.#options.log.debug('API', { method: incoming.method, path: incoming.url });
      await route.handle(request);
    } catch (thrown) {
      this.#fail(request, thrown);
    }
  }

  #fail(request: ApiRequest, thrown: unknown): void {
    if (request.signal.aborted) return;
    const error = request.fail(thrown);
    const fields = {
      method: request.incoming.method,
      path: request.incoming.url,
      error: error.message,
    };
    if (error.code === 'internal' && !(thrown instanceof EngineError))
      this.#options.log.error('unexpected failure', {
        ...fields,
        stack: thrown instanceof Error ? thrown.stack : undefined,
      });
    else this.#options.log.debug('API error', { ...fields, status: error.status });
  }

  #match(incoming: IncomingMessage): {
    route: Route;
    target: { parameters: Record<string, string>; query: URLSearchParams; version: string };
  } {
    const [rawPath, search] = splitUrl(incoming.url ?? '/');
    const versioned = /^\/v(\d+\.\d+)(\/.*)$/.exec(rawPath);
    const version = versioned?.[1] ?? API_VERSION;
    checkVersion(version);
    const path = versioned?.[2] ?? rawPath;
    for (const route of this.#options.routes) {
      if (route.method !== incoming.method) continue;
      const match = route.pattern.exec(path);
      if (!match) continue;
      const parameters = Object.fromEntries(
        route.names.map((name, index) => [name, decode(match[index + 1] ?? '')]),
      );
      return { route, target: { parameters, query: new URLSearchParams(search), version } };
    }
    const isKnown = this.#options.routes.some((route) => route.pattern.test(path));
    if (isKnown) throw new EngineError('methodNotAllowed', 'method not allowed');
    throw notFound('page not found');
  }

  /** Stops listening and ends every connection. */
  async close(): Promise<void> {
    if (this.#isClosing) return;
    this.#isClosing = true;
    const closed = this.#servers.map(
      (server) => new Promise<void>((resolve) => server.close(() => resolve())),
    );
    for (const connection of this.#connections) connection.destroy();
    await Promise.all(closed);
    for (const path of this.#sockets) rmSync(path, { force: true });
  }
}

function splitUrl(url: string): readonly [string, string] {
  const at = url.indexOf('?');
  return at < 0 ? [url, ''] : [url.slice(0, at), url.slice(at + 1)];
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch (error) {
    throw invalidArgument(`invalid URL escape "${text}"`, { cause: error });
  }
}

function checkVersion(version: string): void {
  if (number(version) > number(API_VERSION))
    throw invalidArgument(
      `client version ${version} is too new. Maximum supported API version is ${API_VERSION}`,
    );
  if (number(version) < number(MIN_API_VERSION))
    throw invalidArgument(
      `client version ${version} is too old. Minimum supported API version is ${MIN_API_VERSION}, please upgrade your client to a newer version`,
    );
}

function started(server: Server, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        hasErrno(error, 'EADDRINUSE')
          ? unavailable(`can't listen: ${error.message}`, { cause: error })
          : toEngineError(error),
      ),
    );
    server.once('listening', resolve);
    listen();
  });
}

function isServed(path: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(path);
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}

/** Reads until `length` bytes are there; what came beyond is in the answer too. */
async function readAtLeast(socket: Duplex, first: Buffer, length: number): Promise<Buffer> {
  const parts = [first];
  let size = first.length;
  while (size < length) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    parts.push(chunk);
    size += chunk.length;
  }
  socket.pause();
  return Buffer.concat(parts);
}

/** Id of a group by name or number; undefined when there is none: the socket stays root's alone. */
function groupId(group: string): number | undefined {
  if (/^\d+$/.test(group)) return Number(group);
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((row) => row.startsWith(`${group}:`));
  return line === undefined ? undefined : Number(line.split(':')[2]);
}
