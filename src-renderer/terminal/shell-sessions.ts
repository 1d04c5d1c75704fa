/** Shells of hosts that live outside the pages: leaving a page keeps the shell and what it has shown. */
import type { DuplexChannel, HeadOf, ShellClient } from '../../shared/shell/contract.ts';
import { TerminalView } from './terminal-view.ts';

/** On the host itself, or on this machine with DOCKER_HOST set to it. */
export type ShellPlace = 'here' | 'there';

type Channel = DuplexChannel<HeadOf<'terminal.open'>>;

class ShellSession extends TerminalView {
  readonly #channel: Channel;

  constructor(shell: ShellClient, host: string, where: ShellPlace) {
    super();
    const { cols: columns, rows } = this.terminal;
    const channel = shell.duplex('terminal.open', { host, where, columns, rows });
    this.#channel = channel;
    this.terminal.onData((text) => void channel.write(new TextEncoder().encode(text)));
    const resize = async (): Promise<void> => {
      try {
        const { terminalId } = await channel.head;
        const size = { columns: this.terminal.cols, rows: this.terminal.rows };
        await shell.call('terminal.resize', { terminalId, ...size });
      } catch {
        // It ended meanwhile, or never began; the stream says so.
      }
    };
    this.terminal.onResize(() => void resize());
    void this.run(async () => {
      await channel.head;
      void resize();
      return channel.readable;
    });
  }

  close(): void {
    this.#channel.abort();
    this.terminal.dispose();
  }
}

const sessions = new Map<string, ShellSession>();

/** The shell of a host, begun when there is none. */
export function openShell(shell: ShellClient, host: string, where: ShellPlace): ShellSession {
  const key = `${host}/${where}`;
  const session = sessions.get(key) ?? new ShellSession(shell, host, where);
  sessions.set(key, session);
  return session;
}

/** Ends a shell, so that the next one is new. */
export function dropShell(host: string, where: ShellPlace): void {
  const key = `${host}/${where}`;
  sessions.get(key)?.close();
  sessions.delete(key);
}
