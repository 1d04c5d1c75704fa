/**
 * Opens a window's engine requests on a host's socket: method, path, headers and bytes both ways at the
 * slower side's speed. It knows nothing of what they mean.
 */
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import type { Duplex, Readable, Writable } from 'node:stream';
import { unavailable } from '../../shared/errors.ts';
import type { HeadOf } from '../../shared/shell/contract.ts';
import type { ServedDuplex } from '../../shared/shell/server.ts';
import type { HostBook } from './host-book.ts';

export interface EngineRequest {
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly upgrade?: boolean | undefined;
}

/** The engine's answer: its head, and the streams to go on with. */
interface Answer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly readable: Readable;
  /** Set when the connection was taken over. */
  readonly writable?: Writable;
}

const headersOf = (message: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [name, [value].flat().join(', ')]),
  );

function answerOf(outgoing: ClientRequest): Promise<Answer> {
  return new Promise((resolve, reject) => {
    outgoing.on('response', (message) =>
      resolve({ status: message.statusCode ?? 0, headers: headersOf(message), readable: message }),
    );
    outgoing.on('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (head.length > 0) socket.unshift(head);
      resolve({
        status: message.statusCode ?? 0,
        headers: headersOf(message),
        readable: socket,
        writable: socket,
      });
    });
    outgoing.on('error', reject);
  });
}

/** Writes all of it, waiting for room. */
async function sendAll(chunks: AsyncIterable<Uint8Array>, target: Writable): Promise<void> {
  for await (const chunk of chunks) {
    if (target.destroyed) return;
    if (target.write(chunk)) continue;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        target.off('drain', done).off('close', done);
        resolve();
      };
      target.on('drain', done).on('close', done);
    });
  }
  target.end();
}

/** Serves one `engine.request`. Throws unavailable when the host cannot be reached. */
export async function serveEngineRequest(
  book: HostBook,
  asked: EngineRequest,
  channel: ServedDuplex<HeadOf<'engine.request'>>,
): Promise<void> {
  const host = book.find(asked.host);
  const outgoing = request({
    socketPath: host.socketPath,
    method: asked.method,
    path: asked.path,
    headers: {
      ...asked.headers,
      Host: 'windlass',
      ...(asked.upgrade ? { Connection: 'Upgrade', Upgrade: 'tcp' } : {}),
    },
    signal: channel.signal,
  });
  const answering = answerOf(outgoing);
  answering.catch(() => undefined);
  const sending = asked.upgrade ? sendUpgrade(outgoing, asked) : sendAll(channel.input, outgoing);
  sending.catch(() => undefined);
  let answer: Answer;
  try {
    answer = await answering;
  } catch (error) {
    throw unavailable(`cannot reach ${host.name} at ${host.socketPath}: ${String(error)}`, {
      cause: error,
    });
  }
  channel.head({ status: answer.status, headers: answer.headers });
  if (answer.writable) sendAll(channel.input, answer.writable).catch(() => undefined);
  try {
    for await (const chunk of answer.readable as AsyncIterable<Buffer>) await channel.write(chunk);
  } finally {
    answer.readable.destroy();
  }
}

/** The body of an upgraded request travels in a header of ours: the channel's bytes are the process's. */
async function sendUpgrade(outgoing: ClientRequest, asked: EngineRequest): Promise<void> {
  const body = asked.headers['X-Windlass-Body'];
  outgoing.removeHeader('X-Windlass-Body');
  if (body === undefined) {
    outgoing.end();
    return;
  }
  outgoing.setHeader('Content-Type', 'application/json');
  outgoing.setHeader('Content-Length', Buffer.byteLength(body));
  outgoing.end(body);
}
