/** Cuts a stream into log messages: a line each, lines over 16 KiB in parts (moby daemon/logger/copier.go). */
import type { LogMessage } from './log-driver.ts';

const MAX_LINE_BYTES = 16 * 1024;
const NEWLINE = 10;

/** Nanoseconds since the epoch. */
function nowNano(): bigint {
  return BigInt(Math.round((performance.timeOrigin + performance.now()) * 1e3)) * 1000n;
}

export class LineSplitter {
  readonly #source: LogMessage['source'];
  #held: Uint8Array[] = [];
  #heldBytes = 0;

  constructor(source: LogMessage['source']) {
    this.#source = source;
  }

  /** Messages that are complete with this chunk. */
  push(chunk: Uint8Array): LogMessage[] {
    const messages: LogMessage[] = [];
    const timeNano = nowNano();
    let start = 0;
    while (start < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, start);
      const end = newline < 0 ? chunk.length : newline + 1;
      const room = MAX_LINE_BYTES - this.#heldBytes;
      const isTooLong = (newline < 0 ? end : newline) - start >= room;
      const cut = isTooLong ? start + room : end;
      this.#hold(chunk.subarray(start, cut));
      start = cut;
      if (isTooLong) messages.push(this.#take(timeNano, true));
      else if (newline >= 0) messages.push(this.#take(timeNano, false));
    }
    return messages;
  }

  /** What has no newline at the end of the stream. */
  flush(): LogMessage[] {
    return this.#heldBytes === 0 ? [] : [this.#take(nowNano(), false)];
  }

  #hold(bytes: Uint8Array): void {
    // The chunk's memory is the stream's; what is kept beyond this call is copied by #take.
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
  }

  #take(timeNano: bigint, partial: boolean): LogMessage {
    const line = Buffer.concat(this.#held);
    this.#held = [];
    this.#heldBytes = 0;
    return { line, source: this.#source, timeNano, partial };
  }
}
