/** One direction of an operation: what may be sent before the other side has consumed, and a queue with its consumer. */

/** Bytes of a duplex, or items of a stream, on their way. */
export const WINDOW = { bytes: 1024 * 1024, items: 64 } as const;

/** The sending half: waits for room. */
export class SendWindow {
  #room: number;
  #wake: (() => void) | undefined;
  #isClosed = false;

  constructor(size: number) {
    this.#room = size;
  }

  /** Resolves true when there is room, after taking it; false when the operation is over. */
  async take(amount: number): Promise<boolean> {
    while (this.#room <= 0 && !this.#isClosed) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#room -= amount;
    return !this.#isClosed;
  }

  credit(amount: number): void {
    this.#room += amount;
    this.#wake?.();
  }

  close(): void {
    this.#isClosed = true;
    this.#wake?.();
  }
}

/** The receiving half: an async iterable that tells how much was consumed. */
export class ReceiveQueue<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  readonly #onConsumed: (item: T) => void;
  #end: { readonly error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(onConsumed: (item: T) => void) {
    this.#onConsumed = onConsumed;
  }

  push(item: T): void {
    this.#items.push(item);
    this.#wake?.();
  }

  /** No more items; with an error, the iteration throws it after the last one. */
  finish(error?: unknown): void {
    this.#end ??= error === undefined ? {} : { error };
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      const item = this.#items.shift();
      if (item !== undefined) {
        yield item;
        this.#onConsumed(item);
        continue;
      }
      if (this.#end) {
        if ('error' in this.#end) throw this.#end.error;
        return;
      }
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }
}
