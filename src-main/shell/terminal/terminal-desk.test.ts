import { createHash } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, it } from 'vitest';
import { createShellClient } from '../../../shared/shell/client.ts';
import type { ShellClient, TerminalRow } from '../../../shared/shell/contract.ts';
import { portPair } from '../../../shared/shell/port.ts';
import { serveShell } from '../../../shared/shell/server.ts';
import { socketDialer } from '../../hosts/engine-dialer.ts';
import { HostDesk } from '../../hosts/host-desk.ts';
import { createShellHandlers, type ShellParts } from '../handlers.ts';
import { TerminalDesk } from './terminal-desk.ts';

let cleanup = new AsyncDisposableStack();
afterEach(async () => {
  await cleanup.disposeAsync();
  cleanup = new AsyncDisposableStack();
});

/** A desk, and windows on it. */
function makeDesk(): { openWindow(): ShellClient } {
  const directory = mkdtempSync(join(tmpdir(), 'windlass-terminals-'));
  cleanup.defer(() => rmSync(directory, { recursive: true }));
  const dialer = socketDialer('/run/test.sock');
  const host = { id: 'embedded', name: 'this machine', kind: 'embedded', dialer } as const;
  const hosts = cleanup.use(new HostDesk([host], { directory, sshConfigText: '' }));
  const terminals = cleanup.use(new TerminalDesk(hosts));
  const handlers = createShellHandlers({ hosts, terminals } as unknown as ShellParts);
  return {
    openWindow: () => {
      const [window, shell] = portPair();
      serveShell(shell, handlers, () => new AbortController());
      return createShellClient(window);
    },
  };
}

const begin = (client: ShellClient) =>
  client.call('terminals.begin', {
    target: { kind: 'here', host: 'embedded' },
    columns: 81,
    rows: 25,
  });

/** Shows a terminal in a window; collects what it says. */
function show(client: ShellClient, id: string) {
  const channel = client.duplex('terminals.show', { id });
  const chunks: Uint8Array[] = [];
  const ended = (async () => {
    for await (const chunk of channel.readable) chunks.push(chunk);
  })();
  ended.catch(() => undefined);
  return {
    ended,
    leave: () => channel.abort(),
    text: () => Buffer.concat(chunks).toString(),
    bytes: () => Buffer.concat(chunks),
    type: (line: string) => channel.write(new TextEncoder().encode(`${line}\n`)),
  };
}

async function rowsOf(client: ShellClient): Promise<TerminalRow[]> {
  for await (const rows of client.stream('terminals.watch', {})) return rows;
  return [];
}

/** Waits as long as a busy machine needs. */
const soon = { timeout: 20_000 };

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('a terminal', () => {
  it('is a shell of the asked size with DOCKER_HOST set, and says how it ended', async () => {
    const client = makeDesk().openWindow();
    const { id } = await begin(client);
    const window = show(client, id);
    await window.type('echo "host=$DOCKER_HOST term=$TERM"; stty size');
    await expect
      .poll(window.text, soon)
      .toContain('host=unix:///run/test.sock term=xterm-256color');
    await expect.poll(window.text, soon).toContain('25 81');
    await client.call('terminals.resize', { id, columns: 100, rows: 30 });
    await window.type('stty size');
    await expect.poll(window.text, soon).toContain('30 100');
    await window.type('exit 3');
    await window.ended;
    await expect
      .poll(() => rowsOf(client), soon)
      .toMatchObject([{ id, ending: 'ended with code 3' }]);
    await client.call('terminals.end', { id });
    expect(await rowsOf(client)).toEqual([]);
  });

  it('goes on when its window leaves, shows the next one what was said, and the newest has it', async () => {
    const { openWindow } = makeDesk();
    const first = openWindow();
    const { id } = await begin(first);
    const left = show(first, id);
    await left.type('echo before-$((20+1))');
    await expect.poll(left.text, soon).toContain('before-21');
    left.leave();
    const second = openWindow();
    const next = show(second, id);
    await expect.poll(next.text, soon).toContain('before-21');
    await next.type('echo after-$((20+2))');
    await expect.poll(next.text, soon).toContain('after-22');
    const third = show(openWindow(), id);
    await next.ended;
    await expect.poll(third.text, soon).toContain('after-22');
    await first.call('terminals.end', { id });
    await third.ended;
  });

  it('is hung up when it is closed', async () => {
    const client = makeDesk().openWindow();
    const { id } = await begin(client);
    const window = show(client, id);
    await window.type('echo pid=$$=');
    await expect.poll(window.text, soon).toMatch(/pid=\d+=/);
    const pid = Number(/pid=(\d+)=/.exec(window.text())?.[1]);
    expect(isAlive(pid)).toBe(true);
    await client.call('terminals.end', { id });
    await expect.poll(() => isAlive(pid), soon).toBe(false);
  });

  it('loses nothing of a flood of 100 MB', async () => {
    const client = makeDesk().openWindow();
    const { id } = await begin(client);
    const window = show(client, id);
    // 100 MB of numbered lines, and their hash as the sender knows it.
    const make = 'seq -w 1 11111112 | head -c 100000000';
    await window.type(
      `stty -echo -onlcr; echo; printf '%s%s' be gin; ${make}; printf '%s%s' e nd; exit`,
    );
    await window.ended;
    const text = window.bytes();
    const flood = text.subarray(text.indexOf('begin') + 5, text.lastIndexOf('end'));
    expect(flood.length).toBe(100_000_000);
    const hash = createHash('sha256');
    let line = 0;
    for (let rest = 100_000_000; rest > 0; ) {
      const lines = Array.from({ length: 10_000 }, () => String(++line).padStart(8, '0'));
      const piece = `${lines.join('\n')}\n`.slice(0, rest);
      hash.update(piece);
      rest -= piece.length;
    }
    expect(createHash('sha256').update(flood).digest('hex')).toBe(hash.digest('hex'));
  });

  it('keeps a bounded part of what nobody watches, from a whole line on, with the modes it set', async () => {
    const { openWindow } = makeDesk();
    const client = openWindow();
    const { id } = await begin(client);
    const window = show(client, id);
    await window.type("printf '\\033[?2004h\\033[?1049h'; seq -w 1 400000; echo do''ne");
    await expect.poll(window.text, soon).toContain('done');
    window.leave();
    const later = show(openWindow(), id);
    await expect.poll(later.text, soon).toContain('done');
    const text = later.text();
    expect(text.length).toBeLessThan(1.2 * 1024 * 1024);
    expect(text.slice(0, 40)).toMatch(/^.\[\?2004[hl].\[\?1049h\d{6}\r\n/);
    await client.call('terminals.end', { id });
  });
});
