/** Pause and unpause (moby daemon/pause.go, unpause.go). */
import { conflict } from '../../../shared/errors.ts';
import type { Container } from './container.ts';
import { type ContainerContext, publishEvent, saveProgress } from './container-context.ts';
import { isLive, transition } from './container-state.ts';
import { requireTask } from './start.ts';

/** Freezes all processes. Throws Docker's conflicts for one that is paused or does not run. */
export async function pause(context: ContainerContext, container: Container): Promise<void> {
  await container.lock.run(async () => {
    const { progress } = container;
    if (progress.state.kind === 'paused')
      throw conflict(`Container ${container.id} is already paused`);
    if (progress.state.kind === 'restarting')
      throw conflict(
        `Container ${container.id} is restarting, wait until the container is running`,
      );
    const task = requireTask(container);
    if (!isLive(progress.state)) return;
    await task.pause();
    progress.state = transition(progress.state, { ...progress.state, kind: 'paused' });
    await saveProgress(context, container);
    publishEvent(context, container, 'pause');
  });
}

/** Lets a paused one go on. */
export async function unpause(context: ContainerContext, container: Container): Promise<void> {
  await container.lock.run(async () => {
    const { progress } = container;
    if (progress.state.kind !== 'paused') throw conflict(`Container ${container.id} is not paused`);
    await thaw(context, container);
  });
}

/** Under the lock: processes of a paused container go on. */
export async function thaw(context: ContainerContext, container: Container): Promise<void> {
  const { progress } = container;
  await requireTask(container).resume();
  if (progress.state.kind !== 'paused') return;
  progress.state = transition(progress.state, { ...progress.state, kind: 'running' });
  await saveProgress(context, container);
  publishEvent(context, container, 'unpause');
}
