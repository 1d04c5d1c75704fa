/** The kernel's out-of-memory killer at work in a container: the event, and `OOMKilled` of its run (moby daemon/monitor.go). */
import { setTimeout as delay } from 'node:timers/promises';
import type { Container } from './container.ts';
import { type ContainerContext, publishEvent } from './container-context.ts';

const EXIT_BY_SIGKILL = 137;
/** The runtime tells of a kill apart from the exit, and may do so a moment later. */
const NEWS_LIMIT_MS = 300;
const NEWS_POLL_MS = 10;

/** Notes every kill and tells of it, until disposed of. */
export function watchOutOfMemory(context: ContainerContext): Disposable {
  return context.runtime.onOom((containerId) => {
    const container = context.registry.get(containerId);
    if (!container) return;
    container.live.oomKilled = true;
    publishEvent(context, container, 'oom');
  });
}

/** Waits for the news of a kill where one is likely: a limited container that was killed, by nobody we know. */
export async function awaitOutOfMemoryNews(container: Container, exitCode: number): Promise<void> {
  const isLikely =
    exitCode === EXIT_BY_SIGKILL &&
    (container.record.hostConfig.Memory ?? 0) > 0 &&
    !container.progress.hasBeenManuallyStopped;
  if (!isLikely) return;
  const limit = Date.now() + NEWS_LIMIT_MS;
  while (!container.live.oomKilled && Date.now() < limit) await delay(NEWS_POLL_MS);
}
