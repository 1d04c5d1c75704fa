/** Whether an engine can be reached, told as soon as it changes: a ping to find it, then its event stream to notice its end. */
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { errorMessage, isEngineError } from '../../shared/errors.ts';
import type { HostRow } from '../../shared/shell/contract.ts';
import { type EngineDialer, socketDialer } from './engine-dialer.ts';
import { engineRequest } from './engine-request.ts';

export type HostStatus = HostRow['status'];

/** An engine that takes longer than this to say "OK" is of no use to a window. */
const ANSWER_MS = 5_000;
/** Connecting may mean several hops and a person's answer; SSH has limits of its own. */
const CONNECT_AND_ANSWER_MS = 300_000;
const FIRST_RETRY_MS = 250;
const LAST_RETRY_MS = 5_000;
const LAST_FAR_RETRY_MS = 30_000;
/** Far hosts are pinged this often, to show how far they are. */
const FAR_PING_MS = 30_000;
const SLOW_MS = 1_000;
/** Engines send next to none of these; the open connection is what is wanted. */
const WATCH_PATH = `/events?filters=${encodeURIComponent('{"type":["daemon"]}')}`;
/** Failures that trying again cannot mend. */
const FINAL = ['forbidden', 'unauthorized', 'cancelled', 'invalidArgument'] as const;

export interface WatchOptions {
  /** Not on this machine: patience while connecting, longer pauses, and latency is told. */
  readonly isFar: boolean;
  /** Resolves when somebody wants another try after a refusal. */
  untilWanted(): Promise<void>;
}

/** Sends a GET and waits for the head of its answer. */
function get(
  dialer: EngineDialer,
  path: string,
  signal: AbortSignal,
  limitMs: number,
): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const outgoing = engineRequest(dialer, { path, signal, headers: { Host: 'windlass' } });
    const timer = setTimeout(
      () => outgoing.destroy(new Error(`no answer in ${limitMs / 1000} s`)),
      limitMs,
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

async function ping(dialer: EngineDialer, signal: AbortSignal, limitMs: number): Promise<void> {
  const response = await get(dialer, '/_ping', signal, limitMs);
  response.resume();
  if (response.statusCode !== 200) throw new Error(`the engine answered ${response.statusCode}`);
}

/** Whether an engine answers there now. Never rejects. */
export async function isEngineAt(socketPath: string): Promise<boolean> {
  try {
    await ping(socketDialer(socketPath), new AbortController().signal, ANSWER_MS);
    return true;
  } catch {
    // Whatever the reason, it is none we could use.
    return false;
  }
}

/** Resolves when the engine hangs up; false when it has no event stream. */
async function untilGone(
  dialer: EngineDialer,
  signal: AbortSignal,
  limitMs: number,
): Promise<boolean> {
  const response = await get(dialer, WATCH_PATH, signal, limitMs);
  await new Promise<void>((resolve) => {
    response.on('error', () => resolve()).on('close', () => resolve());
    response.resume();
  });
  return response.statusCode === 200;
}

/** Tells how long answers take, until the signal. */
async function measure(
  dialer: EngineDialer,
  tell: (status: HostStatus) => void,
  signal: AbortSignal,
): Promise<void> {
  while (!signal.aborted) {
    const asked = performance.now();
    try {
      await ping(dialer, signal, ANSWER_MS);
    } catch {
      // The event stream tells of an end; an answer that is late is told by the next one.
      return;
    }
    const latencyMs = Math.round(performance.now() - asked);
    if (!signal.aborted) tell({ state: latencyMs >= SLOW_MS ? 'slow' : 'up', latencyMs });
    await delay(FAR_PING_MS, undefined, { signal, ref: false }).catch(() => undefined);
  }
}

const hasNoEngine = (error: unknown): boolean =>
  isEngineError(error) && error.details['reason'] === 'noEngine';

/** Watches until the signal; never rejects. */
export async function watchHost(
  dialer: EngineDialer,
  tell: (status: HostStatus) => void,
  signal: AbortSignal,
  options: WatchOptions,
): Promise<void> {
  const { isFar } = options;
  const limitMs = isFar ? CONNECT_AND_ANSWER_MS : ANSWER_MS;
  const lastRetryMs = isFar ? LAST_FAR_RETRY_MS : LAST_RETRY_MS;
  let retryMs = FIRST_RETRY_MS;
  const pause = (ms: number): Promise<unknown> =>
    Promise.race([
      // Rejects only at the abort, which the loop looks at.
      delay(ms, undefined, { signal, ref: false }).catch(() => undefined),
      options.untilWanted(),
    ]);
  while (!signal.aborted) {
    const gone = new AbortController();
    try {
      await ping(dialer, signal, limitMs);
      tell({ state: 'up' });
      if (isFar) void measure(dialer, tell, AbortSignal.any([signal, gone.signal]));
      retryMs = FIRST_RETRY_MS;
      const opened = performance.now();
      const hasStream = await untilGone(dialer, signal, limitMs);
      gone.abort();
      // Its end is news to be looked at now, unless it ends all the time.
      if (!hasStream) await pause(LAST_RETRY_MS);
      else if (performance.now() - opened < FIRST_RETRY_MS) await pause(FIRST_RETRY_MS);
    } catch (error) {
      gone.abort();
      if (signal.aborted) return;
      const isFinal = FINAL.some((code) => isEngineError(error, code));
      tell({
        state: isFinal ? 'refused' : 'lost',
        reason: errorMessage(error),
        ...(hasNoEngine(error) && { isEngineMissing: true }),
      });
      if (isFinal) await options.untilWanted();
      else await pause(retryMs);
      retryMs = Math.min(retryMs * 2, lastRetryMs);
    }
  }
}
