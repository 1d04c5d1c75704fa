/** Remove: refused while it lives unless forced; then layer, directory, volumes, name (moby daemon/delete.go). */
import { conflict, errorMessage, internal } from '../../../shared/errors.ts';
import { failpoint } from '../platform/failpoint.ts';
import type { Container } from './container.ts';
import { type ContainerContext, publishEvent, saveProgress } from './container-context.ts';
import { isRunning, type StateKind, transition } from './container-state.ts';
import { removeLink } from './links.ts';
import { releaseMounts } from './mount-points.ts';
import { releaseShared } from './run-resources.ts';
import { killIfAlive } from './stop.ts';

export interface RemoveOptions {
  readonly force: boolean;
  readonly volumes: boolean;
  /** Only the link that the name stands for. */
  readonly link?: boolean;
}

/** What the API calls a state in messages. */
const stateWord = (kind: StateKind): string => (kind === 'removing' ? 'removal in progress' : kind);

/** Removes the container. `asked` is what the user called it, for messages. */
export async function removeContainer(
  context: ContainerContext,
  container: Container,
  options: RemoveOptions & { readonly asked: string },
): Promise<void> {
  if (options.link) return removeLink(context, options.asked);
  const { state } = container;
  if (state.kind === 'removing')
    throw conflict(`removal of container ${options.asked} is already in progress`);
  if (isRunning(state)) {
    if (!options.force) throw stillRunning(container);
    await killIfAlive(context, container);
  }
  return container.lock.run(() => removeLocked(context, container, options));
}

function stillRunning(container: Container): Error {
  const word = stateWord(container.state.kind);
  const procedure = 'top the container before attempting removal or force remove';
  const advice = word === 'paused' ? `Unpause and then s${procedure}` : `S${procedure}`;
  return conflict(`You cannot remove a ${word} container ${container.id}. ${advice}`);
}

async function removeLocked(
  context: ContainerContext,
  container: Container,
  options: RemoveOptions & { readonly asked: string },
): Promise<void> {
  const { progress } = container;
  if (context.registry.get(container.id) !== container) return;
  if (progress.state.kind === 'removing')
    throw conflict(`removal of container ${options.asked} is already in progress`);
  // It may have been started again while this waited for its turn.
  if (isRunning(progress.state)) throw stillRunning(container);
  // In memory only: a daemon that dies before the disk is freed has removed nothing.
  progress.state = transition(progress.state, {
    kind: 'removing',
    lastRun: progress.state.lastRun,
  });
  let files: Awaited<ReturnType<typeof freeDisk>>;
  try {
    files = await freeDisk(context, container, options);
  } catch (error) {
    progress.state = transition(progress.state, {
      kind: 'dead',
      lastRun: { ...progress.state.lastRun, error: errorMessage(error) },
    });
    await saveProgress(context, container);
    throw internal(`container ${container.id}: ${errorMessage(error)}`, { cause: error });
  }
  context.registry.delete(container);
  await releaseMounts(context.volumes, container.id, {
    mounts: container.record.mounts,
    deleteAnonymous: options.volumes,
  });
  failpoint('remove: volumes released');
  const removal = files.finish();
  context.teardowns.add(removal);
  void removal.then(() => context.teardowns.delete(removal));
  publishEvent(context, container, 'destroy');
  container.announce('removed');
}

async function freeDisk(
  context: ContainerContext,
  container: Container,
  { volumes }: RemoveOptions,
): ReturnType<ContainerContext['store']['remove']> {
  await Promise.all([releaseShared(context, container), closeLog(container)]);
  failpoint('remove: network released');
  const files = await context.store.remove(container.id, { volumes });
  failpoint('remove: directory out of sight');
  try {
    await context.layers.releaseReadWrite(container.id);
  } catch (error) {
    // A layer of no container is removed at the next start.
    context.log.error('layer of a removed container is left', {
      container: container.id,
      error: errorMessage(error),
    });
  }
  return files;
}

/** The last run's log must be closed before its directory goes. */
const closeLog = async (container: Container): Promise<void> => container.live.logClosed;
