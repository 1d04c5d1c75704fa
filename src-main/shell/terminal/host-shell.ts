/** Shells for the window: of this machine, `DOCKER_HOST` set to the chosen host, or of the host itself. */
import { randomUUID } from 'node:crypto';
import { homedir } from 'node:os';
import { type IPty, spawn } from 'node-pty';
import type { ClientChannel } from 'ssh2';
import { notFound } from '../../../shared/errors.ts';
import type { HeadOf } from '../../../shared/shell/contract.ts';
import type { ServedDuplex } from '../../../shared/shell/server.ts';
import type { SshHost } from '../../hosts/ssh/ssh-host.ts';

export interface TerminalSize {
  readonly columns: number;
  readonly rows: number;
}

export interface HostShellRequest extends TerminalSize {
  readonly dockerHost: string;
}

type Channel = ServedDuplex<HeadOf<'terminal.open'>>;

export class HostShells {
  readonly #terminals = new Map<string, { resize(columns: number, rows: number): void }>();

  /** Runs a shell until it ends or the window leaves. */
  async serve(asked: HostShellRequest, channel: Channel): Promise<void> {
    const terminalId = randomUUID();
    const terminal = spawn(process.env['SHELL'] || '/bin/sh', [], {
      name: 'xterm-256color',
      cols: asked.columns,
      rows: asked.rows,
      cwd: homedir(),
      env: { ...process.env, DOCKER_HOST: asked.dockerHost },
      encoding: null,
    });
    this.#terminals.set(terminalId, terminal);
    const hangUp = (): void => terminal.kill('SIGHUP');
    channel.signal.addEventListener('abort', hangUp, { once: true });
    try {
      channel.head({ terminalId });
      const output = sendOutput(terminal, channel);
      void typeInput(terminal, channel);
      await new Promise<void>((resolve) => terminal.onExit(() => resolve()));
      await output.sent();
    } finally {
      channel.signal.removeEventListener('abort', hangUp);
      this.#terminals.delete(terminalId);
    }
  }

  /** Runs the log-in shell of an SSH host until it ends or the window leaves. */
  async serveRemote(asked: TerminalSize, host: SshHost, channel: Channel): Promise<void> {
    const terminalId = randomUUID();
    const { columns: cols, rows } = asked;
    const remote = await host.shell({ term: 'xterm-256color', cols, rows, width: 0, height: 0 });
    this.#terminals.set(terminalId, {
      resize: (columns, lines) => remote.setWindow(lines, columns, 0, 0),
    });
    const hangUp = (): void => void remote.destroy();
    channel.signal.addEventListener('abort', hangUp, { once: true });
    try {
      channel.head({ terminalId });
      void typeRemote(remote, channel);
      for await (const bytes of remote as AsyncIterable<Buffer>) await channel.write(bytes);
    } finally {
      channel.signal.removeEventListener('abort', hangUp);
      this.#terminals.delete(terminalId);
      remote.destroy();
    }
  }

  /** Throws notFound when the shell has ended. */
  resize(terminalId: string, columns: number, rows: number): void {
    const terminal = this.#terminals.get(terminalId);
    if (!terminal) throw notFound('this terminal has ended');
    terminal.resize(columns, rows);
  }
}

/** Passes output on; the shell waits while the window has no room. */
function sendOutput(terminal: IPty, channel: Channel): { sent(): Promise<void> } {
  let sent = Promise.resolve();
  terminal.onData((data) => {
    terminal.pause();
    sent = sent
      .then(() => channel.write(Buffer.from(data)))
      // The window left: the shell is being hung up, and what it still says is for nobody.
      .catch(() => undefined)
      .then(() => terminal.resume());
  });
  return { sent: () => sent };
}

async function typeInput(terminal: IPty, channel: Channel): Promise<void> {
  try {
    for await (const bytes of channel.input) terminal.write(Buffer.from(bytes));
  } catch {
    // The window left; its abort has ended the shell.
  }
}

async function typeRemote(remote: ClientChannel, channel: Channel): Promise<void> {
  try {
    for await (const bytes of channel.input)
      if (!remote.write(Buffer.from(bytes)))
        await new Promise((resolve) => remote.once('drain', resolve).once('close', resolve));
    remote.end();
  } catch {
    // The window left; its abort has ended the shell.
  }
}
