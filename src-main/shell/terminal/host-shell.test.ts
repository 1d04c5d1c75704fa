import { describe, expect, it } from 'vitest';
import { createShellClient } from '../../../shared/shell/client.ts';
import type { DuplexChannel, HeadOf } from '../../../shared/shell/contract.ts';
import { portPair } from '../../../shared/shell/port.ts';
import { type ShellHandlers, serveShell } from '../../../shared/shell/server.ts';
import { HostShells } from './host-shell.ts';

function connect() {
  const [window, shell] = portPair();
  const shells = new HostShells();
  const handlers: Partial<ShellHandlers> = {
    'terminal.open': (input, channel) =>
      shells.serve({ ...input, dockerHost: 'unix:///run/test.sock' }, channel),
    'terminal.resize': async ({ terminalId, columns, rows }) => {
      shells.resize(terminalId, columns, rows);
      return {};
    },
  };
  serveShell(shell, handlers as ShellHandlers, () => new AbortController());
  return createShellClient(window);
}

/** Collects output as it comes. */
function listen(channel: DuplexChannel<HeadOf<'terminal.open'>>) {
  const chunks: Uint8Array[] = [];
  const ended = (async () => {
    for await (const chunk of channel.readable) chunks.push(chunk);
  })();
  ended.catch(() => undefined);
  return { ended, text: () => Buffer.concat(chunks).toString() };
}

const size = { host: 'embedded', columns: 81, rows: 25 };
const type = (channel: DuplexChannel<unknown>, line: string) =>
  channel.write(new TextEncoder().encode(`${line}\n`));
const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0);
  } catch {
    return false;
  }
};

describe('terminal of this machine', () => {
  it('is a shell of the asked size with DOCKER_HOST set, and ends when the shell does', async () => {
    const client = connect();
    const channel = client.duplex('terminal.open', size);
    const { terminalId } = await channel.head;
    const output = listen(channel);
    await type(channel, 'echo "host=$DOCKER_HOST term=$TERM"; stty size');
    await expect.poll(output.text).toContain('host=unix:///run/test.sock term=xterm-256color');
    await expect.poll(output.text).toContain('25 81');
    await client.call('terminal.resize', { terminalId, columns: 100, rows: 30 });
    await type(channel, 'stty size');
    await expect.poll(output.text).toContain('30 100');
    await type(channel, 'exit');
    await output.ended;
    await expect(
      client.call('terminal.resize', { terminalId, columns: 80, rows: 24 }),
    ).rejects.toMatchObject({ code: 'notFound' });
  });

  it('hangs up when the window leaves', async () => {
    const channel = connect().duplex('terminal.open', size);
    await channel.head;
    const output = listen(channel);
    await type(channel, 'echo pid=$$=');
    await expect.poll(output.text).toMatch(/pid=\d+=/);
    const pid = Number(/pid=(\d+)=/.exec(output.text())?.[1]);
    expect(isAlive(pid)).toBe(true);
    channel.abort();
    await expect.poll(() => isAlive(pid), { timeout: 5000 }).toBe(false);
  });

  it('loses nothing of a flood that a slow window reads', async () => {
    const channel = connect().duplex('terminal.open', size);
    await channel.head;
    await type(channel, 'stty -echo -onlcr; echo; seq 1 400000; exit');
    await new Promise((resolve) => setTimeout(resolve, 500));
    const output = listen(channel);
    await output.ended;
    const numbers = output
      .text()
      .split('\n')
      .filter((line) => /^\d+$/.test(line));
    expect(numbers.length).toBe(400_000);
  });
});
