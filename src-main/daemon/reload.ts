/** What SIGHUP changes while the daemon runs (moby daemon/reload.go). All else waits for a restart. */
import type { DaemonConfig } from './config/daemon-config.ts';
import type { RegistryConfig } from './distribution/registry-endpoints.ts';
import type { EventBus } from './event/event-bus.ts';

/** The configuration as it is now. */
export interface LiveConfig {
  current: DaemonConfig;
}

interface ReloadTargets {
  readonly images: { setRegistryConfig(config: RegistryConfig): void };
  readonly runtime: {
    setRuntimes(added: DaemonConfig['runtimes']): Promise<void>;
    readonly runtimes: ReadonlyMap<string, { readonly path: string }>;
  };
  readonly events: Pick<EventBus, 'publish'>;
  /** Id and name of the daemon, for the event. */
  readonly id: string;
  readonly name: string;
}

/** Takes over what can be and publishes the `reload` event with all that is now in force. */
export async function reloadConfig(
  live: LiveConfig,
  next: DaemonConfig,
  targets: ReloadTargets,
): Promise<void> {
  await targets.runtime.setRuntimes(next.runtimes);
  targets.images.setRegistryConfig(next.registry);
  live.current = {
    ...live.current,
    debug: next.debug,
    logLevel: next.logLevel,
    labels: next.labels,
    authorizationPlugins: next.authorizationPlugins,
    liveRestore: next.liveRestore,
    shutdownTimeoutSeconds: next.shutdownTimeoutSeconds,
    registry: next.registry,
    runtimes: next.runtimes,
    defaultRuntime: next.defaultRuntime,
  };
  targets.events.publish('daemon', 'reload', {
    id: targets.id,
    attributes: { name: targets.name, ...attributesOf(live.current, targets.runtime.runtimes) },
  });
}

function attributesOf(
  config: DaemonConfig,
  runtimes: ReadonlyMap<string, { readonly path: string }>,
): Readonly<Record<string, string>> {
  return {
    'cluster-advertise': '',
    'cluster-store': '',
    'cluster-store-opts': '{}',
    debug: String(config.debug),
    'default-ipc-mode': config.defaultIpcMode,
    'default-runtime': config.defaultRuntime,
    'default-shm-size': String(config.defaultShmSizeBytes),
    features: '{}',
    'insecure-registries': JSON.stringify(config.registry.insecureRegistries),
    labels: JSON.stringify(config.labels),
    'live-restore': String(config.liveRestore),
    'max-concurrent-downloads': String(config.registry.maxConcurrentDownloads),
    'max-concurrent-uploads': String(config.registry.maxConcurrentUploads),
    'max-download-attempts': String(config.registry.maxDownloadAttempts),
    'registry-mirrors': JSON.stringify(config.registry.mirrors),
    runtimes: [...runtimes].map(([name, { path }]) => `${name}:${path}`).join(' '),
    'shutdown-timeout': String(config.shutdownTimeoutSeconds),
  };
}
