/**
 * Docker's frames around the output of a process without a terminal: 8 bytes `[stream,0,0,0,length BE32]`,
 * then the payload (moby pkg/stdcopy).
 */
export type FrameSource = 'stdin' | 'stdout' | 'stderr' | 'systemerr';

const SOURCES: readonly FrameSource[] = ['stdin', 'stdout', 'stderr', 'systemerr'];
const HEADER_BYTES = 8;

/** One frame. */
export function encodeFrame(source: FrameSource, payload: Uint8Array): Uint8Array {
  const frame = new Uint8Array(HEADER_BYTES + payload.length);
  frame[0] = SOURCES.indexOf(source);
  new DataView(frame.buffer).setUint32(4, payload.length);
  frame.set(payload, HEADER_BYTES);
  return frame;
}

export interface FramePiece {
  readonly source: FrameSource;
  readonly bytes: Uint8Array;
}

/** Takes frames out of chunks that are cut anywhere. Payloads are passed on in pieces, never collected. */
export class FrameParser {
  readonly #header = new Uint8Array(HEADER_BYTES);
  #headerLength = 0;
  #remaining = 0;
  #source: FrameSource = 'stdout';

  /** Pieces that became known with this chunk. Throws on a header no engine sends. */
  push(chunk: Uint8Array): FramePiece[] {
    const pieces: FramePiece[] = [];
    let at = 0;
    while (at < chunk.length) {
      if (this.#remaining === 0) {
        at = this.#takeHeader(chunk, at);
        continue;
      }
      const bytes = chunk.subarray(at, at + this.#remaining);
      pieces.push({ source: this.#source, bytes });
      this.#remaining -= bytes.length;
      at += bytes.length;
    }
    return pieces;
  }

  #takeHeader(chunk: Uint8Array, at: number): number {
    const part = chunk.subarray(at, at + HEADER_BYTES - this.#headerLength);
    this.#header.set(part, this.#headerLength);
    this.#headerLength += part.length;
    if (this.#headerLength === HEADER_BYTES) {
      const source = SOURCES[this.#header[0] ?? -1];
      if (source === undefined) throw new Error(`Unrecognized input header: ${this.#header[0]}`);
      this.#source = source;
      this.#remaining = new DataView(this.#header.buffer).getUint32(4);
      this.#headerLength = 0;
    }
    return at + part.length;
  }
}
