/** Work that several wait for: it runs once and stops when the last of them leaves. */
import type { ProgressMessage } from '../image/image-service.ts';

export type LineListener = (line: ProgressMessage) => void;

export interface SharedTaskContext {
  readonly signal: AbortSignal;
  readonly emit: LineListener;
}

/** A place at a shared task. Leaving twice is harmless. */
export interface Seat<T> {
  readonly result: Promise<T>;
  leave(): Promise<void>;
}

export class SharedTask<T> {
  readonly #listeners = new Map<symbol, LineListener>();
  readonly #abort = new AbortController();
  readonly #onEmpty: () => void;
  readonly #cleanUp: (result: T) => Promise<void>;
  readonly #result: Promise<T>;
  #lastLine: ProgressMessage | undefined;

  constructor(
    work: (context: SharedTaskContext) => Promise<T>,
    options: { onEmpty: () => void; cleanUp: (result: T) => Promise<void> },
  ) {
    this.#onEmpty = options.onEmpty;
    this.#cleanUp = options.cleanUp;
    // Deferred by a microtask, so that whoever starts the work already listens.
    this.#result = Promise.resolve().then(() =>
      work({
        signal: this.#abort.signal,
        emit: (line) => {
          this.#lastLine = line;
          for (const listener of this.#listeners.values()) listener(line);
        },
      }),
    );
    // Everyone gets the failure from `result`; nobody may be left when it comes.
    this.#result.catch(() => undefined);
  }

  /** Joins; a latecomer is told the latest line. */
  join(listener: LineListener = () => undefined): Seat<T> {
    const seat = Symbol();
    this.#listeners.set(seat, listener);
    if (this.#lastLine) listener(this.#lastLine);
    return {
      result: this.#result,
      leave: async () => {
        if (!this.#listeners.delete(seat) || this.#listeners.size > 0) return;
        this.#onEmpty();
        this.#abort.abort(new Error('download cancelled'));
        try {
          await this.#cleanUp(await this.#result);
        } catch {
          // The work failed or was stopped: there is nothing to clean up, and nobody waits for it.
        }
      },
    };
  }
}
