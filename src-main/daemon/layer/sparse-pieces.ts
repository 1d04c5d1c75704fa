/** Where the bytes of a sparse entry belong, told as they arrive. */
import { checkedMap, type SparseFacts, TarFormatError } from './tar-fields.ts';

const BLOCK = 512;
/** A map is text in front of the content; no honest one is this long. */
const MAX_MAP_BYTES = 1024 * 1024;

export class SparsePieces {
  readonly #realSize: number;
  readonly #write: (bytes: Buffer, position: number) => void;
  #map: readonly number[] | undefined;
  /** The map so far, while it is still arriving. */
  #held = Buffer.alloc(0);
  #piece = 0;
  /** Bytes of the present piece that have come. */
  #done = 0;

  constructor(facts: SparseFacts, write: (bytes: Buffer, position: number) => void) {
    this.#realSize = facts.realSize;
    this.#map = facts.map;
    this.#write = write;
  }

  /** Throws TarFormatError for a map that is none, and for more bytes than it has room for. */
  push(bytes: Buffer): void {
    const content = this.#map ? bytes : this.#takeMap(bytes);
    let at = 0;
    while (at < content.length) {
      const map = this.#map ?? [];
      const offset = map[this.#piece];
      const length = map[this.#piece + 1];
      if (offset === undefined || length === undefined) throw new TarFormatError();
      const part = content.subarray(at, at + length - this.#done);
      if (part.length > 0) this.#write(part, offset + this.#done);
      at += part.length;
      this.#done += part.length;
      if (this.#done < length) continue;
      this.#piece += 2;
      this.#done = 0;
    }
  }

  /** Throws TarFormatError when pieces are missing. */
  finish(): void {
    const map = this.#map ?? [];
    const isEnded = map.slice(this.#piece).every((value, at) => at % 2 === 0 || value === 0);
    if (!this.#map || this.#done > 0 || !isEnded) throw new TarFormatError('unexpected EOF');
  }

  /** Decimal lines: how many pieces, then offset and length of each, padded to a block. Answers what follows. */
  #takeMap(bytes: Buffer): Buffer {
    this.#held = Buffer.concat([this.#held, bytes]);
    if (this.#held.length > MAX_MAP_BYTES)
      throw new TarFormatError('archive/tar: header field too long');
    const lines: number[] = [];
    let at = 0;
    while (lines.length === 0 || lines.length < 1 + 2 * (lines[0] ?? 0)) {
      const end = this.#held.indexOf(0x0a, at);
      if (end < 0) return Buffer.alloc(0);
      const line = this.#held.toString('latin1', at, end);
      if (!/^\d{1,16}$/.test(line)) throw new TarFormatError();
      lines.push(Number(line));
      at = end + 1;
    }
    const start = Math.ceil(at / BLOCK) * BLOCK;
    if (this.#held.length < start) return Buffer.alloc(0);
    this.#map = checkedMap(lines.slice(1), this.#realSize);
    const rest = this.#held.subarray(start);
    this.#held = Buffer.alloc(0);
    return rest;
  }
}
