/**
 * An answer that is held back until somebody has agreed to it. One that is flushed on the way, or grows over
 * the limit, goes out at once: a stream cannot wait for its end (moby pkg/authorization/response.go).
 */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { shownHeaders } from './shown-headers.ts';

/** moby's maxBufferSize */
const MAX_HELD_BYTES = 64 * 1024;
const HELD_METHODS = ['writeHead', 'write', 'end', 'flushHeaders'] as const;

export interface HeldAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
}

type Bytes = string | Uint8Array | undefined;

/** Stands before a response's own methods while it holds. */
export class HeldResponse {
  readonly #response: ServerResponse;
  #parts: Buffer[] = [];
  #size = 0;
  #hasEnded = false;
  #isHeld = true;

  constructor(response: ServerResponse) {
    this.#response = response;
    Object.assign(response, {
      writeHead: (status: number, headers: OutgoingHttpHeaders = {}) => {
        response.statusCode = status;
        for (const [name, value] of Object.entries(headers))
          if (value !== undefined) response.setHeader(name, value);
        return response;
      },
      write: (bytes: Bytes) => {
        this.#keep(bytes);
        return true;
      },
      end: (bytes?: Bytes) => {
        this.#hasEnded = true;
        this.#keep(bytes);
        return response;
      },
      flushHeaders: () => {
        this.release();
        response.flushHeaders();
      },
    });
  }

  #keep(bytes: Bytes): void {
    if (bytes !== undefined) {
      this.#parts.push(Buffer.from(bytes as Uint8Array));
      this.#size += this.#parts.at(-1)?.length ?? 0;
    }
    if (this.#size > MAX_HELD_BYTES) this.release();
  }

  /** What would be sent; undefined when it is on its way, or the connection was taken over. */
  answer(): HeldAnswer | undefined {
    if (!this.#isHeld || !this.#hasEnded) return undefined;
    const { statusCode: status } = this.#response;
    const headers = shownHeaders(this.#response.getHeaders());
    return { status, headers, bytes: Buffer.concat(this.#parts) };
  }

  /** Forgets what was to be sent. */
  drop(): void {
    if (!this.#isHeld) return;
    this.#parts = [];
    this.#hasEnded = false;
    this.#response.removeHeader('Content-Length');
  }

  /** Sends it, and from now on everything at once. */
  release(): void {
    if (!this.#isHeld) return;
    this.#isHeld = false;
    // Those were the instance's; the class's own come to light again.
    for (const name of HELD_METHODS) Reflect.deleteProperty(this.#response, name);
    for (const bytes of this.#parts) this.#response.write(bytes);
    if (this.#hasEnded) this.#response.end();
  }
}
