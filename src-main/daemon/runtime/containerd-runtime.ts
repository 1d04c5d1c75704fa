/** The runtime over containerd: container records, tasks, out-of-memory events (moby libcontainerd/remote). */
import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { errorMessage, invalidArgument, isEngineError } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { failpoint } from '../platform/failpoint.ts';
import { DEFAULT_PROFILE, ensureDefaultProfile } from './apparmor.ts';
import { ContainerdError, decodeMessage, type Message } from './containerd-client.ts';
import { whileAway } from './containerd-process.ts';
import type { Containerd } from './containerd-supervisor.ts';
import { ContainerdTask, jsonAny, protoAny } from './containerd-task.ts';
import type { Runtime, Task, TaskCreateRequest } from './runtime.ts';
import { runtimeBinaries, withStockRuntimes } from './runtime-binaries.ts';
import { startFailure } from './runtime-errors.ts';
import { ShimPool } from './shim-pool.ts';
import { endLeftovers } from './task-leftovers.ts';

const SPEC_TYPE = 'types.containerd.io/opencontainers/runtime-spec/1/Spec';
const RUNC_OPTIONS_TYPE = 'containerd.runc.v1.Options';
const SHIM = 'io.containerd.runc.v2';
const SIGKILL = 9;
const run = promisify(execFile);

export interface RuntimeOptions {
  readonly containerd: Containerd;
  readonly execRoot: string;
  readonly namespace: string;
  /** `--add-runtime`: name → binary and arguments; `runc` is always there. */
  readonly runtimes: ReadonlyMap<
    string,
    { readonly path: string; readonly runtimeArgs: readonly string[] }
  >;
  readonly usesSystemdCgroup: boolean;
  readonly initPath?: string;
  readonly log: Log;
}

/** The runtime, and its release: warm shims and subscriptions go, tasks stay. */
export type ClosableRuntime = Runtime & {
  close(): Promise<void>;
  /** `--add-runtime` as it is after a reload; what runs goes on with the runtime it has. */
  setRuntimes(added: RuntimeOptions['runtimes']): Promise<void>;
};

export async function createRuntime(options: RuntimeOptions): Promise<ClosableRuntime> {
  const runtimes = withStockRuntimes(options.runtimes);
  const [pool, binaries] = await Promise.all([
    ShimPool.open(options),
    runtimeBinaries(join(options.execRoot, 'runtimes'), runtimes),
  ]);
  return new ContainerdRuntime(options, { runtimes, pool, binaries });
}

interface RuntimeParts {
  readonly runtimes: Runtime['runtimes'];
  readonly pool: ShimPool;
  readonly binaries: ReadonlyMap<string, string>;
}

class ContainerdRuntime implements ClosableRuntime {
  #runtimes: Runtime['runtimes'];
  readonly #options: RuntimeOptions;
  readonly #pool: ShimPool;
  #binaries: ReadonlyMap<string, string>;
  readonly #oomListeners = new Set<(containerId: string) => void>();
  #subscription: Disposable | undefined;
  readonly #restarts: Disposable;
  /** Asked once: a process start for every `docker info` would be felt. */
  #binaryVersions: ReturnType<typeof binaryVersions> | undefined;
  #isClosed = false;

  constructor(options: RuntimeOptions, parts: RuntimeParts) {
    this.#options = options;
    this.#runtimes = parts.runtimes;
    this.#pool = parts.pool;
    this.#binaries = parts.binaries;
    this.#restarts = options.containerd.onRestart(() => this.#subscribe());
    this.#subscribe();
    this.prepare();
  }

  get runtimes(): Runtime['runtimes'] {
    return this.#runtimes;
  }

  async setRuntimes(added: RuntimeOptions['runtimes']): Promise<void> {
    const runtimes = withStockRuntimes(added);
    const directory = join(this.#options.execRoot, 'runtimes');
    // A runtime that is gone from the file may still have containers to delete.
    const binaries = await runtimeBinaries(directory, runtimes);
    this.#binaries = new Map([...this.#binaries, ...binaries]);
    this.#runtimes = runtimes;
  }

  get #client(): Containerd['client'] {
    return this.#options.containerd.client;
  }

  prepare(): void {
    this.#pool.refillSoon();
  }

