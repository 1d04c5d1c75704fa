/** `wait`: not-running, next-exit, removed (moby container/state.go Wait). */
import type { Container, ContainerEventName } from './container.ts';
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
  const event: ContainerEventName = condition === 'removed' ? 'removed' : 'exit';
  const { promise, resolve, reject } = Promise.withResolvers<WaitResult>();
  const onAbort = (): void => {
    listening[Symbol.dispose]();
    reject(signal.reason as Error);
  };
  const listen = (): Disposable =>
    container.once(event, () => {
      // A restart in between is an exit for next-exit only.
      if (condition === 'not-running' && isRunning(container.state)) {
        listening = listen();
        return;
      }
      signal.removeEventListener('abort', onAbort);
      resolve(resultOf(container));
    });
  let listening = listen();
  signal.addEventListener('abort', onAbort, { once: true });
  return promise;
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
