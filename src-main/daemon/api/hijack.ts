/**
 * A connection taken over for raw bytes: `Upgrade: tcp` (101) or the old way (200), each side closed on
 * its own (moby api/server/httputils/hijack).
 */
import { type Duplex, PassThrough, type Readable } from 'node:stream';
import type { ClientStream } from '../container/container-service.ts';

export interface HijackRequest {
  readonly socket: Duplex;
  /** Bytes that came with the request head. */
  readonly head: Buffer;
  readonly isUpgrade: boolean;
  readonly contentType: string;
}

/** Answers the head and hands out the connection. */
export function hijack(request: HijackRequest): ClientStream {
  const { socket, isUpgrade, contentType } = request;
  const first = isUpgrade
    ? 'HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n'
    : 'HTTP/1.1 200 OK\r\n';
  socket.write(`${first}Content-Type: ${contentType}\r\n\r\n`);
  return clientStream(socket, request.head);
}

/** A duplex as a client with half-close each way; `head` came before the rest. */
export function clientStream(socket: Duplex, head: Buffer): ClientStream {
  const aborted = new AbortController();
  let hasEnded = false;
  socket.on('error', () => aborted.abort(new Error('client gone')));
  socket.once('close', () => {
    if (!hasEnded) aborted.abort(new Error('client gone'));
  });
  const input: Readable = new PassThrough();
  if (head.length > 0) (input as PassThrough).write(head);
  socket.pipe(input as PassThrough);
  return {
    input,
    signal: aborted.signal,
    write: (chunk) => {
      if (aborted.signal.aborted || socket.destroyed)
        return Promise.reject(new Error('client gone'));
      if (socket.write(chunk)) return Promise.resolve();
      return new Promise((resolve, reject) => {
        const done = (): void => {
          socket.off('drain', done).off('close', done);
          if (socket.destroyed) reject(new Error('client gone'));
          else resolve();
        };
        socket.on('drain', done).on('close', done);
      });
    },
    end: () =>
      new Promise((resolve) => {
        hasEnded = true;
        if (socket.destroyed) return resolve();
        socket.end(() => resolve());
      }),
  };
}
