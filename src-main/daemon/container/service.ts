/**
 * The container service: one method a verb, each a few lines over the files of this room. It is the
 * only place that knows both start and what follows an exit.
 */
import type { ContainerUpdateBody } from '../../../shared/engine/engine-api.ts';
import { conflict, errorMessage, isEngineError, notImplemented } from '../../../shared/errors.ts';
import type { ExitStatus } from '../runtime/runtime.ts';
import { attachClient } from './attach.ts';
import type { Container } from './container.ts';
import { type ContainerContext, publishEvent, saveProgress } from './container-context.ts';
import type { ContainerService, Filters } from './container-service.ts';
import { isLive, isRunning, transition } from './container-state.ts';
import { createContainer } from './create.ts';
import { ExecRegistry } from './exec.ts';
import { type ExitSequel, handleExit } from './exit.ts';
import { HealthMonitor, healthCommandOf } from './health-monitor.ts';
import { healthProbe } from './health-probe.ts';
import { inspectContainer } from './inspect.ts';
import { launchReport } from './launch-report.ts';
import { listContainers } from './list.ts';
import { matchesLabel } from './list-filter.ts';
import { readLogs } from './logs.ts';
import { removeContainer } from './remove.ts';
import { restoreContainers } from './restore.ts';
import { checkStartable, requireTask, startContainer } from './start.ts';
import { containerStats } from './stats.ts';
import { killContainer, killIfAlive, stopContainer } from './stop.ts';
import { topContainer } from './top.ts';
import { updateContainer } from './update.ts';
import { stoppedWithin, waitFor } from './wait.ts';

/** The service, and what only the daemon itself calls. */
export interface ContainerRoom {
  readonly service: ContainerService;
  /** Reconciles disk and runtime; call once, before serving. Answers what to start afterwards. */
  restore(): Promise<void>;
  /** Starts what restart policies want; call when the API is up. */
  startByPolicy(): void;
  /** Stops every running container side by side, each with its own signal and time. */
  stopAll(limitSeconds: number): Promise<void>;
  /** Lets go of running containers without stopping them (live restore). */
  letGo(): Promise<void>;
}

