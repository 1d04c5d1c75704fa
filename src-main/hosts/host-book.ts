/** The hosts a window can choose from, with the truth about each. */
import { notFound } from '../../shared/errors.ts';
import type { HostRow } from '../../shared/shell/contract.ts';
import { type HostStatus, watchHost } from './host-watch.ts';

export interface HostEntry {
  readonly id: string;
  readonly name: string;
  readonly kind: HostRow['kind'];
  readonly socketPath: string;
}

/** Watches its hosts from the start until it is disposed. */
export class HostBook implements Disposable {
  readonly #entries: readonly HostEntry[];
  readonly #status = new Map<string, HostStatus>();
  readonly #watches = new Map<string, AbortController>();
  readonly #listeners = new Set<() => void>();
  #version = 0;

  constructor(entries: readonly HostEntry[]) {
    this.#entries = entries;
    for (const { id, socketPath } of entries) {
      const stop = new AbortController();
      this.#status.set(id, { state: 'connecting' });
      this.#watches.set(id, stop);
      void watchHost(socketPath, (status) => this.#set(id, status), stop.signal);
    }
  }

  /** Throws notFound for an id that no row has. */
  find(id: string): HostEntry {
    const entry = this.#entries.find((one) => one.id === id);
    if (!entry) throw notFound(`no host ${id}`);
    return entry;
  }

  list(): HostRow[] {
    return this.#entries.map(({ id, name, kind, socketPath }) => ({
      id,
      name,
      kind,
      dockerHost: `unix://${socketPath}`,
      status: this.#status.get(id) ?? { state: 'connecting' },
    }));
  }

  /** Marks a host that will not come up, with the true reason, and stops watching it. */
  refuse(id: string, reason: string): void {
    this.#watches.get(id)?.abort();
    this.#set(id, { state: 'refused', reason });
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

  #set(id: string, status: HostStatus): void {
    const before = this.#status.get(id);
    if (before?.state === status.state && before.reason === status.reason) return;
    this.#status.set(id, status);
    this.#version += 1;
    for (const listener of [...this.#listeners]) listener();
  }

  [Symbol.dispose](): void {
    for (const watch of this.#watches.values()) watch.abort();
  }
}
