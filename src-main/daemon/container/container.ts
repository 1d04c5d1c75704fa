/**
 * One container: what was asked (config, host config), what it stands on (image, layers, mounts)
 * and what it is doing. Everything here but the live parts is written to its directory by
 * {@link ContainerStore}.
 */
import type { ContainerConfig, HostConfig, MountPoint } from '../../../shared/engine/engine-api.ts';
import type { LaunchRecord } from '../../../shared/engine/windlass-api.ts';
import type { ContainerLogger } from '../log/log-driver.ts';
import type { EndpointRequest, SandboxState } from '../network/network-controller.ts';
import { SerialLock } from '../platform/serial-lock.ts';
import type { Task } from '../runtime/runtime.ts';
import type { TaskStdio } from '../runtime/task-stdio.ts';
import type { ContainerState } from './container-state.ts';
import type { ExecSession } from './exec-session.ts';
import type { StreamHub } from './stream-hub.ts';

/** A mount of the container as resolved at create; kept on disk. */
export interface ContainerMount extends MountPoint {
  readonly Destination: string;
  readonly Type: 'bind' | 'volume' | 'tmpfs';
  /** Host directory of a bind; filled at start for a volume. */
  readonly Source: string;
  readonly RW: boolean;
  readonly Propagation: string;
  /** Volume made for this container only; goes with `rm -v`. */
  readonly anonymous?: boolean;
  /** Copy the image's content into the empty volume at create. */
  readonly copyUp?: boolean;
  /** Create the missing host directory (`-v`), or refuse (`--mount`). */
  readonly createSource?: boolean;
  /** Without what is mounted below the source (`bind-nonrecursive`). */
  readonly nonRecursive?: boolean;
  /** mount(8) options of a tmpfs. */
  readonly tmpfsOptions?: readonly string[];
}

/** Of a container on the default bridge to another one (`--link`). */
export interface ContainerLink {
  readonly containerId: string;
  /** As last known: it may be gone. */
  readonly name: string;
  readonly alias: string;
}

/** What create fixed for good (rename and update apart). */
export interface ContainerRecord {
  readonly id: string;
  /** Without the slash. */
  name: string;
  readonly created: string;
  /** Config after merging with the image's. */
  readonly config: ContainerConfig;
  hostConfig: HostConfig;
  readonly imageId: string;
  /** As the user wrote it. */
  readonly imageName: string;
  readonly path: string;
  readonly args: readonly string[];
  readonly driver: string;
  readonly mounts: readonly ContainerMount[];
  /** Requested attachments, network name → request. */
  endpoints: Readonly<Record<string, EndpointRequest>>;
  links?: readonly ContainerLink[];
}

/** What changes as it lives; written at every change. */
export interface ContainerProgress {
  state: ContainerState;
  restartCount: number;
  hasBeenManuallyStopped: boolean;
  hasBeenStartedBefore: boolean;
  /** A commit holds it still; nobody else asked for the pause. */
  isPausedByCommit?: boolean;
  sandbox: SandboxState | null;
  launches: readonly LaunchRecord[];
}

/** A health check under way, as others see it. */
export interface HealthWatch {
  status(): 'starting' | 'healthy' | 'unhealthy';
  /** `State.Health` of inspect. */
  report(): object;
  stop(): void;
}

/** The log of one run, as others see it. */
export interface OpenLog {
  readonly logger: ContainerLogger;
  close(): Promise<void>;
}

/** Parts that exist only while this process knows a task. */
export interface LiveParts {
  task?: Task;
  health?: HealthWatch;
  /** Cancels a pending restart of the restart policy. */
  cancelRestart?: () => void;
  /** The OOM killer hit this run. */
  oomKilled?: boolean;
  /** FIFOs and log of the present run. */
  run?: { readonly stdio: TaskStdio; readonly log: OpenLog };
  /** What of the last run is still being freed in the background; the next start waits for it. */
  teardown?: Promise<void>;
  /** The last run's log has been written to its end. */
  logClosed?: Promise<void>;
}

export type ContainerEventName = 'exit' | 'removed';

/** A container in memory. Its fields are changed only under its lock (`lock.run`). */
export class Container {
  readonly record: ContainerRecord;
  readonly progress: ContainerProgress;
  readonly directory: string;
  readonly streams: StreamHub;
  readonly live: LiveParts = {};
  readonly execs = new Map<string, ExecSession>();
  readonly lock = new SerialLock();
  #listeners: Record<ContainerEventName, Set<() => void>> = {
    exit: new Set(),
    removed: new Set(),
  };

  constructor(
    record: ContainerRecord,
    progress: ContainerProgress,
    parts: { directory: string; streams: StreamHub },
  ) {
    this.record = record;
    this.progress = progress;
    this.directory = parts.directory;
    this.streams = parts.streams;
  }

  get id(): string {
    return this.record.id;
  }

  get name(): string {
    return this.record.name;
  }

  get state(): ContainerState {
    return this.progress.state;
  }

  get isTty(): boolean {
    return this.record.config.Tty ?? false;
  }

  /** Calls every listener once and forgets them. */
  announce(event: ContainerEventName): void {
    const listeners = [...this.#listeners[event]];
    this.#listeners[event].clear();
    for (const listener of listeners) listener();
  }

  once(event: ContainerEventName, listener: () => void): Disposable {
    this.#listeners[event].add(listener);
    return { [Symbol.dispose]: () => this.#listeners[event].delete(listener) };
  }
}
