/** What the container room's verbs work with. `daemon.ts` wires it once. */
import type { HostConfig } from '../../../shared/engine/engine-api.ts';
import { errorMessage } from '../../../shared/errors.ts';
import type { Archiver } from '../archive/archiver.ts';
import type { EventBus } from '../event/event-bus.ts';
import type { ImageService } from '../image/image-service.ts';
import type { LayerStore } from '../layer/layer-store.ts';
import type { Log } from '../log/log.ts';
import type { LogDrivers } from '../log/log-driver.ts';
import type { NetworkController } from '../network/network-controller.ts';
import type { Runtime } from '../runtime/runtime.ts';
import type { VolumeService } from '../volume/volume-service.ts';
import type { Container } from './container.ts';
import type { ContainerRegistry } from './container-registry.ts';
import type { ContainerStore } from './container-store.ts';
import type { VerifyContext } from './verify-config.ts';

/** The daemon's options that containers feel. */
export interface ContainerSettings {
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly cgroupParent: string;
  readonly usesSystemdCgroup: boolean;
  readonly cgroupVersion: 1 | 2;
  readonly defaultUlimits: NonNullable<HostConfig['Ulimits']>;
  readonly defaultLogConfig: { readonly Type: string; readonly Config: Record<string, string> };
  readonly defaultShmSizeBytes: number;
  readonly defaultIpcMode: string;
  readonly defaultCgroupnsMode: string;
  /** Path of a custom seccomp profile, or undefined for the built-in one. */
  readonly seccompProfile?: string;
  readonly noNewPrivileges: boolean;
  /** docker-init's path for `--init`; undefined when there is none. */
  readonly initPath?: string;
  /** Every container gets an init unless it says otherwise (`--init` of the daemon). */
  readonly initByDefault: boolean;
  readonly verify: VerifyContext;
  /** The release of dockerd whose behaviour this daemon keeps, for images made here. */
  readonly dockerVersion: string;
}

export interface ContainerContext {
  readonly settings: ContainerSettings;
  readonly registry: ContainerRegistry;
  readonly store: ContainerStore;
  readonly layers: LayerStore;
  readonly images: ImageService;
  readonly volumes: VolumeService;
  readonly network: NetworkController;
  readonly runtime: Runtime;
  readonly archiver: Archiver;
  readonly logDrivers: LogDrivers;
  readonly events: EventBus;
  readonly log: Log;
  /** Runs still being freed in the runtime, also of containers that are removed already; shutdown waits for them. */
  readonly teardowns: Set<Promise<void>>;
  /** True from the moment shutdown began: nothing is restarted any more. */
  isShuttingDown(): boolean;
}

/** Publishes a container event with the attributes Docker sends: image, name, labels. */
export function publishEvent(
  context: ContainerContext,
  container: Container,
  action: string,
  attributes: Readonly<Record<string, string>> = {},
): void {
  context.events.publish('container', action, {
    id: container.id,
    attributes: {
      ...container.record.config.Labels,
      image: container.record.imageName,
      name: container.name,
      ...attributes,
    },
  });
}

/**
 * Writes what the container is doing. Called before anything is published about it. When it cannot be
 * written (a full disk) things go on all the same: a container that ended has ended, and the next start
 * finds out what became of it.
 */
export async function saveProgress(context: ContainerContext, container: Container): Promise<void> {
  try {
    await context.store.saveProgress(container.id, container.progress);
  } catch (error) {
    context.log.error('container state could not be written', {
      container: container.id,
      error: errorMessage(error),
    });
  }
}
