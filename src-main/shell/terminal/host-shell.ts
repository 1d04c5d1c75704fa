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

export class HostShells {
  readonly #terminals = new Map<string, IPty>();

  /** Runs a shell until it ends or the window leaves. */
  async serve(
    asked: HostShellRequest,
    channel: ServedDuplex<HeadOf<'terminal.open'>>,
  ): Promise<void> {
    const terminalId = randomUUID();
    const terminal = spawn(process.env['SHELL'] ?? '/bin/sh', [], {
      name: 'xterm-256color',
      cols: asked.columns,
      rows: asked.rows,
      cwd: homedir(),
      env: { ...process.env, DOCKER_HOST: asked.dockerHost },
      encoding: null,
    });
    this.#terminals.set(terminalId, terminal);
    channel.head({ terminalId });
    const ended = new Promise<void>((resolve) => terminal.onExit(() => resolve()));
    terminal.onData((data) => {
      // The pty waits while the window has no room.
      terminal.pause();
      void channel.write(Buffer.from(data)).then(() => terminal.resume());
    });
    channel.signal.addEventListener('abort', () => terminal.kill(), { once: true });
    void this.#forward(terminal, channel.input);
    await ended;
    this.#terminals.delete(terminalId);
  }

  async #forward(terminal: IPty, input: AsyncIterable<Uint8Array>): Promise<void> {
    try {
      for await (const bytes of input) terminal.write(Buffer.from(bytes));
    } catch {
      // The window left; its abort has ended the shell.
    }
  }

  resize(terminalId: string, columns: number, rows: number): void {
    const terminal = this.#terminals.get(terminalId);
    if (!terminal) throw notFound('this terminal has ended');
    terminal.resize(columns, rows);
  }
}