export function createContainerRoom(context: ContainerContext): ContainerRoom {
  const { registry } = context;
  const execs = new ExecRegistry(context);
  let toStart: readonly Container[] = [];

  const sequel: ExitSequel = {
    restart: (container) =>
      container.lock.run(async () => {
        if (container.state.kind === 'restarting') await start(container);
      }),
    autoRemove: async (container) => {
      try {
        await removeContainer(context, container, {
          force: true,
          volumes: true,
          asked: container.id,
        });
      } catch (error) {
        if (!isEngineError(error, 'conflict'))
          context.log.error('auto-remove failed', {
            container: container.id,
            error: errorMessage(error),
          });
      }
    },
  };

  const onExit = (container: Container, status: ExitStatus): void => {
    handleExit(context, container, { status, sequel }).catch((error: unknown) =>
      context.log.error('exit could not be handled', {
        container: container.id,
        error: errorMessage(error),
      }),
    );
  };

  /** Under the lock. A failed start of an auto-remove container removes it. */
  const start = async (container: Container): Promise<void> => {
    await startContainer(context, container, onExit);
    watchHealth(context, container);
  };

  const startFresh = async (container: Container): Promise<'started' | 'unchanged'> => {
    try {
      return await container.lock.run(async () => {
        if (!checkStartable(container)) return 'unchanged';
        container.progress.hasBeenManuallyStopped = false;
        container.progress.restartCount = 0;
        await start(container);
        return 'started';
      });
    } catch (error) {
      const failed = !isLive(container.state) && container.state.lastRun.error !== '';
      if (failed && container.record.hostConfig.AutoRemove) await sequel.autoRemove(container);
      throw error;
    }
  };

  const service: ContainerService = {
    list: (options) => listContainers(context, options),
    create: (body, options) => createContainer(context, body, options),
    inspect: (name, options) => inspectContainer(context, registry.find(name), options),
    start: (name) => startFresh(registry.find(name)),
    stop: async (name, options) =>
      (await stopContainer(context, registry.find(name), options)) ? 'stopped' : 'unchanged',
    restart: async (name, options) => {
      const container = registry.find(name);
      await stopContainer(context, container, options);
      await startFresh(container);
      publishEvent(context, container, 'restart');
    },
    kill: (name, signal) => killContainer(context, name, signal),
    pause: (name) => pause(context, registry.find(name)),
    unpause: (name) => unpause(context, registry.find(name)),
    rename: (name, newName) => rename(context, registry.find(name), newName),
    update: (name, body: ContainerUpdateBody) =>
      updateContainer(context, registry.find(name), body),
    remove: (name, options) =>
      removeContainer(context, registry.find(name), { ...options, asked: name }),
    prune: (filters) => prune(context, filters),
    top: (name, psArgs) => topContainer(registry.find(name), psArgs),
    changes: (name) => changes(context, registry.find(name)),
    exportTar: () => Promise.reject(notImplemented('export is not built yet')),
    stats: (name, options) => containerStats(context, registry.find(name), options),
    wait: async (name, condition, signal) => {
      const result = waitFor(registry.find(name), condition, signal);
      // The client may be gone before anybody awaits it.
      result.catch(() => undefined);
      return { result };
    },
    isTty: async (name) => registry.find(name).isTty,
    attach: async (name, options) =>
      attachClient(context, registry.find(name), { ...options, asked: name }),
    logs: async (name, options) => {
      const container = registry.find(name);
      return {
        isTty: container.isTty,
        messages: await readLogs(context, container, options),
      };
    },
    resize: async (name, { height, width }) => {
      const container = registry.find(name);
      await requireTask(container).resize(width, height);
      publishEvent(context, container, 'resize', {
        height: String(height),
        width: String(width),
      });
    },
    execCreate: async (name, request) => ({
      Id: execs.create(registry.find(name), request, name).id,
    }),
    execStart: async (execId, options) => execs.start(execId, options),
    execResize: (execId, size) => execs.resize(execId, size),
    execInspect: async (execId) => execs.inspect(execId),
    archiveStat: () => Promise.reject(notImplemented('copying files is not built yet')),
    archiveGet: () => Promise.reject(notImplemented('copying files is not built yet')),
    archivePut: () => Promise.reject(notImplemented('copying files is not built yet')),
    commit: () => Promise.reject(notImplemented('commit is not built yet')),
    launch: async (name) => launchReport(registry.find(name)),
  };

  return {
    service,
    restore: async () => {
      toStart = await restoreContainers(context, { onExit });
      for (const container of registry.all()) {
        if (isLive(container.state)) watchHealth(context, container);
      }
    },
    startByPolicy: () => {
      for (const container of toStart) {
        startFresh(container).catch((error: unknown) =>
          context.log.error('restart policy: start failed', {
            container: container.id,
            error: errorMessage(error),
          }),
        );
      }
      toStart = [];
    },
    stopAll: (limitSeconds) => stopAll(context, limitSeconds),
    letGo: () => letGo(context),
  };
}

/** Begins health checks of a running container that has some. */
function watchHealth(context: ContainerContext, container: Container): void {
  const command = healthCommandOf(container);
  if (!command) return;
  const probe = healthProbe(context, container, command);
  container.live.health = new HealthMonitor(container, probe, (status) =>
    publishEvent(context, container, `health_status: ${status}`),
  );
}

