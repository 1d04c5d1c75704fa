import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { socketDialer } from './engine-dialer.ts';
import { HostBook } from './host-book.ts';

describe('HostBook', () => {
  let directory: string;
  let socketPath: string;
  const servers: Server[] = [];
  const asked: string[] = [];

  const startEngine = async (): Promise<void> => {
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      if (request.url === '/_ping') response.end('OK');
      else response.flushHeaders();
    });
    servers.push(server);
    server.listen(socketPath);
    await once(server, 'listening');
  };
  const stopEngine = async (): Promise<void> => {
    for (const server of servers.splice(0)) {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    }
  };

  beforeEach(() => {
    asked.length = 0;
    directory = mkdtempSync(join(tmpdir(), 'windlass-hosts-'));
    socketPath = join(directory, 'engine.sock');
  });
  afterEach(async () => {
    await stopEngine();
    rmSync(directory, { recursive: true });
  });

  const makeBook = () =>
    new HostBook([{ id: 'e', name: 'Engine', kind: 'socket', dialer: socketDialer(socketPath) }]);

  it('describes a host as the docker CLI would name it', () => {
    using book = makeBook();
    expect(book.list()).toEqual([
      {
        id: 'e',
        name: 'Engine',
        kind: 'socket',
        dockerHost: `unix://${socketPath}`,
        isOwn: false,
        status: { state: 'connecting' },
      },
    ]);
    expect(() => book.find('other')).toThrow('no host other');
  });

  it('tells of every change: not there, up, gone, back', async () => {
    using book = makeBook();
    const stop = new AbortController();
    const states: string[] = [];
    const watching = (async () => {
      for await (const [host] of book.watch(stop.signal)) states.push(host?.status.state ?? '');
    })();
    await expect.poll(() => states).toEqual(['connecting', 'lost']);
    expect(book.list()[0]?.status.reason).toContain('ENOENT');
    await startEngine();
    await expect.poll(() => states, { timeout: 3000 }).toEqual(['connecting', 'lost', 'up']);
    await expect.poll(() => asked.some((url) => url.startsWith('/events'))).toBe(true);
    await stopEngine();
    // Noticed by the end of the connection, not by the next question.
    await expect.poll(() => states, { timeout: 400 }).toHaveLength(4);
    await startEngine();
    await expect
      .poll(() => states, { timeout: 6000 })
      .toEqual(['connecting', 'lost', 'up', 'lost', 'up']);
    stop.abort();
    await watching;
  });

  it('asks an idle engine nothing more', async () => {
    await startEngine();
    using book = makeBook();
    await expect.poll(() => asked.length).toBe(2);
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(asked).toHaveLength(2);
    expect(book.list()[0]?.status).toEqual({ state: 'up' });
  });

  it('does not hammer an engine that has no event stream', async () => {
    const server = createServer((request, response) => {
      asked.push(request.url ?? '');
      response.writeHead(request.url === '/_ping' ? 200 : 404);
      response.end();
    });
    servers.push(server);
    server.listen(socketPath);
    await once(server, 'listening');
    using _book = makeBook();
    await new Promise((resolve) => setTimeout(resolve, 500));
    expect(asked).toHaveLength(2);
  });

  it('keeps the reason of a host that will not come up', async () => {
    using book = makeBook();
    book.refuse('e', 'overlay is not supported');
    await startEngine();
    await new Promise((resolve) => setTimeout(resolve, 600));
    expect(book.list()[0]?.status).toEqual({
      state: 'refused',
      reason: 'overlay is not supported',
    });
    expect(asked).toEqual([]);
  });

  it('shows a slow reader the newest list', async () => {
    using book = makeBook();
    const stop = new AbortController();
    const lists = book.watch(stop.signal);
    await lists.next();
    book.refuse('e', 'first');
    book.refuse('e', 'second');
    expect((await lists.next()).value?.[0]?.status.reason).toBe('second');
    stop.abort();
    expect((await lists.next()).done).toBe(true);
  });
});
