/**
 * The container service: one method a verb, each a few lines over the files of this room. It is the
 * only place that knows both start and what follows an exit.
 */
import type { ContainerUpdateBody } from '../../../shared/engine/engine-api.ts';
import { errorMessage, isEngineError } from '../../../shared/errors.ts';
import type { ExitStatus } from '../runtime/runtime.ts';
import { attachClient } from './attach.ts';
import type { Container } from './container.ts';
import { type ContainerContext, publishEvent } from './container-context.ts';
import type { ContainerService } from './container-service.ts';
import { isLive } from './container-state.ts';
import { createContainer } from './create.ts';
import { ExecRegistry } from './exec.ts';
import { type ExitSequel, handleExit } from './exit.ts';
import { fileVerbs } from './file-verbs.ts';
import { HealthMonitor, healthCommandOf } from './health-monitor.ts';
import { healthProbe } from './health-probe.ts';
import { inspectContainer } from './inspect.ts';
import { launchReport } from './launch-report.ts';
import { listContainers } from './list.ts';
import { readLogs } from './logs.ts';
import { watchOutOfMemory } from './out-of-memory.ts';
import { pause, unpause } from './pause.ts';
import { prune } from './prune.ts';
import { removeContainer } from './remove.ts';
import { rename } from './rename.ts';
import { restartContainer } from './restart.ts';
import { restoreContainers } from './restore.ts';
import { letGo, stopAll } from './shutdown.ts';
import { checkStartable, requireTask, startContainer } from './start.ts';
import { containerStats } from './stats.ts';
import { killContainer, stopContainer } from './stop.ts';
import { topContainer } from './top.ts';
import { updateContainer } from './update.ts';
import { waitFor } from './wait.ts';

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
  const outOfMemory = watchOutOfMemory(context);
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
    restart: (name, options) =>
      restartContainer(context, registry.find(name), { ...options, asked: name }, startFresh),
    kill: (name, signal) => killContainer(context, name, signal),
    pause: (name) => pause(context, registry.find(name)),
    unpause: (name) => unpause(context, registry.find(name)),
    rename: (name, newName) => rename(context, registry.find(name), newName),
    update: (name, body: ContainerUpdateBody) =>
      updateContainer(context, registry.find(name), body),
    remove: (name, options) =>
      removeContainer(context, registry.find(name), { ...options, asked: name }),
    prune: (filters) => prune(context, filters),
    top: (name, psArgs) => topContainer(context, registry.find(name), psArgs),
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
    ...fileVerbs(context),
    launch: async (name) => launchReport(registry.find(name)),
  };

  return {
    service,
    restore: async () => {
      const restored = await restoreContainers(context, { onExit });
      toStart = restored.toStart;
      await Promise.all(restored.toRemove.map((container) => sequel.autoRemove(container)));
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
    letGo: () => letGo(context).finally(() => outOfMemory[Symbol.dispose]()),
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
