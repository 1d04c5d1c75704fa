/** One direction of an operation: what may be sent before the other side has consumed, and a queue with its consumer. */

/** Bytes of a duplex, or items of a stream, that may be on their way unconsumed. */
export const WINDOW = { bytes: 1024 * 1024, items: 64 } as const;

/** Larger chunks are cut, so that a window is overrun by at most one of these. */
const MAX_CHUNK_BYTES = 256 * 1024;

/** Consumption is reported in parts of a window: fewer frames, and the sender never runs dry. */
const CREDIT_PARTS = 4;

/** The sending half: grants room in the order it was asked for. */
export class SendWindow {
  #room: number;
  #isClosed = false;
  readonly #waiters: { readonly amount: number; readonly resolve: (isOpen: boolean) => void }[] =
    [];

  constructor(size: number) {
    this.#room = size;
  }

  /** Resolves true when there is room, after taking it; false when the operation is over. */
  take(amount: number): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    return new Promise((resolve) => {
      this.#waiters.push({ amount, resolve });
      this.#grant();
    });
  }

  credit(amount: number): void {
    this.#room += amount;
    this.#grant();
  }

  close(): void {
    this.#isClosed = true;
    for (const { resolve } of this.#waiters.splice(0)) resolve(false);
  }

  #grant(): void {
    while (this.#room > 0) {
      const next = this.#waiters.shift();
      if (!next) return;
      this.#room -= next.amount;
      next.resolve(true);
    }
  }
}

/** Sends a chunk in pieces, each when there is room. False when the operation ended before all was sent. */
export async function sendChunk(
  window: SendWindow,
  chunk: Uint8Array,
  post: (piece: Uint8Array) => void,
): Promise<boolean> {
  // Asked for all at once: pieces of two chunks written at the same time must not mix.
  const grants: Promise<void>[] = [];
  let isWhole = true;
  for (let at = 0; at < chunk.length; at += MAX_CHUNK_BYTES) {
    const piece = chunk.subarray(at, at + MAX_CHUNK_BYTES);
    grants.push(
      window.take(piece.length).then((isOpen) => {
        if (isOpen) post(piece);
        else isWhole = false;
      }),
    );
  }
  await Promise.all(grants);
  return isWhole;
}

export interface ReceiveQueueOptions<T> {
  /** The window granted to the sender, in the unit of `sizeOf`. */
  readonly window: number;
  sizeOf(item: T): number;
  /** Tells the sender what was consumed since the last time. */
  credit(amount: number): void;
}

/** The receiving half: an async iterable that reports what was consumed, so that its reader sets the pace. */
export class ReceiveQueue<T> implements AsyncIterable<T> {
  readonly #items: T[] = [];
  readonly #options: ReceiveQueueOptions<T>;
  #queued = 0;
  #consumed = 0;
  #end: { readonly error?: unknown } | undefined;
  #wake: (() => void) | undefined;

  constructor(options: ReceiveQueueOptions<T>) {
    this.#options = options;
  }

  /** False when the sender does not keep to its window; the item is not taken then. */
  push(item: T): boolean {
    if (this.#end) return true;
    if (this.#queued > this.#options.window) return false;
    this.#queued += this.#options.sizeOf(item);
    this.#items.push(item);
    this.#wake?.();
    return true;
  }

  /** No more items; with an error, the iteration throws it after the last one. */
  finish(error?: unknown): void {
    this.#end ??= error === undefined ? {} : { error };
    this.#wake?.();
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<T> {
    for (;;) {
      while (this.#items.length > 0) {
        const item = this.#items.shift() as T;
        yield item;
        this.#release(this.#options.sizeOf(item));
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

  #release(amount: number): void {
    this.#queued -= amount;
    this.#consumed += amount;
    if (this.#end || this.#consumed < this.#options.window / CREDIT_PARTS) return;
    this.#options.credit(this.#consumed);
    this.#consumed = 0;
  }
}
