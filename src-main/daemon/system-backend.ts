/** `docker info`, `version`, `system df` (moby daemon/info.go, disk_usage.go). */
import { readdirSync } from 'node:fs';
import { API_VERSION, MIN_API_VERSION } from './api/server.ts';
import type { SystemBackend, UsageType } from './api/system-routes.ts';
import type { DaemonConfig } from './config/daemon-config.ts';
import type { ContainerRegistry } from './container/container-registry.ts';
import type { ContainerService } from './container/container-service.ts';
import { daemonId } from './daemon-id.ts';
import type { EventBus } from './event/event-bus.ts';
import type { LocalImageService } from './image/create-image-service.ts';
import type { FileLayerStore } from './layer/file-layer-store.ts';
import { logDriverNames } from './log/log-drivers.ts';
import type { MachineFacts } from './platform/kernel.ts';
import { isInUserNamespace } from './platform/user-namespace.ts';
import type { LiveConfig } from './reload.ts';
import type { Runtime } from './runtime/runtime.ts';
import type { VolumeService } from './volume/volume-service.ts';

export const WINDLASS_VERSION = '0.1.0';
/** The release of dockerd whose behaviour this daemon keeps. */
export const MOBY_RELEASE = '20.10.24';

/** What a rootless daemon cannot do, where people look for it. */
const NO_CGROUPS =
  'WARNING: Running in rootless-mode without cgroups: limits on memory, CPU and processes have no effect.';

export interface SystemParts {
  /** As it is now: some of it is reloaded. */
  readonly live: LiveConfig;
  readonly machine: MachineFacts;
  readonly registry: ContainerRegistry;
  readonly containers: ContainerService;
  readonly images: LocalImageService;
  readonly layers: FileLayerStore;
  readonly volumes: VolumeService;
  readonly runtime: Runtime;
  readonly events: EventBus;
}

export function createSystemBackend(parts: SystemParts): SystemBackend {
  return {
    info: () => info(parts),
    version: () => version(parts),
    diskUsage: (types) => diskUsage(parts, types),
  };
}

async function info(
  parts: SystemParts,
): Promise<Record<string, unknown> & { readonly SecurityOptions: readonly string[] }> {
  const { machine, registry, layers, images, runtime } = parts;
  const config = parts.live.current;
  const states = registry.all().map(({ state }) => state.kind);
  const count = (...kinds: readonly string[]): number =>
    states.filter((kind) => kinds.includes(kind)).length;
  const versions = await runtime.version();
  return {
    ID: daemonId(config.dataRoot, machine.hostname),
    Containers: states.length,
    ContainersRunning: count('running', 'restarting'),
    ContainersPaused: count('paused'),
    ContainersStopped: count('created', 'exited', 'dead', 'removing'),
    Images: images.count(),
    Driver: layers.driverName,
    DriverStatus: layers.driverStatus(),
    Plugins: {
      Volume: await parts.volumes.driverNames(),
      Network: ['bridge', 'host', 'ipvlan', 'macvlan', 'null'],
      Authorization: config.authorizationPlugins.length > 0 ? config.authorizationPlugins : null,
      Log: logDriverNames,
    },
    ...limitSupport(machine),
    Debug: config.debug,
    NFd: readdirSync('/proc/self/fd').length,
    NGoroutines: 0,
    SystemTime: new Date().toISOString(),
    LoggingDriver: config.logDriver,
    CgroupDriver: isInUserNamespace ? 'none' : config.usesSystemdCgroup ? 'systemd' : 'cgroupfs',
    CgroupVersion: String(machine.cgroupVersion),
    NEventsListener: parts.events.listenerCount(),
    KernelVersion: machine.kernelVersion,
    OperatingSystem: machine.operatingSystem,
    OSVersion: machine.osVersion,
    OSType: 'linux',
    Architecture: machine.architecture,
    IndexServerAddress: 'https://index.docker.io/v1/',
    RegistryConfig: registryConfig(config),
    NCPU: machine.cpuCount,
    MemTotal: machine.memoryBytes,
    GenericResources: null,
    DockerRootDir: config.dataRoot,
    HttpProxy: process.env['HTTP_PROXY'] ?? '',
    HttpsProxy: process.env['HTTPS_PROXY'] ?? '',
    NoProxy: process.env['NO_PROXY'] ?? '',
    Name: machine.hostname,
    Labels: config.labels,
    ExperimentalBuild: config.experimental,
    ServerVersion: MOBY_RELEASE,
    Runtimes: Object.fromEntries([...runtime.runtimes].map(([name, { path }]) => [name, { path }])),
    DefaultRuntime: config.defaultRuntime,
    Swarm: {
      NodeID: '',
      NodeAddr: '',
      LocalNodeState: 'inactive',
      ControlAvailable: false,
      Error: '',
      RemoteManagers: null,
    },
    LiveRestoreEnabled: config.liveRestore,
    Isolation: '',
    InitBinary: 'docker-init',
    ContainerdCommit: { ID: versions.containerd, Expected: versions.containerd },
    RuncCommit: { ID: versions.runc, Expected: versions.runc },
    InitCommit: { ID: versions.init || 'N/A', Expected: versions.init || 'N/A' },
    SecurityOptions: [
      ...(machine.hasSeccomp ? ['name=seccomp,profile=default'] : []),
      ...(isInUserNamespace ? ['name=rootless'] : []),
    ],
    Warnings: isInUserNamespace ? [NO_CGROUPS] : null,
  };
}

