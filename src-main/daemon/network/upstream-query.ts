/** One question to one name server, out of a container's network namespace or the host's. */
import { randomInt } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { Socket } from 'node:net';
import { inNamespace } from '../platform/net-namespace.ts';
import { openSocket } from '../platform/socket.ts';
import { isAnswerTo, withId } from './dns-message.ts';
import type { Upstream } from './resolv-conf.ts';

const DNS_PORT = 53;
const TIMEOUT_MS = 4000;

export interface UpstreamQuery {
  readonly protocol: 'tcp' | 'udp';
  readonly upstream: Upstream;
  /** Of the container's namespace. */
  readonly path: string;
  readonly message: Buffer;
  readonly question: Buffer;
}

/** The server's answer under the query's own id. Rejects when none comes in time. */
export async function askUpstream(query: UpstreamQuery): Promise<Buffer> {
  const id = randomInt(0x10000);
  const asked = { ...query, message: withId(query.message, id) };
  const isAnswer = (message: Buffer): boolean => isAnswerTo(message, query.question, id);
  const answer = await (query.protocol === 'udp' ? askUdp : askTcp)(asked, isAnswer);
  return withId(answer, query.message.readUInt16BE(0));
}

/** The descriptor belongs to the container's namespace and from here on to Node. */
const containerSocket = (protocol: 'tcp' | 'udp', path: string): number =>
  inNamespace(path, () => openSocket(protocol));

function askUdp(query: UpstreamQuery, isAnswer: (message: Buffer) => boolean): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const socket = createSocket('udp4');
  const timer = setTimeout(() => reject(new Error('timeout')), TIMEOUT_MS);
  socket.on('error', reject);
  socket.on('message', (message) => {
    if (isAnswer(message)) resolve(message);
  });
  // Connected, so that only this server can answer and its refusal is seen.
  socket.on('listening', () => socket.connect(DNS_PORT, query.upstream.address));
  socket.on('connect', () => socket.send(query.message));
  try {
    if (query.upstream.isOnHost) socket.bind();
    else socket.bind({ fd: containerSocket('udp', query.path) });
  } catch (error) {
    reject(error);
  }
  return promise.finally(() => {
    clearTimeout(timer);
    socket.close();
  });
}

function askTcp(query: UpstreamQuery, isAnswer: (message: Buffer) => boolean): Promise<Buffer> {
  const { promise, resolve, reject } = Promise.withResolvers<Buffer>();
  const { upstream, path } = query;
  const socket = upstream.isOnHost
    ? new Socket()
    : new Socket({ fd: containerSocket('tcp', path), readable: true, writable: true });
  const timer = setTimeout(() => reject(new Error('timeout')), TIMEOUT_MS);
  let received = Buffer.alloc(0);
  socket.on('error', reject);
  socket.on('close', () => reject(new Error('closed without an answer')));
  socket.on('data', (chunk) => {
    received = Buffer.concat([received, chunk]);
    const [message] = splitTcp(received).messages;
    if (message && isAnswer(message)) resolve(message);
    else if (message) reject(new Error('not an answer to the question'));
  });
  socket.connect(DNS_PORT, upstream.address, () => socket.write(tcpFrame(query.message)));
  return promise.finally(() => {
    clearTimeout(timer);
    socket.destroy();
  });
}

/** A message with its length before it, as TCP carries it. */
export function tcpFrame(message: Buffer): Buffer {
  const length = Buffer.alloc(2);
  length.writeUInt16BE(message.length);
  return Buffer.concat([length, message]);
}

/** Whole messages, and the bytes of one that is not complete. */
export function splitTcp(received: Buffer): {
  readonly messages: readonly Buffer[];
  readonly rest: Buffer;
} {
  const messages: Buffer[] = [];
  let at = 0;
  while (at + 2 <= received.length) {
    const end = at + 2 + received.readUInt16BE(at);
    if (end > received.length) break;
    messages.push(received.subarray(at + 2, end));
    at = end;
  }
  return { messages, rest: received.subarray(at) };
}
