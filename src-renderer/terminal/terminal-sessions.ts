/** Terminals that live outside the pages: leaving a tab keeps the session and what it has shown. */
import { FitAddon } from '@xterm/addon-fit';
import { WebLinksAddon } from '@xterm/addon-web-links';
import { Terminal } from '@xterm/xterm';
import { errorMessage } from '../../shared/errors.ts';
import { type EngineClient, query, type RawConnection } from '../engine/engine-client.ts';

export type SessionKind = 'exec' | 'attach';

const DARK = { background: '#0b1520', foreground: '#d7e2ea', cursor: '#5ec4e0' };
/** The best shell the container has. */
const FIND_SHELL = 'if command -v bash >/dev/null 2>&1; then exec bash; else exec sh; fi';

export class TerminalSession {
  readonly terminal = new Terminal({
    fontSize: 13,
    fontFamily: 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace',
    scrollback: 10_000,
    cursorBlink: true,
    theme: DARK,
  });
  readonly #fit = new FitAddon();
  readonly #engine: EngineClient;
  readonly #containerId: string;
  readonly #kind: SessionKind;
  readonly #element = document.createElement('div');
  readonly #listeners = new Set<() => void>();
  #connection: RawConnection | undefined;
  #resizePath = '';
  isEnded = false;

  constructor(engine: EngineClient, containerId: string, kind: SessionKind) {
    this.#engine = engine;
    this.#containerId = containerId;
    this.#kind = kind;
    this.#element.className = 'terminal';
    this.terminal.loadAddon(this.#fit);
    this.terminal.loadAddon(new WebLinksAddon());
    this.terminal.open(this.#element);
    this.terminal.onData((text) => void this.#connection?.write(new TextEncoder().encode(text)));
    this.terminal.onResize(({ cols, rows }) => void this.#sendSize(cols, rows));
    void this.#run();
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Shows the terminal in a page; the answer takes it out again. */
  show(parent: HTMLElement): () => void {
    parent.append(this.#element);
    const observer = new ResizeObserver(() => this.#fit.fit());
    observer.observe(parent);
    this.#fit.fit();
    this.terminal.focus();
    return () => {
      observer.disconnect();
      this.#element.remove();
    };
  }

  async #run(): Promise<void> {
    try {
      const connection = this.#kind === 'exec' ? await this.#openExec() : await this.#openAttach();
      this.#connection = connection;
      await this.#sendSize(this.terminal.cols, this.terminal.rows);
      for await (const bytes of connection.readable) {
        // xterm has taken the bytes when it calls back: its speed governs the container's.
        await new Promise<void>((resolve) => this.terminal.write(bytes, resolve));
      }
      this.terminal.write('\r\n\x1b[90m[session ended]\x1b[0m\r\n');
    } catch (error) {
      this.terminal.write(`\r\n\x1b[31m${errorMessage(error)}\x1b[0m\r\n`);
    }
    this.isEnded = true;
    for (const listener of this.#listeners) listener();
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
