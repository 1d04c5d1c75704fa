/** The terminals of this app. They belong to no window: a page, a tab or a whole window may be left and come back. */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { conflict, notFound } from '../../../shared/errors.ts';
import type { TerminalRow, TerminalTarget } from '../../../shared/shell/contract.ts';
import type { ServedDuplex } from '../../../shared/shell/server.ts';
import type { HostDesk } from '../../hosts/host-desk.ts';
import { openAttach, openExec } from './container-terminal.ts';
import { openLocalShell, openRemoteShell } from './host-terminal.ts';
import type { TerminalProcess, TerminalSize } from './terminal-process.ts';
import { TerminalSession } from './terminal-session.ts';

/** With what each may keep, a bound on memory. */
const MOST_TERMINALS = 64;
const HANG_UP_MS = 3_000;

interface Row {
  readonly target: TerminalTarget;
  readonly session: TerminalSession;
}

export class TerminalDesk implements AsyncDisposable {
  readonly #desk: HostDesk;
  readonly #rows = new Map<string, Row>();
  readonly #listeners = new Set<() => void>();

  constructor(desk: HostDesk) {
    this.#desk = desk;
  }

  /** Begins one and answers its id. Throws the engine's or the host's refusal, conflict when there are too many. */
  async begin(target: TerminalTarget, size: TerminalSize): Promise<string> {
    if (this.#rows.size >= MOST_TERMINALS)
      throw conflict(`there are ${MOST_TERMINALS} terminals already; close one first`);
    const process = await this.#open(target, size);
    const id = randomUUID();
    this.#rows.set(id, { target, session: new TerminalSession(process, () => this.#tell()) });
    await process.resize(size);
    this.#tell();
    return id;
  }

  /** Throws notFound. */
  show(id: string, channel: ServedDuplex<Record<string, never>>): Promise<void> {
    return this.#row(id).session.show(channel);
  }

  /** Throws notFound. */
  resize(id: string, size: TerminalSize): Promise<void> {
    return this.#row(id).session.resize(size);
  }

  /** Hangs up and forgets it. One that is gone already is no failure. */
  async end(id: string): Promise<void> {
    const row = this.#rows.get(id);
    this.#rows.delete(id);
    this.#tell();
    await row?.session.end();
  }

  list(): TerminalRow[] {
    return [...this.#rows].map(([id, { target, session }]) => ({
      id,
      target,
      ...(session.ending !== undefined && { ending: session.ending }),
    }));
  }

  /** The list now and after every change, until the signal. */
  async *watch(signal: AbortSignal): AsyncGenerator<TerminalRow[]> {
    let changed = Promise.withResolvers<void>();
    const onChange = (): void => changed.resolve();
    this.#listeners.add(onChange);
    signal.addEventListener('abort', onChange, { once: true });
    try {
      while (!signal.aborted) {
        changed = Promise.withResolvers<void>();
        yield this.list();
        await changed.promise;
      }
    } finally {
      this.#listeners.delete(onChange);
      signal.removeEventListener('abort', onChange);
    }
  }

  /** Hangs up on every one; an engine that does not answer is not waited for long. */
  async [Symbol.asyncDispose](): Promise<void> {
    const ended = Promise.all([...this.#rows.keys()].map((id) => this.end(id)));
    await Promise.race([ended, delay(HANG_UP_MS, undefined, { ref: false })]);
  }

  #open(target: TerminalTarget, size: TerminalSize): Promise<TerminalProcess> {
    const host = this.#desk.book.find(target.host);
    switch (target.kind) {
      case 'exec':
        return openExec(host, target, size);
      case 'attach':
        return openAttach(host, target.container);
      case 'here':
        return Promise.resolve(openLocalShell(host.dialer.dockerHost, size));
      case 'there':
        return openRemoteShell(this.#desk.sshOf(target.host), size);
    }
  }

  #row(id: string): Row {
    const row = this.#rows.get(id);
    if (!row) throw notFound('this terminal has ended');
    return row;
  }

  #tell(): void {
    for (const listener of [...this.#listeners]) listener();
  }
}
