/** The daemon: wires every room, starts and shuts down in order. Reads as the list it is (moby cmd/dockerd/daemon.go). */
import { writeFileSync } from 'node:fs';
import { chmod, mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, unavailable } from '../../shared/errors.ts';
import { checkAuthorizationPlugins, createAuthorizer } from './api/authorization.ts';
import { containerFileRoutes } from './api/container-file-routes.ts';
import { containerRoutes } from './api/container-routes.ts';
import { containerStreamRoutes } from './api/container-stream-routes.ts';
import { execRoutes } from './api/exec-routes.ts';
import { imageRoutes } from './api/image-routes.ts';
import { networkRoutes } from './api/network-routes.ts';
import { pluginRoutes } from './api/plugin-routes.ts';
import { registryRoutes } from './api/registry-routes.ts';
import { ApiServer } from './api/server.ts';
import { swarmRoutes } from './api/swarm-routes.ts';
import { systemRoutes } from './api/system-routes.ts';
import { volumeRoutes } from './api/volume-routes.ts';
import { Archiver } from './archive/archiver.ts';
import type { DaemonConfig } from './config/daemon-config.ts';
import { claimPidFile } from './config/pid-file.ts';
import type { ContainerContext } from './container/container-context.ts';
import { ContainerRegistry } from './container/container-registry.ts';
import { isRunning } from './container/container-state.ts';
import { ContainerStore } from './container/container-store.ts';
import { containerNetworks } from './container/networks.ts';
import { type ContainerRoom, createContainerRoom } from './container/service.ts';
import { daemonId } from './daemon-id.ts';
import type { EventBus } from './event/event-bus.ts';
import { createEventBus } from './event/ring-event-bus.ts';
import { selectGraphDriver } from './graphdriver/select-driver.ts';
import { createImageService, type LocalImageService } from './image/create-image-service.ts';
import { type FileLayerStore, openLayerStore } from './layer/file-layer-store.ts';
import type { Log } from './log/log.ts';
import { logDrivers } from './log/log-drivers.ts';
import { createNetworkController } from './network/local-network-controller.ts';
import type { NetworkController } from './network/network-controller.ts';
import { type MachineFacts, machineFacts, systemProblem } from './platform/kernel.ts';
import { lockFile } from './platform/root-lock.ts';
import { pluginDirectories } from './plugin/plugin-discovery.ts';
import { createPluginManager, type PluginManager } from './plugin/plugin-manager.ts';
import { type LiveConfig, reloadConfig } from './reload.ts';
import { type ClosableRuntime, createRuntime } from './runtime/containerd-runtime.ts';
import { startContainerd } from './runtime/containerd-supervisor.ts';
import { createSystemBackend, MOBY_RELEASE, WINDLASS_VERSION } from './system-backend.ts';
import { createVolumeService } from './volume/create-volume-service.ts';
import type { VolumeService } from './volume/volume-service.ts';

/** A daemon that serves. */
export interface RunningDaemon {
  /** Path of the first unix socket; '' when it listens on tcp only. */
  readonly socketPath: string;
  /** Stops in order; a second call waits for the first. */
  shutdown(): Promise<void>;
  /** Takes over of a new configuration what can change while it runs (SIGHUP). */
  reload(next: DaemonConfig): Promise<void>;
}

/** Starts the daemon; when it answers, the API is served. Whatever was acquired is released if a step fails. */
export async function runDaemon(config: DaemonConfig, log: Log): Promise<RunningDaemon> {
  const step = stepLogger(log);
  await using undo = new AsyncDisposableStack();
  const machine = await step('system check', async () => checkedMachine());
  for (const { flag, why } of config.withoutEffect)
    log.warn('option has no effect', { option: `--${flag}`, why });
  if (config.oomScoreAdjust !== undefined)
    writeFileSync('/proc/self/oom_score_adj', String(config.oomScoreAdjust));
  await step('root directories', () => prepareRoots(config, undo));
  await step('pid file', async () => undo.use(await claimPidFile(config.pidFile)));
  const events = createEventBus();
  const parts = await startParts(config, { machine, events, log, step, undo });
  await step('authorization plugins', () =>
    checkAuthorizationPlugins(parts.plugins, config.authorizationPlugins),
  );
  const server = await step('API listeners', () => serve(config, parts));
  undo.defer(() => server.close());
  parts.room.startByPolicy();
  log.info('API listen on', { hosts: config.hosts });
  log.info('Daemon has completed initialization');
  const release = undo.move();
  let stopping: Promise<void> | undefined;
  return {
    socketPath:
      config.hosts.find((host) => host.startsWith('unix://'))?.slice('unix://'.length) ?? '',
    shutdown: () => (stopping ??= shutdown({ parts, server, release, step })),
    reload: (next) =>
      reloadConfig(parts.live, next, {
        images: parts.images,
        runtime: parts.runtime,
        events,
        id: daemonId(config.dataRoot, machine.hostname),
        name: machine.hostname,
      }),
  };
}

