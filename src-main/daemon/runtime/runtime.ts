/**
 * The runtime: the running side of a container. A task is the container's init process under a
 * shim; execs are further processes in it. One interface, so that the path to the shim (containerd's
 * gRPC services, or the shim's own ttrpc service) can change without the services noticing.
 * Follows containerd api/services/tasks and moby libcontainerd/types.
 */
import type { OciProcess, OciSpec } from './oci-types.ts';

/** Paths of the FIFOs a process's streams go through; '' = none. Made by {@link TaskStdio}. */
export interface StdioPaths {
  readonly stdin: string;
  readonly stdout: string;
  readonly stderr: string;
  readonly terminal: boolean;
}

export interface ExitStatus {
  /** Exit code, 128+n for a signal. */
  readonly exitCode: number;
  /** RFC 3339 with nanoseconds. */
  readonly exitedAt: string;
}

/** The process part of an exec, as the OCI spec has it. */
export type ProcessSpec = OciProcess;

/** A process under the shim: the init process of a task, or one exec. */
export interface RuntimeProcess {
  readonly pid: number;
  start(): Promise<number>;
  /** `signal` is a number. `all`: every process of the container. Throws notFound when it is gone. */
  kill(signal: number, options?: { readonly all?: boolean }): Promise<void>;
  resize(columns: number, rows: number): Promise<void>;
  /** Closes the shim's end of stdin, so that the process reads EOF. */
  closeStdin(): Promise<void>;
  /** Resolves when the process has exited; survives a restart of containerd. */
  wait(): Promise<ExitStatus>;
  /** Frees the exited process in the runtime. Gone already is no error. */
  delete(): Promise<ExitStatus | undefined>;
}

export interface Task extends RuntimeProcess {
  readonly containerId: string;
  exec(execId: string, spec: ProcessSpec, stdio: StdioPaths): Promise<RuntimeProcess>;
  pause(): Promise<void>;
  resume(): Promise<void>;
  pids(): Promise<readonly number[]>;
  update(resources: object): Promise<void>;
  state(): Promise<'created' | 'running' | 'paused' | 'stopped' | 'unknown'>;
}

export interface TaskCreateRequest {
  readonly containerId: string;
  /** Directory that holds the root file system mount; spec.root.path points at it. */
  readonly spec: OciSpec;
  readonly stdio: StdioPaths;
  /** Key of `--add-runtime`, `runc`, or `io.containerd.runc.v2`. */
  readonly runtime: string;
}

export interface Runtime {
  /** Names usable for {@link TaskCreateRequest.runtime}. */
  readonly runtimes: ReadonlyMap<
    string,
    { readonly path: string; readonly runtimeArgs: readonly string[] }
  >;
  /** Reserves a warm shim, so that `create` need not wait for one. Cheap to call, harmless to skip. */
  prepare(): void;
  /**
   * Creates the container and its task (OCI state `created`). Errors are translated:
   * `OCI runtime create failed: …` with Docker's exit codes in `details.exitCode` (126, 127, else 128).
   */
  create(request: TaskCreateRequest): Promise<Task>;
  /** The task of a container that outlived us; undefined when there is none. */
  load(containerId: string): Promise<Task | undefined>;
  /** Ids of every task and container record in our namespace, for reconciliation at start. */
  list(): Promise<readonly string[]>;
  /** Removes every trace of a container in the runtime: task, shim, record, bundle. */
  purge(containerId: string): Promise<void>;
  /**
   * Ends what is left of tasks the runtime lost sight of; `live` are the container ids that have one,
   * `lost` those that should and have not.
   */
  sweep(live: ReadonlySet<string>, lost: readonly string[]): Promise<void>;
  /** OOM kills, by container id. */
  onOom(listener: (containerId: string) => void): Disposable;
  version(): Promise<{ readonly containerd: string; readonly runc: string; readonly init: string }>;
}
