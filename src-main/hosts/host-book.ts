/** The hosts a window can choose from, with the truth about each. */
import { conflict, notFound } from '../../shared/errors.ts';
import type { HostRow } from '../../shared/shell/contract.ts';
import type { EngineDialer } from './engine-dialer.ts';
import { type HostStatus, watchHost } from './host-watch.ts';

export interface Host {
  readonly id: string;
  readonly name: string;
  readonly kind: HostRow['kind'];
  readonly dialer: EngineDialer;
  /** Whether a person added it. */
  readonly isOwn?: boolean;
}

const FAR_KINDS = new Set<HostRow['kind']>(['ssh', 'tcp', 'context']);

interface Row {
  readonly host: Host;
  readonly stop: AbortController;
  status: HostStatus;
  /** Wakes a watch that waits after a failure. */
  wake: () => void;
}

/** Watches its hosts from the start until it is disposed; it owns their dialers. */
export class HostBook implements Disposable {
  readonly #rows = new Map<string, Row>();
  readonly #listeners = new Set<() => void>();
  readonly #isAsking: (id: string) => boolean;
  #version = 0;

  /** `isAsking` tells whether a question of a host waits for a person. */
  constructor(hosts: readonly Host[], isAsking: (id: string) => boolean = () => false) {
    this.#isAsking = isAsking;
    for (const host of hosts) this.add(host);
  }

  /** Throws conflict when the id or the name is taken. */
  add(host: Host): HostRow {
    const isTaken = [...this.#rows.values()].some(
      (row) => row.host.id === host.id || row.host.name === host.name,
    );
    if (isTaken) throw conflict(`there is a host named ${host.name} already`);
    const stop = new AbortController();
    const row: Row = { host, stop, status: { state: 'connecting' }, wake: () => undefined };
    this.#rows.set(host.id, row);
    this.#tell();
    void watchHost(host.dialer, (status) => this.#set(row, status), stop.signal, {
      isFar: FAR_KINDS.has(host.kind),
      untilWanted: () =>
        new Promise((resolve) => {
          row.wake = resolve;
          stop.signal.addEventListener('abort', () => resolve(), { once: true });
        }),
    });
    return this.#describe(row);
  }

  /** Hangs up and forgets it. Throws notFound. */
  remove(id: string): void {
    const row = this.#row(id);
    this.#rows.delete(id);
    row.stop.abort();
    row.host.dialer[Symbol.dispose]();
    this.#tell();
  }

  /** Tries to reach a host again now. Throws notFound. */
  retry(id: string): void {
    const row = this.#row(id);
    if (row.status.state === 'lost' || row.status.state === 'refused')
      this.#set(row, { state: 'connecting' });
    row.wake();
  }

  /** Throws notFound for an id that no row has. */
  find(id: string): Host {
    return this.#row(id).host;
  }

  list(): HostRow[] {
    return [...this.#rows.values()].map((row) => this.#describe(row));
  }

  /** Marks a host that will not come up, with the true reason, and stops watching it. */
  refuse(id: string, reason: string): void {
    const row = this.#row(id);
    row.stop.abort();
    this.#set(row, { state: 'refused', reason });
  }

  /** Tells the watchers that something beside the book, such as a question, has changed what it shows. */
  refresh(): void {
    this.#tell();
  }

  /** The list now and after every change, until the signal. A slow reader sees the newest, not each. */
  async *watch(signal: AbortSignal): AsyncGenerator<HostRow[]> {
    let wake: () => void = () => undefined;
    const onChange = (): void => wake();
    this.#listeners.add(onChange);
    signal.addEventListener('abort', onChange, { once: true });
    try {
      while (!signal.aborted) {
        const told = this.#version;
        yield this.list();
        if (told !== this.#version || signal.aborted) continue;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
    } finally {
      this.#listeners.delete(onChange);
      signal.removeEventListener('abort', onChange);
    }
  }

  #row(id: string): Row {
    const row = this.#rows.get(id);
    if (!row) throw notFound(`no host ${id}`);
    return row;
  }

  #describe({ host, status }: Row): HostRow {
    const { id, name, kind, dialer, isOwn = false } = host;
    const isUp = status.state === 'up' || status.state === 'slow';
    return {
      id,
      name,
      kind,
      dockerHost: dialer.dockerHost,
      isOwn,
      status: !isUp && this.#isAsking(id) ? { state: 'asking' } : status,
    };
  }

  #set(row: Row, status: HostStatus): void {
    if (JSON.stringify(row.status) === JSON.stringify(status)) return;
    row.status = status;
    this.#tell();
  }

  #tell(): void {
    this.#version += 1;
    for (const listener of [...this.#listeners]) listener();
  }

  [Symbol.dispose](): void {
    for (const { stop, host } of this.#rows.values()) {
      stop.abort();
      host.dialer[Symbol.dispose]();
    }
  }
}
