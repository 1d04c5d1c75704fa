/**
 * After the init process has ended: output drained, state written, waiters told, resources given back,
 * then removal (`--rm`) or restart. What the runtime still has to free is freed in the background; the
 * next start waits for it. Follows moby daemon/monitor.go handleContainerExit.
 */
import { setTimeout as delay } from 'node:timers/promises';
import { errorMessage } from '../../../shared/errors.ts';
import { failpoint } from '../platform/failpoint.ts';
import type { ExitStatus } from '../runtime/runtime.ts';
import type { Container } from './container.ts';
import { type ContainerContext, publishEvent, saveProgress } from './container-context.ts';
import { isRunning, type LastRun, transition } from './container-state.ts';
import { awaitOutOfMemoryNews } from './out-of-memory.ts';
import { restartDelayMs, shouldRestart } from './restart-policy.ts';
import { releaseShared, unmountRoot } from './run-resources.ts';

/** How long output may still flow after the exit: a child that kept the pipe must not hold us. */
const DRAIN_LIMIT_MS = 2000;

/** What follows an exit; given by the service so that this file knows neither start nor remove. */
export interface ExitSequel {
  restart(container: Container): Promise<void>;
  autoRemove(container: Container): Promise<void>;
}

/** Handles the end of a run. Called outside the container's lock. */
export async function handleExit(
  context: ContainerContext,
  container: Container,
  ending: { readonly status: ExitStatus; readonly sequel: ExitSequel },
): Promise<void> {
  const { status, sequel } = ending;
  failpoint('stop: exit noticed');
  await drainOutput(container);
  await awaitOutOfMemoryNews(container, status.exitCode);
  const isRestarting = await container.lock.run(() => settle(context, container, status));
  if (isRestarting) {
    restartLater(context, container, sequel);
  } else if (container.record.hostConfig.AutoRemove && !context.isShuttingDown()) {
    await sequel.autoRemove(container);
  }
}

async function drainOutput(container: Container): Promise<void> {
  const cancel = new AbortController();
  await Promise.race([
    container.streams.drained(),
    delay(DRAIN_LIMIT_MS, undefined, { signal: cancel.signal, ref: false }).catch(() => undefined),
  ]);
  cancel.abort();
}

/** Under the lock: the new state, written, then published. Answers whether a restart follows. */
async function settle(
  context: ContainerContext,
  container: Container,
  status: ExitStatus,
): Promise<boolean> {
  const { progress, live } = container;
  const willRestart = shouldRestart(container, status.exitCode, context.isShuttingDown());
  const lastRun: LastRun = {
    ...progress.state.lastRun,
    finishedAt: status.exitedAt,
    exitCode: status.exitCode,
    oomKilled: live.oomKilled ?? false,
  };
  live.health?.stop();
  delete live.health;
  endRun(context, container);
  await releaseShared(context, container);
  failpoint('stop: network released');
  progress.sandbox = null;
  if (willRestart) progress.restartCount++;
  if (isRunning(progress.state)) {
    progress.state = transition(progress.state, {
      kind: willRestart ? 'restarting' : 'exited',
      lastRun,
    });
  }
  await saveProgress(context, container);
  failpoint('stop: state written');
  publishEvent(context, container, 'die', { exitCode: String(status.exitCode) });
  container.announce('exit');
  return willRestart;
}

/** Ends the run's streams and frees it in the runtime; `live.teardown` tells when that is through. */
function endRun(context: ContainerContext, container: Container): void {
  const { task, run } = container.live;
  container.streams.finish();
  delete container.live.task;
  delete container.live.run;
  for (const exec of container.execs.values()) exec.containerEnded();
  container.execs.clear();
  const freed = async (): Promise<void> => {
    await run?.stdio.close();
    await task?.delete();
    failpoint('stop: task freed');
  };
  if (run) container.live.logClosed = run.log.close();
  const teardown = Promise.all([
    container.live.logClosed,
    freed(),
    unmountRoot(context, container),
  ]).then(
    () => undefined,
    (error: unknown) =>
      context.log.warn('could not free a run in the runtime', {
        container: container.id,
        error: errorMessage(error),
      }),
  );
  container.live.teardown = teardown;
  context.teardowns.add(teardown);
  void teardown.then(() => context.teardowns.delete(teardown));
}

function restartLater(context: ContainerContext, container: Container, sequel: ExitSequel): void {
  const cancel = new AbortController();
  container.live.cancelRestart = () => cancel.abort();
  const waitMs = restartDelayMs(container);
  delay(waitMs, undefined, { signal: cancel.signal })
    .then(() => sequel.restart(container))
    .catch((error: unknown) => {
      if (cancel.signal.aborted) return undefined;
      context.log.error('restart failed', {
        container: container.id,
        error: errorMessage(error),
      });
      return undefined;
    })
    .finally(() => {
      if (cancel.signal.aborted) return;
      delete container.live.cancelRestart;
    });
}

/** A pending restart is called off: the container is exited for good. Under the lock. */
export async function cancelRestart(
  context: ContainerContext,
  container: Container,
): Promise<void> {
  container.live.cancelRestart?.();
  delete container.live.cancelRestart;
  const { progress } = container;
  if (progress.state.kind !== 'restarting') return;
  progress.state = transition(progress.state, {
    kind: 'exited',
    lastRun: progress.state.lastRun,
  });
  await saveProgress(context, container);
  container.announce('exit');
}
