/** Cuts a stream into log messages: a line each, lines over 16 KiB in parts (moby daemon/logger/copier.go). */
import { randomBytes } from 'node:crypto';
import type { LinePart, LogMessage } from './log-driver.ts';

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
  /** Of the line that is cut, once a part of it is out. */
  #cut: { readonly part: LinePart; readonly timeNano: bigint } | undefined;

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
      if (isTooLong) messages.push(this.#take(timeNano, 'part'));
      else if (newline >= 0) messages.push(this.#take(timeNano, 'end'));
    }
    return messages;
  }

  /** What has no newline at the end of the stream. */
  flush(): LogMessage[] {
    return this.#heldBytes === 0 ? [] : [this.#take(nowNano(), 'part')];
  }

  #hold(bytes: Uint8Array): void {
    // The chunk's memory is the stream's; what is kept beyond this call is copied by #take.
    this.#held.push(bytes);
    this.#heldBytes += bytes.length;
  }

  /** `end`: what is held has the line's newline. */
  #take(now: bigint, what: 'part' | 'end'): LogMessage {
    const message = { line: Buffer.concat(this.#held), source: this.#source, timeNano: now };
    this.#held = [];
    this.#heldBytes = 0;
    const before = this.#cut;
    if (!before && what === 'end') return message;
    const timeNano = before?.timeNano ?? now;
    const part = {
      id: before?.part.id ?? randomBytes(32).toString('hex'),
      ordinal: (before?.part.ordinal ?? 0) + 1,
      last: what === 'end',
    };
    this.#cut = part.last ? undefined : { part, timeNano };
    return { ...message, timeNano, part };
  }
}
