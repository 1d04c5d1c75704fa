/** An image from one engine to another, without a registry: what one saves is what the other loads. */
import type { ClientRequest, IncomingMessage } from 'node:http';
import { text } from 'node:stream/consumers';
import { codeForStatus, EngineError, errorMessage, unavailable } from '../../shared/errors.ts';
import type { CopyProgress } from '../../shared/shell/contract.ts';
import { engineJson, engineRequest } from './engine-request.ts';
import type { Host } from './host-book.ts';

/** Progress is told once for so much. */
const TELL_BYTES = 1024 ** 2;

const answerOf = (outgoing: ClientRequest): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => {
    outgoing.once('response', resolve).on('error', reject);
  });

/** What an engine says is wrong, in an answer or on a line of a stream. */
function wordsOf(json: string): { readonly message?: string; readonly error?: string } {
  try {
    return JSON.parse(json) as { message?: string; error?: string };
  } catch {
    // Not JSON: its text says it.
    return {};
  }
}

async function failure(host: Host, response: IncomingMessage): Promise<EngineError> {
  const status = response.statusCode ?? 500;
  const body = await text(response);
  const message = wordsOf(body).message ?? body.trim();
  return new EngineError(codeForStatus(status), `${host.name}: ${message}`, { status });
}

/** Engines answer a load with 200 and tell of its failure on a line of the stream. */
async function checkLoaded(host: Host, response: IncomingMessage): Promise<void> {
  if (response.statusCode !== 200) throw await failure(host, response);
  for (const line of (await text(response)).split('\n')) {
    const { error } = wordsOf(line);
    if (error !== undefined) throw new EngineError('internal', `${host.name}: ${error}`);
  }
}

const untilRoom = (target: ClientRequest): Promise<void> =>
  new Promise((resolve) => {
    const done = (): void => {
      target.off('drain', done).off('close', done);
      resolve();
    };
    target.on('drain', done).on('close', done);
  });

/** Writes all of it at the reader's speed; yields the bytes so far. Ends early when the reader has answered. */
async function* pass(from: IncomingMessage, to: ClientRequest): AsyncGenerator<number> {
  let done = 0;
  let told = -TELL_BYTES;
  for await (const chunk of from as AsyncIterable<Buffer>) {
    if (to.destroyed) return;
    if (!to.write(chunk)) await untilRoom(to);
    done += chunk.length;
    if (done - told < TELL_BYTES) continue;
    told = done;
    yield done;
  }
  to.end();
  yield done;
}

/**
 * Copies `image` with its names; the slower side sets the pace and nothing is kept in between. `total` is the
 * image's size as the engine tells it, what passes is a little more or less. Throws what the side that failed
 * said, with its name.
 */
export async function* copyImage(
  from: Host,
  to: Host,
  image: string,
  signal: AbortSignal,
): AsyncGenerator<CopyProgress> {
  const name = encodeURIComponent(image);
  const path = `/images/${name}/json`;
  const { Size: total } = await engineJson<{ Size: number }>(from.dialer, 'GET', path, signal);
  const over = new AbortController();
  const options = {
    headers: { Host: 'windlass', 'Content-Type': 'application/x-tar' },
    signal: AbortSignal.any([signal, over.signal]),
  };
  try {
    const saving = engineRequest(from.dialer, { ...options, path: `/images/get?names=${name}` });
    const saved = answerOf(saving);
    saving.end();
    const archive = await saved;
    if (archive.statusCode !== 200) throw await failure(from, archive);
    const loading = engineRequest(to.dialer, {
      ...options,
      method: 'POST',
      path: '/images/load?quiet=1',
    });
    const loaded = answerOf(loading);
    loaded.catch(() => undefined);
    for await (const done of pass(archive, loading)) yield { done, total };
    await checkLoaded(to, await loaded);
  } catch (error) {
    signal.throwIfAborted();
    if (error instanceof EngineError) throw error;
    throw unavailable(
      `the copy from ${from.name} to ${to.name} broke off: ${errorMessage(error)}`,
      { cause: error },
    );
  } finally {
    over.abort();
  }
}
