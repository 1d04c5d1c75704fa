import { type EventEmitter, once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Duplex } from 'node:stream';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createShellClient } from '../../shared/shell/client.ts';
import type { ShellClient } from '../../shared/shell/contract.ts';
import { portPair } from '../../shared/shell/port.ts';
import { type ShellHandlers, serveShell } from '../../shared/shell/server.ts';
import { socketDialer } from './engine-dialer.ts';
import { serveEngineRequest } from './engine-gateway.ts';
import { HostBook } from './host-book.ts';

const text = async (readable: AsyncIterable<Uint8Array>): Promise<string> =>
  Buffer.concat(await Array.fromAsync(readable)).toString();

const untilClosed = (emitter: EventEmitter): Promise<void> =>
  new Promise((resolve) => emitter.once('close', resolve));

describe('engine gateway', () => {
  let directory: string;
  let server: Server;
  let book: HostBook;
  let client: ShellClient;
  let answer: (request: IncomingMessage, response: ServerResponse) => void;
  let upgraded: (request: IncomingMessage, socket: Duplex, head: Buffer) => void;
  const seen: IncomingMessage[] = [];

  beforeEach(async () => {
    seen.length = 0;
    directory = mkdtempSync(join(tmpdir(), 'windlass-gateway-'));
    const socketPath = join(directory, 'engine.sock');
    server = createServer((request, response) => {
      if (request.url?.startsWith('/_ping') || request.url?.startsWith('/events')) {
        response.end('OK');
        return;
      }
      seen.push(request);
      answer(request, response);
    });
    server.on('upgrade', (request: IncomingMessage, socket: Duplex, head: Buffer) => {
      seen.push(request);
      upgraded(request, socket, head);
    });
    server.listen(socketPath);
    await once(server, 'listening');
    book = new HostBook([
      { id: 'here', name: 'here', kind: 'socket', dialer: socketDialer(socketPath) },
    ]);
    const [window, shell] = portPair();
    const handlers = {
      'engine.request': (input, channel) => serveEngineRequest(book, input, channel),
    } as Pick<ShellHandlers, 'engine.request'> as ShellHandlers;
    serveShell(shell, handlers, () => new AbortController());
    client = createShellClient(window);
  });

  afterEach(async () => {
    book[Symbol.dispose]();
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
    rmSync(directory, { recursive: true });
  });

  const open = (path: string, more: { method?: 'GET' | 'POST'; headers?: object } = {}) =>
    client.duplex('engine.request', {
      host: 'here',
      method: 'GET',
      path,
      headers: {},
      ...(more as object),
    });

  it('carries method, path with query, headers, body and the answer', async () => {
    answer = (request, response) => {
      response.writeHead(201, { 'X-Answer': 'yes' });
      request.pipe(response);
    };
    const channel = open('/containers/create?name=a%20b', {
      method: 'POST',
      headers: { 'X-Registry-Auth': 'abc' },
    });
    await channel.write(Buffer.from('{"Image":"x"}'));
    await channel.end();
    expect(await channel.head).toMatchObject({ status: 201, headers: { 'x-answer': 'yes' } });
    expect(await text(channel.readable)).toBe('{"Image":"x"}');
    expect(seen[0]).toMatchObject({ method: 'POST', url: '/containers/create?name=a%20b' });
    expect(seen[0]?.headers['x-registry-auth']).toBe('abc');
  });

  it('says itself what describes the connection', async () => {
    answer = (_request, response) => response.end();
    const headers = { Host: 'evil', 'Transfer-Encoding': 'chunked', 'Content-Length': '5' };
    const channel = open('/x', { headers });
    await channel.end();
    await channel.head;
    expect(seen[0]?.headers).toEqual({ host: 'windlass', connection: 'close' });
  });

  it('hands over a refusal with its status and text', async () => {
    answer = (_request, response) => {
      response.writeHead(404, { 'Content-Type': 'application/json' });
      response.end('{"message":"No such container: x"}');
    };
    const channel = open('/containers/x/json');
    await channel.end();
    expect(await channel.head).toMatchObject({ status: 404 });
    expect(await text(channel.readable)).toBe('{"message":"No such container: x"}');
  });

  it('takes over an upgraded connection, its body apart from its bytes, each side closed alone', async () => {
    const sent = '{"Tty":true,"name":"ünï"}';
    upgraded = (request, socket, head) => {
      const length = Number(request.headers['content-length']);
      socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\nhello ');
      const received = [head];
      socket.on('data', (chunk: Buffer) => void received.push(chunk));
      socket.on('end', () => {
        const bytes = Buffer.concat(received);
        const body = bytes.subarray(0, length).toString();
        socket.end(`${bytes.subarray(length).toString().toUpperCase()} ${body === sent}`);
      });
    };
    const channel = client.duplex('engine.request', {
      host: 'here',
      method: 'POST',
      path: '/exec/1/start',
      headers: {},
      upgrade: true,
      body: sent,
    });
    expect(await channel.head).toMatchObject({ status: 101, headers: { upgrade: 'tcp' } });
    await channel.write(Buffer.from('ls'));
    await channel.write(Buffer.from(' -l'));
    await channel.end();
    expect(await text(channel.readable)).toBe('hello LS -L true');
  });

  it('answers an upgrade that is refused with the refusal', async () => {
    upgraded = (_request, socket) =>
      void socket.end('HTTP/1.1 409 Conflict\r\nContent-Length: 4\r\n\r\nbusy');
    const asked = { host: 'here', method: 'POST', path: '/x', headers: {}, upgrade: true } as const;
    const channel = client.duplex('engine.request', asked);
    expect(await channel.head).toMatchObject({ status: 409 });
    expect(await text(channel.readable)).toBe('busy');
  });

  it('hangs up on the engine when the window leaves, answered or not, upgraded or not', async () => {
    const closed: Promise<unknown>[] = [];
    answer = (_request, response) => {
      closed.push(untilClosed(response));
      if (_request.url === '/stream') response.write('first');
    };
    upgraded = (_request, socket) => {
      closed.push(untilClosed(socket));
      socket.resume();
      // A half-close would let these through.
      socket.on('end', () => socket.write('more', () => socket.write('more')));
      socket.on('error', () => undefined);
      socket.write('HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n');
    };
    const streaming = open('/stream');
    await streaming.head;
    const silent = open('/silent');
    const asked = { host: 'here', method: 'POST', path: '/x', headers: {}, upgrade: true } as const;
    const raw = client.duplex('engine.request', asked);
    await raw.head;
    await expect.poll(() => closed.length).toBe(3);
    for (const channel of [streaming, silent, raw]) channel.abort();
    await Promise.all(closed);
    await expect(silent.head).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('slows the engine down to the pace of the window', async () => {
    let written = 0;
    answer = (_request, response) => {
      const push = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536))) written += 65_536;
      };
      response.on('drain', push);
      push();
    };
    const channel = open('/flood');
    await channel.head;
    await new Promise((resolve) => setTimeout(resolve, 200));
    const before = written;
    await new Promise((resolve) => setTimeout(resolve, 200));
    expect(written).toBe(before);
    expect(written).toBeLessThan(4 * 1024 * 1024);
    channel.abort();
  });

  it('tells of an engine that cannot be reached, and of one that breaks off', async () => {
    answer = (_request, response) => {
      response.writeHead(200, { 'Content-Length': '100' });
      response.write('half');
      setTimeout(() => response.destroy(), 20);
    };
    const broken = open('/x');
    await broken.head;
    await expect(text(broken.readable)).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^the connection to here broke off/),
    });
    const gone = new HostBook([
      { id: 'here', name: 'here', kind: 'socket', dialer: socketDialer(join(directory, 'none')) },
    ]);
    book[Symbol.dispose]();
    book = gone;
    await expect(open('/x').head).rejects.toMatchObject({
      code: 'unavailable',
      message: expect.stringMatching(/^Cannot connect to the engine of here at unix:\/\/.*none/),
    });
  });

  it('knows no other hosts', async () => {
    const asked = { host: 'there', method: 'GET', path: '/x', headers: {} } as const;
    await expect(client.duplex('engine.request', asked).head).rejects.toMatchObject({
      code: 'notFound',
    });
  });
});