type Step = <T>(name: string, work: () => Promise<T>) => Promise<T>;

/** Each step with its time, at level debug; a failing one names itself. */
function stepLogger(log: Log): Step {
  return async (name, work) => {
    const start = performance.now();
    try {
      return await work();
    } catch (error) {
      log.debug(`step failed: ${name}`, { error: errorMessage(error) });
      throw error;
    } finally {
      log.debug(`step: ${name}`, { ms: Math.round(performance.now() - start) });
    }
  };
}

function checkedMachine(): MachineFacts {
  const problem = systemProblem();
  if (problem !== undefined) throw unavailable(problem);
  process.umask(0o022);
  return machineFacts();
}

/** Both roots, with the data root locked for as long as we live. */
async function prepareRoots(config: DaemonConfig, undo: AsyncDisposableStack): Promise<void> {
  await mkdir(config.dataRoot, { recursive: true, mode: 0o710 });
  await chmod(config.dataRoot, 0o710);
  await mkdir(config.execRoot, { recursive: true, mode: 0o711 });
  const lock = lockFile(join(config.dataRoot, 'windlassd.lock'));
  if (!lock)
    throw unavailable(
      `another daemon uses the data root ${config.dataRoot}: stop it, or give this one its own --data-root`,
    );
  undo.use(lock);
}

interface Parts {
  readonly live: LiveConfig;
  readonly plugins: PluginManager;
  readonly machine: MachineFacts;
  readonly events: EventBus;
  readonly log: Log;
  readonly layers: FileLayerStore;
  readonly images: LocalImageService;
  readonly volumes: VolumeService;
  readonly network: NetworkController;
  readonly runtime: ClosableRuntime;
  readonly registry: ContainerRegistry;
  readonly context: ContainerContext;
  readonly room: ContainerRoom;
  readonly shutdownState: { isShuttingDown: boolean };
}

interface Wiring {
  readonly machine: MachineFacts;
  readonly events: EventBus;
  readonly log: Log;
  readonly step: Step;
  readonly undo: AsyncDisposableStack;
}

async function startParts(config: DaemonConfig, wiring: Wiring): Promise<Parts> {
  const { machine, events, log, step, undo } = wiring;
  const { dataRoot } = config;
  const plugins = createPluginManager({ directories: pluginDirectories(config.execRoot), log });
  // containerd takes longest to start; stores and networks come up beside it.
  const [runtime, layers, volumes, network] = await settleAll([
    step('containerd and runtime', () => openRuntime(config, wiring)),
    step('graph driver and layers', () => openLayers(config, wiring)),
    step('volumes', () => createVolumeService({ dataRoot, events, plugins, log })),
    step('networks', () => openNetworks(config, wiring)),
  ] as const);
  const images = await step('images', () =>
    createImageService({
      root: dataRoot,
      driverName: layers.driverName,
      layers,
      events,
      registry: config.registry,
      log,
    }),
  );
  if (await images.hasImagesAside())
    log.warn('layers that no image needs are kept, for there are images set aside');
  else await layers.sweepUnreferenced();
  const live: LiveConfig = { current: config };
  const shutdownState = { isShuttingDown: false };
  const registry = new ContainerRegistry();
  const context: ContainerContext = {
    settings: containerSettings(live, machine, runtime),
    registry,
    store: await ContainerStore.open(dataRoot, log),
    layers,
    images,
    volumes,
    network,
    runtime,
    archiver: undo.use(new Archiver()),
    logDrivers,
    events,
    log,
    teardowns: new Set(),
    isShuttingDown: () => shutdownState.isShuttingDown,
  };
  const room = createContainerRoom(context);
  images.setUsers({
    containersOf: (imageId) =>
      registry
        .all()
        .filter(({ record }) => record.imageId === imageId)
        .map(({ id, name, state }) => ({ id, name, isRunning: isRunning(state) })),
  });
  await step('restore containers', () => room.restore());
  undo.defer(() => room.letGo());
  return {
    live,
    plugins,
    machine,
    events,
    log,
    layers,
    images,
    volumes,
    network,
    runtime,
    registry,
    context,
    room,
    shutdownState,
  };
}

async function openRuntime(
  config: DaemonConfig,
  { log, undo, machine }: Wiring,
): Promise<ClosableRuntime> {
  const namespace = config.containerdNamespace;
  const containerd = await startContainerd({
    execRoot: config.execRoot,
    namespace,
    logLevel: config.debug ? 'debug' : 'warn',
    log,
    ...(config.containerd === undefined ? {} : { adopt: config.containerd }),
  });
  undo.defer(() => containerd.stop());
  const initPath = config.initPath ?? machine.initPath;
  const runtime = await createRuntime({
    containerd,
    execRoot: config.execRoot,
    namespace,
    runtimes: config.runtimes,
    usesSystemdCgroup: config.usesSystemdCgroup,
    ...(initPath === undefined ? {} : { initPath }),
    log,
  });
  undo.defer(() => runtime.close());
  return runtime;
}

