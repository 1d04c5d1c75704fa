/**
 * After a start of the daemon: containers on disk are brought together with what still runs. Running
 * ones are re-adopted with their streams and network, ended ones get their exit code, and what belongs
 * to nobody is swept. Follows moby daemon/daemon.go restore.
 */
import { errorMessage, isEngineError } from '../../../shared/errors.ts';
import { failpoint } from '../platform/failpoint.ts';
import type { ExitStatus, Task } from '../runtime/runtime.ts';
import { streamsOf, TaskStdio } from '../runtime/task-stdio.ts';
import { Container } from './container.ts';
import { type ContainerContext, saveProgress } from './container-context.ts';
import { isLive, type LastRun } from './container-state.ts';
import type { StoredContainer } from './container-store.ts';
import { agreeOnNetworks } from './networks.ts';
import { startsWithDaemon } from './restart-policy.ts';
import { openRunLog } from './run-log.ts';
import { releaseRun, sandboxRequestOf } from './run-resources.ts';
import { StreamHub } from './stream-hub.ts';
import { watchTask } from './watch-task.ts';

/** What becomes of containers found running. */
export interface RestoreOptions {
  readonly onExit: (container: Container, status: ExitStatus) => void;
}

export interface Restored {
  /** Those the restart policy wants started. */
  readonly toStart: readonly Container[];
  /** Those that were to be removed at their end, which nobody saw (`--rm`). */
  readonly toRemove: readonly Container[];
}

/** Loads and reconciles all. */
export async function restoreContainers(
  context: ContainerContext,
  options: RestoreOptions,
): Promise<Restored> {
  const stored = await context.store.loadAll();
  const containers = stored.map((one) => register(context, one));
  holdVolumes(context, containers);
  await finishCutOff(context);
  failpoint('restore: containers loaded');
  const before = containers.filter((container) => isLive(container.state));
  await Promise.all(containers.map((container) => settleOne(context, container, options)));
  const lost = before.filter((container) => !isLive(container.state));
  await sweep(context, lost);
  failpoint('restore: swept');
  const resting = containers.filter((container) => !isLive(container.state));
  return {
    toStart: resting.filter(startsWithDaemon),
    toRemove: resting.filter(({ record }) => record.hostConfig.AutoRemove),
  };
}

function register(context: ContainerContext, stored: StoredContainer): Container {
  const container = new Container(stored.record, stored.progress, {
    directory: stored.directory,
    streams: new StreamHub(),
  });
  try {
    context.registry.reserveName(container.name, container.id);
  } catch {
    // Two directories with one name: the later keeps its id as its name, nothing is lost.
    container.record.name = context.registry.reserveName(container.id.slice(0, 12), container.id);
    context.log.warn('container name was taken, renamed', { container: container.id });
  }
  context.registry.add(container);
  return container;
}

function holdVolumes(context: ContainerContext, containers: readonly Container[]): void {
  for (const container of containers) {
    for (const mount of container.record.mounts) {
      if (mount.Type !== 'volume' || mount.Name === undefined) continue;
      context.volumes.acquire(mount.Name, container.id);
      // Also of one that has died meanwhile: its release, soon, unmounts.
      if (isLive(container.state)) context.volumes.adopt(mount.Name, container.id);
    }
  }
}

/** What was begun and never told of is not there, what was to go is gone; anonymous volumes with it. */
async function finishCutOff(context: ContainerContext): Promise<void> {
  const aside = await context.store.quarantinedIds();
  for (const one of await context.store.cutOff()) {
    // Of a container set aside nobody knows which volumes it needs.
    if (one.volumes.length > 0 && aside.length > 0) continue;
    await Promise.all(one.volumes.map((name) => removeUnused(context, name)));
    await one.finish();
  }
}

async function removeUnused(context: ContainerContext, name: string): Promise<void> {
  try {
    await context.volumes.remove(name, false);
  } catch (error) {
    // Never made, gone already, or another container's by --volumes-from.
    if (isEngineError(error, 'notFound') || isEngineError(error, 'conflict')) return;
    context.log.warn('anonymous volume of a removed container is left', {
      volume: name,
      error: errorMessage(error),
    });
  }
}

async function settleOne(
  context: ContainerContext,
  container: Container,
  options: RestoreOptions,
): Promise<void> {
  try {
    const task = await context.runtime.load(container.id);
    const state = await task?.state();
    if (task && (state === 'running' || state === 'paused'))
      await adopt(context, container, { task, state, onExit: options.onExit });
    // Created, never started: there is no end to be told of.
    else await settleEnded(context, container, state === 'stopped' ? task : undefined);
  } catch (error) {
    context.log.error('container could not be restored', {
      container: container.id,
      error: errorMessage(error),
    });
  }
}