  async create(request: TaskCreateRequest): Promise<Task> {
    const { containerId, spec, stdio } = request;
    if (spec.process.apparmorProfile === DEFAULT_PROFILE) await ensureDefaultProfile();
    try {
      await this.#createRecord(request);
      failpoint('start: runtime record made');
      const answer = await this.#client.call('tasks', 'Create', {
        container_id: containerId,
        stdin: stdio.stdin,
        stdout: stdio.stdout,
        stderr: stdio.stderr,
        terminal: stdio.terminal,
        options: this.#runcOptions(request.runtime),
        runtime_path: this.#pool.launcherPath,
      });
      return new ContainerdTask(this.#client, containerId, Number(answer['pid'] ?? 0));
    } catch (error) {
      await this.purge(containerId);
      throw startFailure(error);
    } finally {
      this.#pool.onStart();
    }
  }

  async #createRecord(request: TaskCreateRequest): Promise<void> {
    const container = {
      id: request.containerId,
      runtime: { name: SHIM, options: this.#runcOptions(request.runtime) },
      spec: jsonAny(SPEC_TYPE, request.spec),
    };
    try {
      await this.#client.call('containers', 'Create', { container });
    } catch (error) {
      if (!(error instanceof ContainerdError) || !error.isAlreadyExists) throw error;
      // Left by a run that was cut off.
      await this.purge(request.containerId);
      await this.#client.call('containers', 'Create', { container });
    }
  }

  #runcOptions(runtime: string): Message {
    const binary = this.#binaries.get(runtime);
    if (binary === undefined) throw invalidArgument(`runtime not found in config: ${runtime}`);
    return protoAny(RUNC_OPTIONS_TYPE, 'RuncOptions', {
      binary_name: binary,
      root: join(this.#options.execRoot, `runtime-${encodeURIComponent(runtime)}`),
      systemd_cgroup: this.#options.usesSystemdCgroup,
    });
  }

  async load(containerId: string): Promise<Task | undefined> {
    try {
      const answer = await whileAway(() =>
        this.#client.call('tasks', 'Get', { container_id: containerId }),
      );
      const { pid = 0 } = (answer['process'] ?? {}) as { pid?: number };
      return new ContainerdTask(this.#client, containerId, pid);
    } catch (error) {
      if (error instanceof ContainerdError && error.isNotFound) return undefined;
      throw error;
    }
  }

  async list(): Promise<readonly string[]> {
    const [containers, tasks] = await Promise.all([
      whileAway(() => this.#client.call('containers', 'List', {})),
      whileAway(() => this.#client.call('tasks', 'List', {})),
    ]);
    return [
      ...new Set([
        ...((containers['containers'] ?? []) as { id: string }[]).map(({ id }) => id),
        ...((tasks['tasks'] ?? []) as { container_id: string; id: string }[]).map(
          (task) => task.container_id || task.id,
        ),
      ]),
    ];
  }

  async purge(containerId: string): Promise<void> {
    const task = await this.load(containerId);
    if (task) await this.#endTask(task);
    await this.#deleteRecord(containerId);
  }

  /** Kills and deletes a task in whatever state it is. What fails is logged: the record goes in any case. */
  async #endTask(task: Task): Promise<void> {
    try {
      // A frozen process cannot die.
      if ((await task.state()) === 'paused') await task.resume();
      await killAll(task);
      if ((await task.state()) === 'running') await task.wait();
      await task.delete();
    } catch (error) {
      // Gone in between: what was wanted.
      if (isEngineError(error, 'notFound')) return;
      this.#options.log.warn('task could not be deleted', {
        container: task.containerId,
        error: errorMessage(error),
      });
    }
  }

  async sweep(live: ReadonlySet<string>, lost: readonly string[]): Promise<void> {
    const { containerd, execRoot, namespace, log } = this.#options;
    // An adopted containerd keeps its bundles where it likes, and may serve others.
    if (containerd.pid === undefined) return;
    await endLeftovers({ execRoot, namespace, binaries: this.#binaries, log }, live, lost);
    await this.#pool.endUnserving();
  }

  async #deleteRecord(containerId: string): Promise<void> {
    try {
      await whileAway(() => this.#client.call('containers', 'Delete', { id: containerId }));
    } catch (error) {
      if (!(error instanceof ContainerdError) || !error.isNotFound) throw error;
    }
  }

  onOom(listener: (containerId: string) => void): Disposable {
    this.#oomListeners.add(listener);
    return { [Symbol.dispose]: () => this.#oomListeners.delete(listener) };
  }

  #subscribe(): void {
    if (this.#isClosed) return;
    this.#subscription?.[Symbol.dispose]();
    this.#subscription = this.#client.subscribe(['topic=="/tasks/oom"'], {
      onEvent: (envelope) => this.#tellOom(envelope),
      // containerd's restart subscribes anew.
      onEnd: () => undefined,
    });
  }

  #tellOom(envelope: Message): void {
    if (envelope['namespace'] !== this.#options.namespace) return;
    const event = envelope['event'] as { value?: Uint8Array } | undefined;
    if (!event?.value) return;
    const { container_id: id } = decodeMessage('TaskOom', event.value) as { container_id: string };
    for (const listener of this.#oomListeners) listener(id);
  }

  async version(): Promise<{ containerd: string; runc: string; init: string }> {
    this.#binaryVersions ??= binaryVersions(this.#options.initPath);
    const [{ version }, binaries] = await Promise.all([
      this.#client.call('version', 'Version', {}),
      this.#binaryVersions,
    ]);
    return { containerd: String(version), ...binaries };
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    this.#restarts[Symbol.dispose]();
    this.#subscription?.[Symbol.dispose]();
    await this.#pool.close();
  }
}

async function killAll(task: Task): Promise<void> {
  try {
    await task.kill(SIGKILL, { all: true });
  } catch (error) {
    // It has ended already; it is still to be deleted.
    if (!isEngineError(error, 'notFound')) throw error;
  }
}

async function binaryVersions(
  initPath: string | undefined,
): Promise<{ runc: string; init: string }> {
  const [runc, init] = await Promise.all([
    firstLine('runc', ['--version']),
    initPath === undefined ? '' : firstLine(initPath, ['--version']),
  ]);
  return { runc: runc.replace('runc version ', ''), init };
}

async function firstLine(command: string, args: readonly string[]): Promise<string> {
  try {
    return (await run(command, [...args])).stdout.split('\n')[0] ?? '';
  } catch {
    // Not installed: the field stays empty, as dockerd's "N/A".
    return '';
  }
}