async function openLayers(config: DaemonConfig, { log, undo }: Wiring): Promise<FileLayerStore> {
  const { dataRoot, storageDriver, storageOptions } = config;
  const driver = await selectGraphDriver({
    dataRoot,
    options: storageOptions,
    log,
    ...(storageDriver === undefined ? {} : { explicit: storageDriver }),
  });
  const layers = await openLayerStore({ dataRoot, driver, log });
  undo.defer(() => layers.cleanup());
  return layers;
}

async function openNetworks(
  config: DaemonConfig,
  { events, log, undo }: Wiring,
): Promise<NetworkController> {
  const network = await createNetworkController({
    dataRoot: config.dataRoot,
    execRoot: config.execRoot,
    config: config.network,
    events: (action, { id, name, type }, containerId) =>
      events.publish('network', action, {
        id,
        attributes: {
          name,
          type,
          ...(containerId === undefined ? {} : { container: containerId }),
        },
      }),
    log,
  });
  undo.defer(() => network.shutdown({ keepSandboxes: true }));
  return network;
}

function containerSettings(
  live: LiveConfig,
  machine: MachineFacts,
  runtime: ClosableRuntime,
): ContainerContext['settings'] {
  const config = live.current;
  const initPath = config.initPath ?? machine.initPath;
  return {
    dataRoot: config.dataRoot,
    execRoot: config.execRoot,
    cgroupParent: config.cgroupParent,
    usesSystemdCgroup: config.usesSystemdCgroup,
    cgroupVersion: machine.cgroupVersion,
    defaultUlimits: [...config.defaultUlimits],
    defaultLogConfig: { Type: config.logDriver, Config: { ...config.logOptions } },
    defaultShmSizeBytes: config.defaultShmSizeBytes,
    defaultIpcMode: config.defaultIpcMode,
    defaultCgroupnsMode: config.defaultCgroupnsMode,
    ...(config.seccompProfile === undefined ? {} : { seccompProfile: config.seccompProfile }),
    noNewPrivileges: config.noNewPrivileges,
    ...(initPath === undefined ? {} : { initPath }),
    initByDefault: config.init,
    dockerVersion: MOBY_RELEASE,
    verify: {
      get runtimes() {
        return new Set(runtime.runtimes.keys());
      },
      get defaultRuntime() {
        return live.current.defaultRuntime;
      },
      cpuCount: machine.cpuCount,
      limits: machine.limits,
      isIpForwardingDisabled: false,
    },
  };
}

async function serve(config: DaemonConfig, parts: Parts): Promise<ApiServer> {
  const containers = parts.room.service;
  const system = createSystemBackend({ ...parts, containers });
  const server = new ApiServer({
    routes: [
      ...containerRoutes(containers),
      ...containerStreamRoutes(containers),
      ...containerFileRoutes(containers),
      ...execRoutes(containers),
      ...registryRoutes(parts.images.registries),
      ...imageRoutes(parts.images),
      ...networkRoutes(parts.network, containerNetworks(parts.context)),
      ...volumeRoutes(parts.volumes),
      ...swarmRoutes,
      ...pluginRoutes,
      ...systemRoutes(system, parts.events),
    ],
    log: parts.log,
    serverHeader: `Windlass/${WINDLASS_VERSION} (linux)`,
    isExperimental: config.experimental,
    authorizer: createAuthorizer(parts.plugins, () => parts.live.current.authorizationPlugins),
    corsOrigin: config.apiCorsHeader,
  });
  try {
    for (const host of config.hosts)
      await server.listen(host, {
        group: config.group,
        ...(config.tls ? { tls: config.tls } : {}),
      });
  } catch (error) {
    await server.close();
    throw error;
  }
  return server;
}

interface Running {
  readonly parts: Parts;
  readonly server: ApiServer;
  readonly release: AsyncDisposableStack;
  readonly step: Step;
}

/** Stop accepting → stop containers, or let them go → release everything in reverse. */
async function shutdown(running: Running): Promise<void> {
  const { parts, server, release, step } = running;
  const config = parts.live.current;
  parts.shutdownState.isShuttingDown = true;
  parts.log.info('Processing signal: shutting down', { liveRestore: config.liveRestore });
  await step('close API', () => server.close());
  if (!config.liveRestore)
    await step('stop containers', () => parts.room.stopAll(config.shutdownTimeoutSeconds));
  await step('release everything', async () => release.disposeAsync());
  parts.log.info('Daemon shutdown complete');
}

/** Waits for all, so that a failure leaves nothing half-started behind the caller's back. */
async function settleAll<T extends readonly unknown[]>(
  work: { readonly [K in keyof T]: Promise<T[K]> },
): Promise<T> {
  const settled = await Promise.allSettled(work);
  const failed = settled.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
  return settled.map((one) => (one as PromiseFulfilledResult<unknown>).value) as unknown as T;
}
