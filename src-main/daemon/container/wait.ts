/** `wait`: not-running, next-exit, removed (moby container/state.go Wait). */
import type { Container } from './container.ts';
import { isRunning } from './container-state.ts';

export type WaitCondition = 'not-running' | 'next-exit' | 'removed';

export interface WaitResult {
  StatusCode: number;
  Error?: { Message: string };
}

const resultOf = (container: Container): WaitResult => {
  const { exitCode, error } = container.state.lastRun;
  return { StatusCode: exitCode, ...(error === '' ? {} : { Error: { Message: error } }) };
};

/** Registers at once; the promise resolves when the condition holds, and rejects on abort. */
export function waitFor(
  container: Container,
  condition: WaitCondition,
  signal: AbortSignal,
): Promise<WaitResult> {
  if (condition === 'not-running' && !isRunning(container.state))
    return Promise.resolve(resultOf(container));
  const { promise, resolve, reject } = Promise.withResolvers<WaitResult>();
  const listening = new DisposableStack();
  const finish = (): void => {
    listening.dispose();
    signal.removeEventListener('abort', onAbort);
    resolve(resultOf(container));
  };
  const onAbort = (): void => {
    listening.dispose();
    reject(signal.reason as Error);
  };
  // A container that is removed before it ever ran ends every wait.
  listening.use(container.once('removed', finish));
  if (condition !== 'removed') listenForExit(container, condition, { listening, finish });
  signal.addEventListener('abort', onAbort, { once: true });
  return promise;
}

function listenForExit(
  container: Container,
  condition: WaitCondition,
  wait: { readonly listening: DisposableStack; readonly finish: () => void },
): void {
  wait.listening.use(
    container.once('exit', () => {
      // A restart in between is an exit for next-exit only.
      if (condition === 'not-running' && isRunning(container.state))
        listenForExit(container, condition, wait);
      else wait.finish();
    }),
  );
}

/** Resolves true when the container has stopped running within the time; no time = forever. */
export async function stoppedWithin(
  container: Container,
  timeoutMs: number | undefined,
): Promise<boolean> {
  const signal =
    timeoutMs === undefined ? new AbortController().signal : AbortSignal.timeout(timeoutMs);
  try {
    await waitFor(container, 'not-running', signal);
    return true;
  } catch {
    // Only the time-out rejects.
    return false;
  }
}
