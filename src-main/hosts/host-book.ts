/** The hosts a window can choose from, with the truth about each, kept current by a cheap ping. */
import { request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { notFound } from '../../shared/errors.ts';
import type { HostRow } from '../../shared/shell/contract.ts';

const PING_MS = 5_000;
const RETRY_MS = 1_000;

export interface HostEntry {
  readonly id: string;
  readonly name: string;
  readonly kind: HostRow['kind'];
  readonly socketPath: string;
}

function ping(socketPath: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const outgoing = request({ socketPath, path: '/_ping', timeout: PING_MS }, (response) => {
      response.resume();
      resolve(
        response.statusCode === 200 ? undefined : `the engine answered ${response.statusCode}`,
      );
    });
    outgoing.on('timeout', () => outgoing.destroy(new Error('no answer in 5 s')));
    outgoing.on('error', (error) => resolve(error.message));
    outgoing.end();
  });
}

export class HostBook implements Disposable {
  readonly #entries: readonly HostEntry[];
  readonly #status = new Map<string, HostRow['status']>();
  readonly #listeners = new Set<() => void>();
  readonly #stop = new AbortController();

  constructor(entries: readonly HostEntry[]) {
    this.#entries = entries;
    for (const entry of entries) {
      this.#status.set(entry.id, { state: 'connecting' });
      void this.#watch(entry);
    }
  }

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

  /** The list now and after every change, until the signal. */
  async *watch(signal: AbortSignal): AsyncGenerator<HostRow[]> {
    let wake: () => void = () => undefined;
    const onChange = (): void => wake();
    this.#listeners.add(onChange);
    signal.addEventListener('abort', onChange, { once: true });
    try {
      while (!signal.aborted) {
        yield this.list();
        await new Promise<void>((resolve) => {
          wake = resolve;
          if (signal.aborted) resolve();
        });
      }
    } finally {
      this.#listeners.delete(onChange);
    }
  }

  async #watch(entry: HostEntry): Promise<void> {
    const { signal } = this.#stop;
    while (!signal.aborted) {
      const problem = await ping(entry.socketPath);
      this.#set(
        entry.id,
        problem === undefined ? { state: 'up' } : { state: 'lost', reason: problem },
      );
      try {
        await delay(problem === undefined ? PING_MS : RETRY_MS, undefined, { signal, ref: false });
      } catch {
        // Disposed.
        return;
      }
    }
  }

  #set(id: string, status: HostRow['status']): void {
    const before = this.#status.get(id);
    if (before?.state === status.state && before.reason === status.reason) return;
    this.#status.set(id, status);
    for (const listener of [...this.#listeners]) listener();
  }

  [Symbol.dispose](): void {
    this.#stop.abort();
  }
}
