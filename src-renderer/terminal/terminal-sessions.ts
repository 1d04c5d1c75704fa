/** Terminals that live outside the pages: leaving a tab keeps the session and what it has shown. */
import { type EngineClient, query, type RawConnection } from '../engine/engine-client.ts';
import { TerminalView } from './terminal-view.ts';

export type SessionKind = 'exec' | 'attach';

/** The best shell the container has. */
const FIND_SHELL = 'if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi';

export class TerminalSession extends TerminalView {
  readonly #engine: EngineClient;
  readonly #containerId: string;
  #connection: RawConnection | undefined;
  #resizePath = '';

  constructor(engine: EngineClient, containerId: string, kind: SessionKind) {
    super();
    this.#engine = engine;
    this.#containerId = containerId;
    this.terminal.onData((text) => void this.#connection?.write(new TextEncoder().encode(text)));
    this.terminal.onResize(({ cols, rows }) => void this.#sendSize(cols, rows));
    void this.run(async () => {
      this.#connection = kind === 'exec' ? await this.#openExec() : await this.#openAttach();
      await this.#sendSize(this.terminal.cols, this.terminal.rows);
      return this.#connection.readable;
    });
  }

  async #openExec(): Promise<RawConnection> {
    const { Id } = await this.#engine.json<{ Id: string }>(
      'POST',
      `/containers/${this.#containerId}/exec`,
      {
        AttachStdin: true,
        AttachStdout: true,
        AttachStderr: true,
        Tty: true,
        Env: ['TERM=xterm-256color'],
        Cmd: ['/bin/sh', '-c', FIND_SHELL],
      },
    );
    this.#resizePath = `/exec/${Id}/resize`;
    return this.#engine.hijack(`/exec/${Id}/start`, { Detach: false, Tty: true });
  }

  async #openAttach(): Promise<RawConnection> {
    this.#resizePath = `/containers/${this.#containerId}/resize`;
    const options = query({ stream: 1, stdin: 1, stdout: 1, stderr: 1, logs: 1 });
    return this.#engine.hijack(`/containers/${this.#containerId}/attach${options}`);
  }

  async #sendSize(columns: number, rows: number): Promise<void> {
    if (!this.#connection || this.isEnded) return;
    try {
      await this.#engine.post(`${this.#resizePath}${query({ h: rows, w: columns })}`);
    } catch {
      // It ended meanwhile; the stream says so.
    }
  }

  close(): void {
    this.#connection?.close();
    this.terminal.dispose();
  }
}

const sessions = new Map<string, TerminalSession>();

/** The session of a container, begun when there is none. */
export function openSession(
  engine: EngineClient,
  containerId: string,
  kind: SessionKind,
): TerminalSession {
  const key = `${engine.host}/${containerId}/${kind}`;
  const session = sessions.get(key) ?? new TerminalSession(engine, containerId, kind);
  sessions.set(key, session);
  return session;
}

/** Ends a session, so that the next one is new. */
export function dropSession(engine: EngineClient, containerId: string, kind: SessionKind): void {
  const key = `${engine.host}/${containerId}/${kind}`;
  sessions.get(key)?.close();
  sessions.delete(key);
}
