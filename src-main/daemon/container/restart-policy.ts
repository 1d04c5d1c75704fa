/** Restart policies and their back-off (moby restartmanager): 100 ms doubling to 1 min, anew after a run of 10 s. */
import type { Container } from './container.ts';

const FIRST_DELAY_MS = 100;
const MAX_DELAY_MS = 60_000;
const GOOD_RUN_MS = 10_000;

/** Whether the policy wants another run after this exit. */
export function shouldRestart(
  container: Container,
  exitCode: number,
  isShuttingDown: boolean,
): boolean {
  if (isShuttingDown || container.progress.hasBeenManuallyStopped) return false;
  const policy = container.record.hostConfig.RestartPolicy;
  switch (policy?.Name) {
    case 'always':
    case 'unless-stopped':
      return true;
    case 'on-failure': {
      const limit = policy.MaximumRetryCount ?? 0;
      return exitCode !== 0 && (limit === 0 || container.progress.restartCount < limit);
    }
    case 'no':
    case '':
    case undefined:
      return false;
  }
}

/** Whether a container that is not running is to be started when the daemon starts. */
export function startsWithDaemon(container: Container): boolean {
  const { hasBeenStartedBefore, hasBeenManuallyStopped } = container.progress;
  if (!hasBeenStartedBefore) return false;
  if (container.record.hostConfig.RestartPolicy?.Name === 'always') return true;
  return (
    !hasBeenManuallyStopped && shouldRestart(container, container.state.lastRun.exitCode, false)
  );
}

const delays = new WeakMap<Container, number>();

/** The wait before the next run; grows with each call until a run has lasted. */
export function restartDelayMs(container: Container): number {
  const { startedAt, finishedAt } = container.state.lastRun;
  const ranMs = Date.parse(finishedAt) - Date.parse(startedAt);
  const previous = ranMs >= GOOD_RUN_MS ? undefined : delays.get(container);
  const next = previous === undefined ? FIRST_DELAY_MS : Math.min(previous * 2, MAX_DELAY_MS);
  delays.set(container, next);
  return next;
}
