/** The API server: listeners, versions, routing, errors (moby api/server). */

import { once } from 'node:events';
import { rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { Duplex } from 'node:stream';
import { EngineError, invalidArgument, notFound } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import type { Authorizer } from './authorization.ts';
import { HeldResponse } from './held-response.ts';
import {
  activatedFds,
  type ListenOptions,
  listenFd,
  listenTcp,
  listenUnix,
  readTls,
  type TlsMaterial,
} from './listeners.ts';
import { ApiRequest } from './request.ts';
import { type Route, route } from './route.ts';

export const API_VERSION = '1.44';
export const MIN_API_VERSION = '1.24';

export interface ServerOptions {
  readonly routes: readonly Route[];
  readonly log: Log;
  readonly serverHeader: string;
  readonly isExperimental: boolean;
  /** undefined: nobody is asked. */
  readonly authorizer: () => Authorizer | undefined;
  /** `--api-cors-header`; '' = none. */
  readonly corsOrigin: string;
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

/** `/v1.41/`; other words before a path are part of it. */
const VERSION_PREFIX = /^\/v([\d.]+)\//;

const versionOf = (path: string): string | undefined => VERSION_PREFIX.exec(path)?.[1];

const number = (version: string): number => {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major * 1000 + minor;
};

/** Every path answers OPTIONS. */
const optionsRoute = route('OPTIONS', '/', ({ response }) => {
  response.writeHead(200);
  response.end();
});

function allowOrigin(response: ServerResponse, origin: string): void {
  response.setHeader('Access-Control-Allow-Origin', origin);
  response.setHeader(
    'Access-Control-Allow-Headers',
    'Origin, X-Requested-With, Content-Type, Accept, X-Registry-Auth',
  );
  response.setHeader('Access-Control-Allow-Methods', 'HEAD, GET, POST, DELETE, PUT, OPTIONS');
}

interface Matched {
  readonly route: Route;
  readonly target: { parameters: Record<string, string>; query: URLSearchParams; version: string };
  readonly request: ApiRequest;
  /** Of an upgraded request. */
  readonly body: Buffer | undefined;
}

/** Handles a request that plugins allow, and sends the answer when they allow that too. */
async function handleAuthorized(authorizer: Authorizer, matched: Matched): Promise<void> {
  const { route, target, request } = matched;
  const { incoming, response } = request;
  const authorized = await authorizer.check(incoming, matched.body);
  const { body } = authorized;
  const held = new HeldResponse(response);
  try {
    await route.handle(
      new ApiRequest(incoming, response, { ...target, ...(body ? { body } : {}) }),
    );
    const answer = held.answer();
    if (answer) await authorized.checkAnswer(answer);
  } catch (error) {
    held.drop();
    throw error;
  } finally {
    held.release();
  }
}

export class ApiServer {
  readonly #options: ServerOptions;
  readonly #servers: Server[] = [];
  readonly #sockets: string[] = [];
  readonly #connections = new Set<Duplex>();
  #isClosing = false;

  constructor(options: ServerOptions) {
    this.#options = options;
  }

  /** Listens at `unix://PATH`, `tcp://ADDRESS:PORT` or `fd://`. Throws with the reason and the way out. */
  async listen(host: string, options: ListenOptions): Promise<void> {
    const [scheme, address = ''] = host.split('://');
    switch (scheme) {
      case 'unix':
        await listenUnix(this.#makeServer(undefined), address, options.group);
        this.#sockets.push(address);
        return;
      case 'tcp': {
        const tls = options.tls ? readTls(options.tls) : undefined;
        const { log } = this.#options;
        return listenTcp(this.#makeServer(tls), address, { isTls: tls !== undefined, log });
      }
      case 'fd':
        for (const fd of activatedFds(address)) await listenFd(this.#makeServer(undefined), fd);
        return;
      case undefined:
      default:
        throw invalidArgument(`Invalid bind address format: ${host}`);
    }
  }

  #makeServer(tls: TlsMaterial | undefined): Server {
    const server = tls
      ? (createTlsServer({ ...tls, keepAlive: true }) as Server)
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
    response.setHeader('Docker-Experimental', String(this.#options.isExperimental));
    response.setHeader('Ostype', 'linux');
    response.setHeader('Server', this.#options.serverHeader);
    if (this.#options.corsOrigin !== '') allowOrigin(response, this.#options.corsOrigin);
    const fallback = new ApiRequest(incoming, response, {
      parameters: {},
      query: new URLSearchParams(),
      version: versionOf(incoming.url ?? '/') ?? API_VERSION,
    });
    let request = fallback;
    try {
      const { route, target } = this.#match(incoming);
      request = new ApiRequest(incoming, response, { ...target, ...(body ? { body } : {}) });
      this.#options.log.debug('API', { method: incoming.method, path: incoming.url });
      const authorizer = this.#options.authorizer();
      if (authorizer) await handleAuthorized(authorizer, { route, target, request, body });
      else await route.handle(request);
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
    const version = versionOf(rawPath) ?? API_VERSION;
    checkVersion(version);
    const path = rawPath.replace(VERSION_PREFIX, '/');
    for (const route of this.#options.routes) {
      if (route.method !== incoming.method) continue;
      const match = route.pattern.exec(path);
      if (!match) continue;
      const parameters = Object.fromEntries(
        route.names.map((name, index) => [name, decode(match[index + 1] ?? '')]),
      );
      return { route, target: { parameters, query: new URLSearchParams(search), version } };
    }
    if (incoming.method === 'OPTIONS')
      return {
        route: optionsRoute,
        target: { parameters: {}, query: new URLSearchParams(), version },
      };
    // A known path with another method is no page either, as in dockerd.
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
