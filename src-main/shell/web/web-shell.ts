/**
 * The window in a browser: loopback only, behind a token, Host and Origin checked. Serves dist/renderer and
 * carries the shell contract over a WebSocket.
 */
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { WebSocketServer } from 'ws';
import { errorMessage } from '../../../shared/errors.ts';
import { type ShellHandlers, serveShell } from '../../../shared/shell/server.ts';
import { readWindowFile, SECURITY_HEADERS } from '../window-files.ts';
import { Access } from './access.ts';
import { webSocketPort } from './web-socket-port.ts';

/** Room for the largest frame a window sends: an upgraded request with its body. */
const MAX_MESSAGE_BYTES = 2 * 1024 * 1024;

export interface WebShellOptions {
  /** The built window. */
  readonly directory: string;
  readonly handlers: ShellHandlers;
  /** 0 = any free one. */
  readonly port: number;
}

export interface WebShell extends AsyncDisposable {
  /** With the token. */
  readonly address: string;
}

/** Listens; when it answers, the address can be opened. Throws when the port is taken. */
export async function startWebShell(options: WebShellOptions): Promise<WebShell> {
  const server = createServer();
  const access = new Access(await listen(server, options.port));
  const sockets = new WebSocketServer({ noServer: true, maxPayload: MAX_MESSAGE_BYTES });
  server.on('request', (request, response) => {
    respond(request, response, { access, directory: options.directory }).catch((error: unknown) => {
      response.destroy(error instanceof Error ? error : new Error(errorMessage(error)));
    });
  });
  server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
    // The browser may vanish at any time; there is nobody left to tell.
    socket.on('error', () => socket.destroy());
    if (!access.isLocal(request) || !access.hasCookie(request) || !access.isOwnPage(request)) {
      socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (accepted) =>
      serveShell(webSocketPort(accepted), options.handlers, () => new AbortController()),
    );
  });
  return {
    address: access.address,
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        for (const client of sockets.clients) client.terminate();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function listen(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
  });
}

interface Site {
  readonly access: Access;
  readonly directory: string;
}

async function respond(
  request: IncomingMessage,
  response: ServerResponse,
  { access, directory }: Site,
): Promise<void> {
  const url = access.urlOf(request);
  if (request.method !== 'GET' || !url || !access.isLocal(request))
    return refuse(response, 'Windlass answers its own window only.');
  const cookie = access.cookieFor(url);
  if (cookie !== undefined) {
    // The token leaves the address bar, and with it the history, at once.
    response.writeHead(302, {
      ...SECURITY_HEADERS,
      'Cache-Control': 'no-store',
      Location: '/',
      'Set-Cookie': cookie,
    });
    response.end();
    return;
  }
  if (!access.hasCookie(request))
    return refuse(response, 'Open the address that Windlass printed; it holds the token.');
  const file = await readWindowFile(directory, url.pathname);
  response.writeHead(file.status, { ...file.headers, 'Content-Length': file.bytes.length });
  response.end(file.bytes);
}

function refuse(response: ServerResponse, reason: string): void {
  response.writeHead(403, { ...SECURITY_HEADERS, 'Content-Type': 'text/plain' });
  response.end(`${reason}\n`);
}
