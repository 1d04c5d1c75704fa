import { describe, expect, it } from 'vitest';
import { notFound } from '../errors.ts';
import { createShellClient } from './client.ts';
import type { ShellClient } from './contract.ts';
import { decodeFrameMessage, encodeFrameMessage, type Frame, portPair } from './port.ts';
import { type ServedDuplex, type ShellHandlers, serveShell } from './server.ts';

const settings = {
  theme: 'system' as const,
  keepRunningInTray: true,
  terminalFontSize: 13,
  terminalTheme: 'dark' as const,
  containerColumns: [],
  containerFilters: [],
};

function connect(overrides: Partial<ShellHandlers> = {}): ShellClient {
  const [window, shell] = portPair();
  const refuse = () => Promise.reject(notFound('not in this test'));
  const handlers = {
    'app.info': refuse,
    'hosts.list': async () => [],
    'hosts.watch': async function* () {
      yield [];
    },
    'engine.request': refuse,
    'settings.read': async () => settings,
    'settings.write': async (change: object) => ({ ...settings, ...change }),
    'external.open': async () => ({}),
    ...overrides,
  } as ShellHandlers;
  serveShell(shell, handlers, () => new AbortController());
  return createShellClient(window);
}

const request = { host: 'embedded', method: 'GET', path: '/x', headers: {} } as const;
type Engine = ServedDuplex<{ status: number; headers: Record<string, string> }>;

