/** HTTP over whatever stream a dialer opens. */
import { type ClientRequest, type IncomingMessage, type RequestOptions, request } from 'node:http';
import type { Duplex } from 'node:stream';
import { text } from 'node:stream/consumers';
import { codeForStatus, EngineError } from '../../shared/errors.ts';
import type { EngineDialer } from './engine-dialer.ts';

export type EngineRequestOptions = Pick<RequestOptions, 'method' | 'path' | 'headers'> & {
  readonly signal: AbortSignal;
};

/**
 * A request on a stream of its own, which ends with it: a kept one may be stale after a restart. After an
 * upgrade the stream is the caller's.
 */
export function engineRequest(dialer: EngineDialer, options: EngineRequestOptions): ClientRequest {
  let stream: Duplex | undefined;
  async function open(done: (error: Error | null, socket: Duplex) => void): Promise<void> {
    try {
      stream = await dialer.open(options.signal);
    } catch (error) {
      return done(error as Error, undefined as never);
    }
    done(null, stream);
  }
  const outgoing = request({
    ...options,
    // No agent: then the stream is the request's own.
    createConnection: (_options, done) => {
      void open(done);
      return undefined;
    },
  });
  // It is half-open, so nobody else lets go of it.
  const release = (): void => void stream?.destroy();
  outgoing.once('response', (response) => response.once('close', release));
  outgoing.once('error', release);
  return outgoing;
}

/** A request without a body to its end; answers its JSON, undefined for none. Throws the engine's own words. */
export async function engineJson<T>(
  dialer: EngineDialer,
  method: string,
  path: string,
  signal: AbortSignal,
): Promise<T> {
  const outgoing = engineRequest(dialer, { method, path, signal, headers: { Host: 'windlass' } });
  const response = await new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve).on('error', reject).end();
  });
  const body = await text(response);
  const status = response.statusCode ?? 0;
  if (status >= 400) throw new EngineError(codeForStatus(status), body.trim(), { status });
  return (body.trim() === '' ? undefined : JSON.parse(body)) as T;
}