async function pause(context: ContainerContext, container: Container): Promise<void> {
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

async function unpause(context: ContainerContext, container: Container): Promise<void> {
  await container.lock.run(async () => {
    const { progress } = container;
    if (progress.state.kind !== 'paused') throw conflict(`Container ${container.id} is not paused`);
    await requireTask(container).resume();
    progress.state = transition(progress.state, { ...progress.state, kind: 'running' });
    await saveProgress(context, container);
    publishEvent(context, container, 'unpause');
  });
}

async function rename(
  context: ContainerContext,
  container: Container,
  newName: string,
): Promise<void> {
  await container.lock.run(async () => {
    const oldName = container.name;
    checkNewName(oldName, newName);
    container.record.name = context.registry.reserveName(newName, container.id);
    try {
      await context.store.saveRecord(container.record);
      await context.network.rename(container.id, container.name);
    } catch (error) {
      context.registry.releaseName(container.name, container.id);
      container.record.name = oldName;
      throw error;
    }
    context.registry.releaseName(oldName, container.id);
    publishEvent(context, container, 'rename', { oldName: `/${oldName}` });
  });
}

function checkNewName(oldName: string, newName: string): void {
  if (newName === '') throw conflict('Neither old nor new names may be empty', { status: 400 });
  if (newName.replace(/^\//, '') === oldName)
    throw conflict('Renaming a container with the same name as its current name', {
      status: 400,
    });
}

async function changes(
  context: ContainerContext,
  container: Container,
): Promise<readonly { Path: string; Kind: 0 | 1 | 2 }[] | null> {
  const found = (await context.layers.getReadWrite(container.id)?.changes()) ?? [];
  if (found.length === 0) return null;
  return found.map(({ path, kind }) => ({ Path: path, Kind: kind }));
}

/** Removes what is not running, by label and age; answers what went. */
async function prune(
  context: ContainerContext,
  filters: Filters,
): Promise<{ ContainersDeleted: string[] | null; SpaceReclaimed: number }> {
  const deleted: string[] = [];
  let reclaimed = 0;
  for (const container of context.registry.all()) {
    if (isRunning(container.state) || !isPrunable(container, filters)) continue;
    const size = (await context.layers.getReadWrite(container.id)?.size()) ?? 0;
    await removeContainer(context, container, {
      force: false,
      volumes: false,
      asked: container.id,
    });
    deleted.push(container.id);
    reclaimed += size;
  }
  return { ContainersDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: reclaimed };
}

function isPrunable(container: Container, filters: Filters): boolean {
  const labels = container.record.config.Labels ?? {};
  const createdMs = Date.parse(container.record.created);
  return (
    (filters['label'] ?? []).every((wanted) => matchesLabel(labels, wanted)) &&
    !(filters['label!'] ?? []).some((unwanted) => matchesLabel(labels, unwanted)) &&
    (filters['until'] ?? []).every((until) => createdMs < untilMs(until))
  );
}

/** A duration before now (`10m`, `1h30m`), Unix seconds, or a date. */
function untilMs(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
  if (/^(\d+(\.\d+)?(ms|h|m|s))+$/.test(text)) {
    const parts = text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g);
    return (
      Date.now() - parts.reduce((sum, [, n, unit]) => sum + Number(n) * (units[unit ?? ''] ?? 0), 0)
    );
  }
  return Date.parse(text);
}

async function stopAll(context: ContainerContext, limitSeconds: number): Promise<void> {
  const running = context.registry.all().filter((container) => isRunning(container.state));
  await Promise.all(
    running.map(async (container) => {
      const own = container.record.config.StopTimeout;
      const timeoutSeconds = own ?? Math.max(limitSeconds - 5, 1);
      await stopContainer(context, container, { timeoutSeconds });
      if (!(await stoppedWithin(container, 0))) await killIfAlive(context, container);
    }),
  );
  await Promise.all(context.teardowns);
}

async function letGo(context: ContainerContext): Promise<void> {
  const live = context.registry.all().filter(({ state }) => isLive(state)).length;
  for (const container of context.registry.all()) {
    container.live.health?.stop();
    container.live.cancelRestart?.();
    const run = container.live.run;
    if (!run) continue;
    await run.stdio.letGo();
    await run.log.close();
  }
  await Promise.all(context.teardowns);
  if (live > 0) context.log.info('containers left running', { count: live });
}
