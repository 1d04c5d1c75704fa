/**
 * An answer that is held back until somebody has agreed to it. One that is flushed on the way, or grows over
 * the limit, goes out at once: a stream cannot wait for its end (moby pkg/authorization/response.go).
 */
import type { OutgoingHttpHeaders, ServerResponse } from 'node:http';
import { shownHeaders } from './shown-headers.ts';

/** moby's maxBufferSize */
const MAX_HELD_BYTES = 64 * 1024;

export interface HeldAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly bytes: Buffer;
}

export interface HeldResponse {
  /** What would be sent; undefined when it is on its way, or the connection was taken over. */
  answer(): HeldAnswer | undefined;
  /** Forgets what was to be sent. */
  drop(): void;
  /** Sends it, and from now on everything at once. */
  release(): void;
}

type WriteHead = (status: number, headers?: OutgoingHttpHeaders) => ServerResponse;
type Bytes = string | Uint8Array | undefined;

export function holdResponse(response: ServerResponse): HeldResponse {
  const own = {
    write: response.write.bind(response),
    end: response.end.bind(response),
    flushHeaders: response.flushHeaders.bind(response),
  };
  let parts: Buffer[] = [];
  let hasEnded = false;
  let isHeld = true;

  const keep = (bytes: Bytes): void => {
    if (bytes !== undefined) parts.push(Buffer.from(bytes as Uint8Array));
    if (parts.reduce((sum, { length }) => sum + length, 0) > MAX_HELD_BYTES) release();
  };
  const release = (): void => {
    if (!isHeld) return;
    isHeld = false;
    Object.assign(response, own);
    // Its own methods again: those below are of the instance.
    Reflect.deleteProperty(response, 'writeHead');
    const held = parts;
    parts = [];
    for (const bytes of held) own.write(bytes);
    if (hasEnded) own.end();
  };
  const writeHead: WriteHead = (status, headers = {}) => {
    response.statusCode = status;
    for (const [name, value] of Object.entries(headers))
      if (value !== undefined) response.setHeader(name, value);
    return response;
  };
  Object.assign(response, {
    writeHead,
    write: (bytes: Bytes) => {
      if (!isHeld) return own.write(bytes);
      keep(bytes);
      return true;
    },
    end: (bytes?: Bytes) => {
      if (!isHeld) return own.end(bytes);
      hasEnded = true;
      keep(bytes);
      return response;
    },
    flushHeaders: () => {
      release();
      own.flushHeaders();
    },
  });
  return {
    answer: () =>
      isHeld && hasEnded
        ? {
            status: response.statusCode,
            headers: shownHeaders(response.getHeaders()),
            bytes: Buffer.concat(parts),
          }
        : undefined,
    drop: () => {
      parts = [];
      hasEnded = false;
      response.removeHeader('Content-Length');
    },
    release,
  };
}
