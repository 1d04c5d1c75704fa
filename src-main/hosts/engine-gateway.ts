/**
 * Opens a window's engine requests on a host's socket: method, path, headers and bytes both ways at the
 * slower side's speed. It knows nothing of what they mean.
 */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { addAbortSignal, type Duplex, type Readable, type Writable } from 'node:stream';
import { errorMessage, isEngineError, unavailable } from '../../shared/errors.ts';
import type { HeadOf } from '../../shared/shell/contract.ts';
import type { ServedDuplex } from '../../shared/shell/server.ts';
import { engineRequest } from './engine-request.ts';
import type { Host, HostBook } from './host-book.ts';

export interface EngineRequest {
  readonly host: string;
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Ask for the connection itself. */
  readonly upgrade?: boolean | undefined;
  /** JSON, sent instead of the channel's bytes; after an upgrade those are the process's. */
  readonly body?: string | undefined;
}

const METHODS_WITH_BODY = new Set(['POST', 'PUT']);

type Channel = ServedDuplex<HeadOf<'engine.request'>>;

/** The engine's answer: its head, and the streams to go on with. */
export interface EngineAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly readable: Readable;
  /** Set when the connection was taken over. */
  readonly writable?: Writable;
}

/** What describes the connection is the gateway's to say, not the window's (RFC 9110 7.6.1). */
const CONNECTION_HEADERS = new Set([
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

function headersFor(asked: Omit<EngineRequest, 'host'>): Record<string, string | number> {
  const own = Object.entries(asked.headers).filter(
    ([name]) => !CONNECTION_HEADERS.has(name.toLowerCase()),
  );
  return {
    ...Object.fromEntries(own),
    Host: 'windlass',
    ...(asked.upgrade && { Connection: 'Upgrade', Upgrade: 'tcp' }),
    ...(asked.body !== undefined && {
      'Content-Type': 'application/json',
      'Content-Length': Buffer.byteLength(asked.body),
    }),
  };
}

const headersOf = (message: IncomingMessage): Record<string, string> =>
  Object.fromEntries(
    Object.entries(message.headers).map(([name, value]) => [name, [value].flat().join(', ')]),
  );

function answerOf(outgoing: ClientRequest): Promise<EngineAnswer> {
  return new Promise((resolve, reject) => {
    outgoing.once('response', (message) =>
      resolve({ status: message.statusCode ?? 0, headers: headersOf(message), readable: message }),
    );
    outgoing.once('upgrade', (message: IncomingMessage, socket: Duplex, head: Buffer) => {
      if (head.length > 0) socket.unshift(head);
      resolve({
        status: message.statusCode ?? 0,
        headers: headersOf(message),
        readable: socket,
        writable: socket,
      });
    });
    // Stays for as long as the request lives; after the answer, its stream tells of failures.
    outgoing.on('error', reject);
  });
}

/** Writes and waits for room; what is written to a stream that is gone is dropped. */
export async function writeWhenRoom(target: Writable, bytes: Uint8Array): Promise<void> {
  if (target.destroyed || target.write(bytes)) return;
  await new Promise<void>((resolve) => {
    const done = (): void => {
      target.off('drain', done).off('close', done);
      resolve();
    };
    target.on('drain', done).on('close', done);
  });
}

/** Writes all of it, then half-closes. */
async function sendAll(chunks: AsyncIterable<Uint8Array>, target: Writable): Promise<void> {
  for await (const chunk of chunks) {
    if (target.destroyed) return;
    await writeWhenRoom(target, chunk);
  }
  target.end();
}

/** Dialers of far hosts explain themselves; of a socket the system says little. */
const cannotReach = (host: Host, error: unknown): Error =>
  isEngineError(error)
    ? error
    : unavailable(
        `Cannot connect to the engine of ${host.name} at ${host.dialer.dockerHost}. Is it running? (${errorMessage(error)})`,
        { cause: error, details: { host: host.id } },
      );

/** Opens a request; `input` is its body where the method has one. Throws unavailable when the host cannot be reached. */
export async function openEngineRequest(
  host: Host,
  asked: Omit<EngineRequest, 'host'>,
  signal: AbortSignal,
  input?: AsyncIterable<Uint8Array>,
): Promise<EngineAnswer> {
  const outgoing = engineRequest(host.dialer, {
    method: asked.method,
    path: asked.path,
    headers: headersFor(asked),
    signal,
  });
  const answering = answerOf(outgoing);
  const hasInput = input && METHODS_WITH_BODY.has(asked.method);
  if (asked.upgrade || asked.body !== undefined || !hasInput) outgoing.end(asked.body);
  // A failure here is the connection's, which the answer tells of, or the window's leaving.
  else sendAll(input, outgoing).catch(() => undefined);
  try {
    return await answering;
  } catch (error) {
    throw cannotReach(host, error);
  }
}

/** Serves one `engine.request`. Throws unavailable when the host cannot be reached or hangs up half-way. */
export async function serveEngineRequest(
  book: HostBook,
  asked: EngineRequest,
  channel: Channel,
): Promise<void> {
  const host = book.find(asked.host);
  const answer = await openEngineRequest(host, asked, channel.signal, channel.input);
  channel.head({ status: answer.status, headers: answer.headers });
  addAbortSignal(channel.signal, answer.readable);
  // As above: the reading side tells.
  if (answer.writable) sendAll(channel.input, answer.writable).catch(() => undefined);
  await receiveAll(answer.readable, channel, host);
}

async function receiveAll(readable: Readable, channel: Channel, host: Host): Promise<void> {
  try {
    for await (const chunk of readable as AsyncIterable<Buffer>) await channel.write(chunk);
  } catch (error) {
    if (isEngineError(error) || channel.signal.aborted) throw error;
    throw unavailable(`the connection to ${host.name} broke off: ${errorMessage(error)}`, {
      cause: error,
      details: { host: host.id },
    });
  } finally {
    readable.destroy();
  }
}
