import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { type IncomingHttpHeaders, request } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { WebSocket } from 'ws';
import type { ShellHandlers } from '../../../shared/shell/server.ts';
import { startWebShell, type WebShell } from './web-shell.ts';

describe('web shell', () => {
  let directory: string;
  let shell: WebShell;
  let url: URL;

  beforeEach(async () => {
    directory = mkdtempSync(join(tmpdir(), 'windlass-web-'));
    mkdirSync(join(directory, 'window/assets'), { recursive: true });
    writeFileSync(join(directory, 'secret.js'), 'secret');
    writeFileSync(join(directory, 'window/index.html'), '<!doctype html>the window');
    writeFileSync(join(directory, 'window/assets/app-1.js'), 'code');
    const handlers = { 'hosts.list': async () => [] } as unknown as ShellHandlers;
    shell = await startWebShell({ directory: join(directory, 'window'), handlers, port: 0 });
    url = new URL(shell.address);
  });
  afterEach(async () => {
    await shell[Symbol.asyncDispose]();
    rmSync(directory, { recursive: true });
  });

  const get = (
    path: string,
    headers: Record<string, string> = {},
    method = 'GET',
  ): Promise<{ status: number; headers: IncomingHttpHeaders; body: string }> =>
    new Promise((resolve, reject) => {
      const outgoing = request({ host: '127.0.0.1', port: url.port, path, method, headers });
      outgoing.on('error', reject);
      outgoing.on('response', (response) => {
        let body = '';
        response.on('data', (chunk: Buffer) => {
          body += chunk.toString();
        });
        response.on('end', () =>
          resolve({ status: response.statusCode ?? 0, headers: response.headers, body }),
        );
      });
      outgoing.end();
    });
  const logIn = async (): Promise<string> => {
    const answer = await get(`${url.pathname}${url.search}`);
    return answer.headers['set-cookie']?.[0]?.split(';')[0] ?? '';
  };
  const dial = async (headers: Record<string, string>): Promise<number> => {
    const socket = new WebSocket(`ws://127.0.0.1:${url.port}/shell`, { headers });
    const status = await new Promise<number>((resolve) => {
      socket.on('open', () => resolve(101));
      socket.on('unexpected-response', (_request, response) => resolve(response.statusCode ?? 0));
    });
    socket.on('error', () => undefined);
    socket.terminate();
    return status;
  };

  it('changes the token for a cookie and takes it out of the address', async () => {
    const answer = await get(`/${url.search}`);
    expect(answer).toMatchObject({ status: 302, headers: { location: '/' } });
    expect(answer.headers['set-cookie']?.[0]).toMatch(
      /^windlass-\d+=[0-9a-f]{64}; HttpOnly; SameSite=Strict; Path=\/$/,
    );
    expect(answer.headers['referrer-policy']).toBe('no-referrer');
  });

  it('serves the window to the cookie alone', async () => {
    const cookie = await logIn();
    expect(await get('/', { cookie })).toMatchObject({ status: 200, body: expect.any(String) });
    for (const headers of [{}, { cookie: `${cookie}0` }, { cookie: 'windlass=1' }] as object[])
      expect((await get('/', { ...headers })).status).toBe(403);
    expect((await get('/?token=guess')).status).toBe(403);
  });

  it('refuses a name that was made to point here, and other methods', async () => {
    const cookie = await logIn();
    for (const host of ['evil.example', `localhost:${url.port}`, `127.0.0.1:1`])
      expect((await get('/', { cookie, host })).status).toBe(403);
    expect((await get('/', { cookie }, 'POST')).status).toBe(403);
  });

  it('sends a strict policy with every answer', async () => {
    const cookie = await logIn();
    for (const answer of [
      await get('/', { cookie }),
      await get('/'),
      await get('/no.js', { cookie }),
    ]) {
      expect(answer.headers['content-security-policy']).toContain("default-src 'none'");
      expect(answer.headers['content-security-policy']).toContain("script-src 'self';");
      expect(answer.headers['x-content-type-options']).toBe('nosniff');
      expect(answer.headers['x-frame-options']).toBe('DENY');
    }
  });

  it('lets the window route its own paths, and gives out no other files', async () => {
    const cookie = await logIn();
    expect((await get('/containers/abc/logs', { cookie })).body).toContain('the window');
    expect(await get('/assets/app-1.js', { cookie })).toMatchObject({
      status: 200,
      body: 'code',
      headers: {
        'content-type': 'text/javascript; charset=utf-8',
        'cache-control': expect.stringContaining('immutable'),
      },
    });
    for (const path of ['/../secret.js', '/%2e%2e/secret.js', '/..%2fsecret.js', '/none.js'])
      expect((await get(path, { cookie })).status, path).toBe(404);
  });

  it('opens its WebSocket to its own page only', async () => {
    const cookie = await logIn();
    const { origin } = url;
    expect(await dial({ cookie, origin })).toBe(101);
    expect(await dial({ cookie })).toBe(403);
    expect(await dial({ origin })).toBe(403);
    expect(await dial({ cookie, origin: 'https://evil.example' })).toBe(403);
    expect(await dial({ cookie, origin, host: 'evil.example' })).toBe(403);
  });

  it('hangs up on what is no window', async () => {
    const cookie = await logIn();
    const headers = { cookie, origin: url.origin };
    const socket = new WebSocket(`ws://127.0.0.1:${url.port}/shell`, { headers });
    await once(socket, 'open');
    socket.send('{"t":"open"}');
    const [code] = (await once(socket, 'close')) as [number];
    expect(code).toBe(1008);
  });

  it('survives requests that make no sense', async () => {
    for (const line of [
      'GET // HTTP/1.1',
      'GET http:// HTTP/1.1',
      'NONSENSE',
      'GET /\0 HTTP/1.1',
    ]) {
      const socket = connect(Number(url.port), '127.0.0.1');
      socket.on('error', () => undefined);
      socket.end(`${line}\r\nHost: ${url.host}\r\nConnection: close\r\n\r\n`);
      socket.resume();
      await once(socket, 'close');
    }
    expect((await get('/', { cookie: await logIn() })).status).toBe(200);
  });

  it('says when its port is taken', async () => {
    const handlers = {} as ShellHandlers;
    await expect(startWebShell({ directory, handlers, port: Number(url.port) })).rejects.toThrow(
      'EADDRINUSE',
    );
  });
});
