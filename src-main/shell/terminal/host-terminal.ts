/** Shells of this machine, `DOCKER_HOST` set to the chosen host, and log-in shells of SSH hosts. */
import { homedir } from 'node:os';
import { spawn } from 'node-pty';
import { writeWhenRoom } from '../../hosts/engine-gateway.ts';
import type { SshHost } from '../../hosts/ssh/ssh-host.ts';
import type { TerminalProcess, TerminalSize } from './terminal-process.ts';

const TERM = 'xterm-256color';

/** Starts the user's shell. */
export function openLocalShell(
  dockerHost: string,
  { columns, rows }: TerminalSize,
): TerminalProcess {
  const terminal = spawn(process.env['SHELL'] || '/bin/sh', [], {
    name: TERM,
    cols: columns,
    rows,
    cwd: homedir(),
    env: { ...process.env, DOCKER_HOST: dockerHost },
    encoding: null,
  });
  return {
    run: async (take) => {
      let taken = Promise.resolve();
      let failure: unknown;
      terminal.onData((data) => {
        terminal.pause();
        taken = taken
          .then(() => take(Buffer.from(data)))
          .catch((error: unknown) => {
            failure ??= error;
          })
          .then(() => terminal.resume());
      });
      const { exitCode } = await new Promise<{ exitCode: number }>((resolve) =>
        terminal.onExit(resolve),
      );
      await taken;
      if (failure !== undefined) throw failure;
      return { code: exitCode };
    },
    write: async (bytes) => terminal.write(Buffer.from(bytes)),
    resize: async (size) => {
      try {
        terminal.resize(size.columns, size.rows);
      } catch {
        // It has ended.
      }
    },
    end: async () => terminal.kill('SIGHUP'),
  };
}

/** Opens the log-in shell of an SSH host. */
export async function openRemoteShell(
  host: SshHost,
  { columns, rows }: TerminalSize,
): Promise<TerminalProcess> {
  const remote = await host.shell({ term: TERM, cols: columns, rows, width: 0, height: 0 });
  let code: number | undefined;
  remote.on('exit', (status: number | null) => {
    code = status ?? undefined;
  });
  return {
    run: async (take) => {
      try {
        for await (const bytes of remote as AsyncIterable<Buffer>) await take(bytes);
        return { code };
      } finally {
        remote.destroy();
      }
    },
    write: (bytes) => writeWhenRoom(remote, bytes),
    resize: async (size) => {
      if (!remote.destroyed) remote.setWindow(size.rows, size.columns, 0, 0);
    },
    end: async () => void remote.destroy(),
  };
}