describe('the shell contract', () => {
  it('answers calls and checks what is asked', async () => {
    const client = connect();
    expect(await client.call('settings.write', { theme: 'dark' })).toMatchObject({ theme: 'dark' });
    await expect(client.call('settings.write', { theme: 'pink' } as never)).rejects.toMatchObject({
      code: 'invalidArgument',
    });
    await expect(client.call('external.open', { url: 'file:///etc/passwd' })).rejects.toMatchObject(
      {
        code: 'invalidArgument',
      },
    );
  });

  it('hands on a change of settings as it was asked, without defaults', async () => {
    const changes: object[] = [];
    const client = connect({
      'settings.write': async (change) => {
        changes.push(change);
        return settings;
      },
    });
    await client.call('settings.write', { terminalFontSize: 20 });
    expect(changes).toEqual([{ terminalFontSize: 20 }]);
  });

  it('brings errors over with class, status and message', async () => {
    await expect(connect().call('app.info', {})).rejects.toMatchObject({
      name: 'EngineError',
      code: 'notFound',
      status: 404,
      message: 'not in this test',
    });
  });

  it('streams until the window stops, and tells the shell', async () => {
    let stopped = false;
    const client = connect({
      'hosts.watch': async function* (_input, signal) {
        signal.addEventListener('abort', () => {
          stopped = true;
        });
        for (;;) {
          yield [];
          await new Promise((resolve) => setTimeout(resolve, 1));
        }
      },
    });
    let seen = 0;
    for await (const hosts of client.stream('hosts.watch', {})) {
      expect(hosts).toEqual([]);
      if (++seen === 200) break;
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(stopped).toBe(true);
  });

  it('carries bytes both ways and closes each side apart', async () => {
    const client = connect({
      'engine.request': async (_input: unknown, channel: Engine) => {
        channel.head({ status: 200, headers: {} });
        let total = 0;
        for await (const bytes of channel.input) total += bytes.length;
        await channel.write(new TextEncoder().encode(`got ${total}`));
      },
    });
    const channel = client.duplex('engine.request', request);
    expect(await channel.head).toEqual({ status: 200, headers: {} });
    for (let sent = 0; sent < 50; sent++) await channel.write(new Uint8Array(100_000));
    await channel.end();
    const answer: string[] = [];
    for await (const bytes of channel.readable) answer.push(new TextDecoder().decode(bytes));
    expect(answer.join('')).toBe('got 5000000');
  });

  it('stops a fast producer at a slow reader', async () => {
    let written = 0;
    const client = connect({
      'engine.request': async (_input: unknown, channel: Engine) => {
        channel.head({ status: 200, headers: {} });
        while (!channel.signal.aborted) {
          await channel.write(new Uint8Array(64 * 1024));
          written += 64 * 1024;
        }
      },
    });
    const channel = client.duplex('engine.request', request);
    await channel.head;
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(written).toBeLessThan(2 * 1024 * 1024);
    channel.abort();
    await expect(Array.fromAsync(channel.readable)).rejects.toMatchObject({ code: 'cancelled' });
  });

  it('sends chunks written at the same time in order and whole', async () => {
    const received: number[] = [];
    const client = connect({
      'engine.request': async (_input: unknown, channel: Engine) => {
        channel.head({ status: 200, headers: {} });
        for await (const bytes of channel.input) received.push(...new Set(bytes));
      },
    });
    const channel = client.duplex('engine.request', request);
    const size = 700_000;
    await Promise.all([1, 2, 3, 4, 5].map((n) => channel.write(new Uint8Array(size).fill(n))));
    await channel.end();
    expect(await Array.fromAsync(channel.readable)).toEqual([]);
    expect(received).toEqual(received.toSorted((a, b) => a - b));
    expect(new Set(received)).toEqual(new Set([1, 2, 3, 4, 5]));
  });

  it('fails what is open when the port closes, and what is asked after', async () => {
    const [window, shell] = portPair();
    serveShell(shell, {} as ShellHandlers, () => new AbortController());
    const client = createShellClient(window);
    const channel = client.duplex('engine.request', request);
    window.close();
    const lost = { code: 'unavailable' };
    await expect(channel.head).rejects.toMatchObject(lost);
    await expect(Array.fromAsync(channel.readable)).rejects.toMatchObject(lost);
    await expect(channel.write(new Uint8Array(1))).rejects.toMatchObject(lost);
    await expect(client.call('app.info', {})).rejects.toMatchObject(lost);
  });

  it('tells the handler when the window leaves', async () => {
    const [window, shell] = portPair();
    const left = Promise.withResolvers<unknown>();
    const handlers = {
      'engine.request': async (_input: unknown, channel: Engine) => {
        channel.head({ status: 200, headers: {} });
        try {
          for (;;) await channel.write(new Uint8Array(100_000));
        } catch (error) {
          left.resolve(error);
        }
      },
    } as unknown as ShellHandlers;
    serveShell(shell, handlers, () => new AbortController());
    await createShellClient(window).duplex('engine.request', request).head;
    window.close();
    expect(await left.promise).toMatchObject({ code: 'cancelled', message: 'the window is gone' });
  });

  it('refuses a window that does not wait for room', async () => {
    const [window, shell] = portPair();
    const seen: Frame[] = [];
    window.onFrame = (frame) => void seen.push(frame);
    const handlers = {
      'engine.request': (_input: unknown, channel: Engine) =>
        new Promise<void>((resolve) => channel.signal.addEventListener('abort', () => resolve())),
    } as unknown as ShellHandlers;
    serveShell(shell, handlers, () => new AbortController());
    window.post({ t: 'open', id: 1, name: 'engine.request', input: request });
    for (let sent = 0; sent < 40; sent++)
      window.post({ t: 'data', id: 1, bytes: new Uint8Array(100_000) });
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(seen[0]).toMatchObject({ t: 'error', error: { code: 'invalidArgument' } });
  });

  it('does not answer what is no operation', async () => {
    const [window, shell] = portPair();
    const seen: Frame[] = [];
    window.onFrame = (frame) => void seen.push(frame);
    serveShell(shell, {} as ShellHandlers, () => new AbortController());
    for (const [index, name] of ['__proto__', 'constructor', 'engine'].entries())
      window.post({ t: 'open', id: index + 1, name, input: {} });
    await new Promise((resolve) => setTimeout(resolve, 10));
    expect(seen.map((frame) => frame.t === 'error' && frame.error.code)).toEqual(
      Array(3).fill('notFound'),
    );
  });

  it.each([
    'null',
    '{}',
    '{"t":"open","id":0,"name":"app.info"}',
    '{"t":"credit","id":1,"amount":-5}',
    '{"t":"credit","id":1,"amount":"5"}',
    '{"t":"error","id":1,"error":{"code":"no such","status":1,"message":"","details":{}}}',
    Uint8Array.of(1, 2),
  ])('takes no frame from %s', (message) => {
    expect(() => decodeFrameMessage(message)).toThrow();
  });

  it('keeps frames whole over a wire of text and binary messages', () => {
    const data = { t: 'data', id: 70_000, bytes: Uint8Array.of(0, 255, 7) } as const;
    expect(decodeFrameMessage(encodeFrameMessage(data))).toEqual(data);
    const value = { t: 'value', id: 1, value: { name: 'ünï' } } as const;
    expect(decodeFrameMessage(encodeFrameMessage(value))).toEqual(value);
  });
});
