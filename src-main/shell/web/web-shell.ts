/**
 * The window in a browser: loopback only, behind a token, Host and Origin checked. Serves dist/renderer and
 * carries the shell contract over a WebSocket.
 */
import { randomBytes, timingSafeEqual } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { extname, join, normalize } from 'node:path';
import type { Duplex } from 'node:stream';
import { type WebSocket, WebSocketServer } from 'ws';
import { decodeFrameMessage, encodeFrameMessage, type Port } from '../../../shared/shell/port.ts';
import { type ShellHandlers, serveShell } from '../../../shared/shell/server.ts';
import { CONTENT_SECURITY_POLICY } from '../content-security-policy.ts';

const COOKIE = 'windlass';
const TYPES: Readonly<Record<string, string>> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.png': 'image/png',
  '.woff2': 'font/woff2',
};
const MAX_MESSAGE_BYTES = 8 * 1024 * 1024;

export interface WebShellOptions {
  readonly directory: string;
  readonly handlers: ShellHandlers;
  /** 0 = any free one. */
  readonly port: number;
}

export interface WebShell extends AsyncDisposable {
  /** With the token. */
  readonly address: string;
}

const isSame = (given: string, token: string): boolean =>
  given.length === token.length && timingSafeEqual(Buffer.from(given), Buffer.from(token));

const cookieOf = (request: IncomingMessage): string =>
  /(?:^|;\s*)windlass=([^;]*)/.exec(request.headers.cookie ?? '')?.[1] ?? '';

/** The port a WebSocket makes. */
function portOf(socket: WebSocket): Port {
  const port: Port = {
    post: (frame) => {
      if (socket.readyState === socket.OPEN) socket.send(encodeFrameMessage(frame));
    },
    onFrame: () => undefined,
    onClose: () => undefined,
    close: () => socket.close(),
  };
  socket.on('message', (data, isBinary) => {
    const bytes = data as Buffer;
    try {
      port.onFrame(decodeFrameMessage(isBinary ? bytes : bytes.toString('utf8')));
    } catch {
      // Not one of our windows.
      socket.close(1008);
    }
  });
  socket.on('close', () => port.onClose());
  socket.on('error', () => socket.terminate());
  return port;
}

export async function startWebShell(options: WebShellOptions): Promise<WebShell> {
  const token = randomBytes(32).toString('hex');
  let origin = '';
  const isLocal = (request: IncomingMessage): boolean =>
    `http://${request.headers.host}` === origin;
  const isAllowed = (request: IncomingMessage): boolean =>
    isLocal(request) && isSame(cookieOf(request), token);

  const server = createServer((request, response) => {
    void respond(request, response);
  });
  const respond = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', origin);
    const given = url.searchParams.get('token');
    if (isLocal(request) && given !== null && isSame(given, token)) {
      // The token leaves the address bar at once.
      response.writeHead(302, {
        Location: '/',
        'Set-Cookie': `${COOKIE}=${token}; HttpOnly; SameSite=Strict; Path=/`,
        'Referrer-Policy': 'no-referrer',
      });
      response.end();
      return;
    }
    if (!isAllowed(request) || request.method !== 'GET') {
      response.writeHead(403, { 'Content-Type': 'text/plain' });
      response.end('Open the address that Windlass printed; it holds the token.\n');
      return;
    }
    await sendFile(options.directory, url.pathname, response);
  };

  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (!isAllowed(request) || request.headers.origin !== origin) {
      socket.end('HTTP/1.1 403 Forbidden\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (accepted) =>
      serveShell(portOf(accepted), options.handlers, () => new AbortController()),
    );
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, '127.0.0.1', resolve);
  });
  origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    address: `${origin}/?token=${token}`,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        for (const client of sockets.clients) client.terminate();
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
}

/** A file of the window; every other path is the window itself, which routes. */
async function sendFile(directory: string, path: string, response: ServerResponse): Promise<void> {
  const wanted = normalize(path).replace(/^(\.\.[/\\])+/, '');
  const file = extname(wanted) === '' ? 'index.html' : wanted;
  try {
    const bytes = await readFile(join(directory, file));
    response.writeHead(200, {
      'Content-Type': TYPES[extname(file)] ?? 'application/octet-stream',
      'Content-Security-Policy': CONTENT_SECURITY_POLICY,
      'X-Content-Type-Options': 'nosniff',
      'X-Frame-Options': 'DENY',
      'Referrer-Policy': 'no-referrer',
      'Cache-Control': 'no-store',
    });
    response.end(bytes);
  } catch {
    response.writeHead(404, { 'Content-Type': 'text/plain' });
    response.end('not found\n');
  }
}