async function adopt(
  context: ContainerContext,
  container: Container,
  found: { task: Task; state: 'running' | 'paused'; onExit: RestoreOptions['onExit'] },
): Promise<void> {
  const { progress, live } = container;
  const [log, stdio] = await Promise.all([
    openRunLog(context, container),
    TaskStdio.reopen(context.settings.execRoot, container.id, {
      terminal: container.isTty,
      stdin: container.record.config.OpenStdin ?? false,
    }),
  ]);
  live.task = found.task;
  live.run = { stdio, log };
  container.streams.connect(streamsOf(stdio, found.task), (source, chunk) =>
    log.write(source, chunk),
  );
  await context.layers.getReadWrite(container.id)?.mount();
  if (agreeOnNetworks(context, container)) await context.store.saveRecord(container.record);
  if (progress.sandbox)
    await context.network.restoreSandbox(sandboxRequestOf(container), progress.sandbox);
  const { lastRun } = progress.state;
  for (const mount of container.record.mounts) {
    if (mount.Type === 'volume') context.volumes.adopt(mount.Name ?? '', container.id);
  }
  // A daemon that died in the middle of the start did not write that it runs.
  const startedAt = isLive(progress.state)
    ? progress.state.startedAt
    : new Date().toISOString().replace('Z', '000000Z');
  const isLeftByCommit = found.state === 'paused' && (progress.isPausedByCommit ?? false);
  if (isLeftByCommit) await found.task.resume();
  progress.isPausedByCommit = false;
  const kind = isLeftByCommit ? 'running' : found.state;
  progress.state = { kind, pid: found.task.pid, startedAt, lastRun };
  progress.hasBeenStartedBefore = true;
  failpoint('restore: container adopted');
  await saveProgress(context, container);
  context.log.info('container re-adopted', { container: container.id, pid: found.task.pid });
  watchTask(context, container, found.task, found.onExit);
}

/** A container whose task is over: what it still wrote goes to the log, its exit code is kept. */
async function settleEnded(
  context: ContainerContext,
  container: Container,
  task: Task | undefined,
): Promise<void> {
  const { progress } = container;
  const wasRunning = isLive(progress.state) || progress.state.kind === 'restarting';
  if (task) await drainLeftover(context, container);
  const status = await task?.wait();
  await task?.delete();
  await context.runtime.purge(container.id);
  await releaseRun(context, container);
  await context.layers.getReadWrite(container.id)?.unmountLeftover();
  progress.sandbox = null;
  if (!wasRunning) return;
  const { lastRun } = progress.state;
  const ended: LastRun = {
    ...lastRun,
    finishedAt: status?.exitedAt ?? new Date().toISOString(),
    exitCode: status?.exitCode ?? 255,
  };
  progress.state = { kind: 'exited', lastRun: ended };
  await saveProgress(context, container);
  context.log.info('container ended while nobody watched', {
    container: container.id,
    exitCode: ended.exitCode,
  });
}

async function drainLeftover(context: ContainerContext, container: Container): Promise<void> {
  const [log, stdio] = await Promise.all([
    openRunLog(context, container),
    TaskStdio.reopen(context.settings.execRoot, container.id, {
      terminal: container.isTty,
      stdin: false,
    }),
  ]);
  container.streams.connect(streamsOf(stdio, undefined), (source, chunk) =>
    log.write(source, chunk),
  );
  await stdio.drainNow(container.streams.drained());
  container.streams.finish();
  await stdio.close();
  await log.close();
}

/** Removes what no known container owns: tasks, FIFOs, mounts, namespaces, rules, read-write layers. */
async function sweep(context: ContainerContext, lost: readonly Container[]): Promise<void> {
  const aside = await context.store.quarantinedIds();
  const all = context.registry.all();
  const known = new Set([...all.map(({ id }) => id), ...aside]);
  // Of one set aside nobody knows whether it runs; what it runs on is left to it.
  const live = new Set([...all.filter(({ state }) => isLive(state)).map(({ id }) => id), ...aside]);
  for (const id of await context.runtime.list()) {
    if (known.has(id)) continue;
    context.log.warn('task of no container removed', { id });
    await context.runtime.purge(id);
  }
  await context.runtime.sweep(
    live,
    lost.map(({ id }) => id),
  );
  for (const name of context.layers.listReadWrite()) {
    if (known.has(name)) continue;
    context.log.warn('read-write layer of no container removed', { name });
    await context.layers.releaseReadWrite(name);
  }
  await TaskStdio.sweep(context.settings.execRoot, live);
  context.volumes.unmountUnused();
  for (const what of await context.network.sweep(live)) {
    context.log.warn('network leftover removed', { what });
  }
}
