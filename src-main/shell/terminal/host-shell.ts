/** A shell of this machine for the window, `DOCKER_HOST` set to the chosen host. */
import { randomUUID } from 'node:crypto';
import { homedir } from 'node:os';
import { type IPty, spawn } from 'node-pty';
import { notFound } from '../../../shared/errors.ts';
import type { HeadOf } from '../../../shared/shell/contract.ts';
import type { ServedDuplex } from '../../../shared/shell/server.ts';

export interface HostShellRequest {
  readonly columns: number;
  readonly rows: number;
  readonly dockerHost: string;
}

type Channel = ServedDuplex<HeadOf<'terminal.open'>>;

export class HostShells {
  readonly #terminals = new Map<string, IPty>();

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