function limitSupport({ limits }: MachineFacts): object {
  return {
    MemoryLimit: limits.memoryLimit,
    SwapLimit: limits.swapLimit,
    KernelMemory: limits.kernelMemory,
    KernelMemoryTCP: limits.kernelMemoryTcp,
    CpuCfsPeriod: limits.cpuCfs,
    CpuCfsQuota: limits.cpuCfs,
    CPUShares: limits.cpuShares,
    CPUSet: limits.cpuset,
    PidsLimit: limits.pidsLimit,
    IPv4Forwarding: true,
    BridgeNfIptables: true,
    BridgeNfIp6tables: true,
    OomKillDisable: limits.oomKillDisable,
  };
}

function registryConfig(config: DaemonConfig): object {
  const { mirrors, insecureRegistries } = config.registry;
  const entry = (
    Name: string,
    Secure: boolean,
    Mirrors: readonly string[],
    Official: boolean,
  ): object => ({
    Name,
    Mirrors,
    Secure,
    Official,
  });
  return {
    AllowNondistributableArtifactsCIDRs: [],
    AllowNondistributableArtifactsHostnames: [],
    InsecureRegistryCIDRs: [
      '127.0.0.0/8',
      ...insecureRegistries.filter((one) => one.includes('/')),
    ],
    IndexConfigs: {
      'docker.io': entry('docker.io', true, mirrors, true),
      ...Object.fromEntries(
        insecureRegistries
          .filter((one) => !one.includes('/'))
          .map((name) => [name, entry(name, false, [], false)]),
      ),
    },
    Mirrors: mirrors,
  };
}

async function version({ machine, runtime }: SystemParts): Promise<object> {
  const { containerd, runc, init } = await runtime.version();
  const common = {
    Version: MOBY_RELEASE,
    ApiVersion: API_VERSION,
    MinAPIVersion: MIN_API_VERSION,
    GitCommit: `windlass-${WINDLASS_VERSION}`,
    GoVersion: `node ${process.versions.node}`,
    Os: 'linux',
    Arch: machine.goArchitecture,
    KernelVersion: machine.kernelVersion,
    BuildTime: '',
  };
  const part = (Name: string, Version: string): object => ({
    Name,
    Version,
    Details: { GitCommit: '' },
  });
  return {
    Platform: { Name: `Windlass ${WINDLASS_VERSION}` },
    Components: [
      {
        Name: 'Engine',
        Version: common.Version,
        Details: {
          ApiVersion: common.ApiVersion,
          Arch: common.Arch,
          BuildTime: common.BuildTime,
          Experimental: 'false',
          GitCommit: common.GitCommit,
          GoVersion: common.GoVersion,
          KernelVersion: common.KernelVersion,
          MinAPIVersion: common.MinAPIVersion,
          Os: common.Os,
        },
      },
      part('containerd', containerd),
      part('runc', runc),
      part('docker-init', init || 'N/A'),
    ],
    ...common,
  };
}

async function diskUsage(parts: SystemParts, types: ReadonlySet<UsageType>): Promise<object> {
  const { layers, images, containers, volumes } = parts;
  const [imageRows, containerRows, volumeRows] = await Promise.all([
    types.has('image') ? images.listWithUsage({ all: true }) : null,
    types.has('container')
      ? containers.list({ all: true, limit: 0, size: true, filters: {} })
      : null,
    types.has('volume') ? volumes.usage() : null,
  ]);
  return {
    LayersSize: types.has('image')
      ? layers.list().reduce((sum, { diffSize }) => sum + diffSize, 0)
      : 0,
    Images: imageRows,
    Containers: containerRows,
    Volumes: volumeRows,
    BuildCache: null,
    BuilderSize: 0,
  };
}
