import { describe, expect, it } from 'vitest';
import { notFound } from '../errors.ts';
import { createShellClient } from './client.ts';
import type { ShellClient } from './contract.ts';
import { decodeFrameMessage, encodeFrameMessage, portPair } from './port.ts';
import { type ServedDuplex, type ShellHandlers, serveShell } from './server.ts';

const settings = { theme: 'system', keepRunningInTray: true, terminalFontSize: 13 } as const;

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
    'terminal.open': refuse,
    'terminal.resize': refuse,
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

  it('keeps frames whole over a wire of text and binary messages', () => {
    const data = { t: 'data', id: 70_000, bytes: Uint8Array.of(0, 255, 7) } as const;
    expect(decodeFrameMessage(encodeFrameMessage(data))).toEqual(data);
    const value = { t: 'value', id: 1, value: { name: 'ünï' } } as const;
    expect(decodeFrameMessage(encodeFrameMessage(value))).toEqual(value);
  });
});
