/** Whether an engine can be reached, told as soon as it changes: a ping to find it, then its event stream to notice its end. */
import { type ClientRequest, type IncomingMessage, request } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { errorMessage } from '../../shared/errors.ts';
import type { HostRow } from '../../shared/shell/contract.ts';

export type HostStatus = HostRow['status'];

/** An engine that takes longer than this to say "OK" is of no use to a window. */
const ANSWER_MS = 5_000;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5_000;
/** Engines send next to none of these; the open connection is what is wanted. */
const WATCH_PATH = `/events?filters=${encodeURIComponent('{"type":["daemon"]}')}`;

/** Sends a GET and waits for the head of its answer. */
function get(socketPath: string, path: string, signal: AbortSignal): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing: ClientRequest = request({ socketPath, path, signal, agent: false });
    const timer = setTimeout(
      () => outgoing.destroy(new Error(`no answer in ${ANSWER_MS / 1000} s`)),
      ANSWER_MS,
    );
    outgoing.once('close', () => clearTimeout(timer));
    outgoing.once('response', (response) => {
      clearTimeout(timer);
      resolve(response);
    });
    // Stays for the whole life of the connection; after the head the promise does not mind.
    outgoing.on('error', reject);
    outgoing.end();
  });
}

async function ping(socketPath: string, signal: AbortSignal): Promise<void> {
  const response = await get(socketPath, '/_ping', signal);
  response.resume();
  if (response.statusCode !== 200) throw new Error(`the engine answered ${response.statusCode}`);
}

/** Whether an engine answers there now. Never rejects. */
export async function isEngineAt(socketPath: string): Promise<boolean> {
  try {
    await ping(socketPath, new AbortController().signal);
    return true;
  } catch {
    // Whatever the reason, it is none we could use.
    return false;
  }
}

/** Resolves when the engine hangs up; false when it has no event stream. */
async function untilGone(socketPath: string, signal: AbortSignal): Promise<boolean> {
  const response = await get(socketPath, WATCH_PATH, signal);
  await new Promise<void>((resolve) => {
    response.on('error', () => resolve()).on('close', () => resolve());
    response.resume();
  });
  return response.statusCode === 200;
}

/** Watches until the signal; never rejects. */
export async function watchHost(
  socketPath: string,
  tell: (status: HostStatus) => void,
  signal: AbortSignal,
): Promise<void> {
  let retryMs = FIRST_RETRY_MS;
  const pause = (ms: number): Promise<void> =>
    // Rejects only at the abort, which the loop looks at.
    delay(ms, undefined, { signal, ref: false }).catch(() => undefined);
  while (!signal.aborted) {
    try {
      await ping(socketPath, signal);
      tell({ state: 'up' });
      retryMs = FIRST_RETRY_MS;
      const opened = performance.now();
      const hasStream = await untilGone(socketPath, signal);
      // Its end is news to be looked at now, unless it ends all the time.
      if (!hasStream) await pause(LAST_RETRY_MS);
      else if (performance.now() - opened < FIRST_RETRY_MS) await pause(FIRST_RETRY_MS);
    } catch (error) {
      if (signal.aborted) return;
      tell({ state: 'lost', reason: errorMessage(error) });
      await pause(retryMs);
      retryMs = Math.min(retryMs * 2, LAST_RETRY_MS);
    }
  }
}
