/** A containerd and a runtime of the test's own over a busybox root, and what must not be left of them. */
import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { copyFile, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import type { Log } from '../../src-main/daemon/log/log.ts';
import {
  type ClosableRuntime,
  createRuntime,
} from '../../src-main/daemon/runtime/containerd-runtime.ts';
import {
  type Containerd,
  startContainerd,
} from '../../src-main/daemon/runtime/containerd-supervisor.ts';
import { buildOciSpec, type SpecRequest } from '../../src-main/daemon/runtime/oci-spec.ts';
import type { OciSpec } from '../../src-main/daemon/runtime/oci-types.ts';
import type { Runtime, Task } from '../../src-main/daemon/runtime/runtime.ts';
import { TaskStdio } from '../../src-main/daemon/runtime/task-stdio.ts';

const NAMESPACE = 'windlass-test';
const APPLETS = ['sh', 'true', 'cat', 'sleep', 'echo', 'head', 'stty', 'env', 'id', 'yes', 'dd'];

/** Collects what is logged, so that a test can read it. */
export function recordingLog(): Log & { readonly lines: string[] } {
  const lines: string[] = [];
  const write =
    (level: string) =>
    (message: string, fields: object = {}): void => {
      lines.push(`${level} ${message} ${JSON.stringify(fields)}`);
    };
  return {
    lines,
    debug: write('debug'),
    info: write('info'),
    warn: write('warn'),
    error: write('error'),
    isDebug: () => true,
  };
}

/** Waits until a condition holds; throws with its name when it never does. */
export async function until(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const limit = Date.now() + 10_000; Date.now() < limit; await delay(10)) {
    if (await holds()) return;
  }
  throw new Error(`never happened: ${what}`);
}

/** Everything a stream gives until its end. */
export async function textOf(stream: Readable | undefined): Promise<string> {
  const parts: Buffer[] = [];
  for await (const part of stream ?? []) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
}

/** Command lines of every running process that names the directory. */
export function processesNaming(directory: string): string[] {
  return readdirSync('/proc').flatMap((pid) => {
    if (!/^\d+$/.test(pid)) return [];
    try {
      const command = readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ');
      return command.includes(directory) ? [`${pid} ${command}`] : [];
    } catch {
      // It ended while we looked.
      return [];
    }
  });
}

export const newId = (): string => randomBytes(32).toString('hex');

export interface RunRequest {
  readonly args: readonly string[];
  readonly id?: string;
  readonly terminal?: boolean;
  readonly stdin?: boolean;
  readonly runtime?: string;
  readonly spec?: Partial<SpecRequest>;
}

export interface RunningTask {
  readonly id: string;
  readonly task: Task;
  readonly stdio: TaskStdio;
}

export class RuntimeRoom implements AsyncDisposable {
  readonly root: string;
  readonly log = recordingLog();
  containerd!: Containerd;
  runtime!: ClosableRuntime;

  private constructor(root: string) {
    this.root = root;
  }

  static async open(runtimes: Runtime['runtimes'] = new Map()): Promise<RuntimeRoom> {
    const room = new RuntimeRoom(await mkdtemp(join(tmpdir(), 'wl-runtime-')));
    await room.#makeRootfs();
    await room.start(runtimes);
    return room;
  }

  /** Over a root that is there; the caller starts it. */
  static async over(root: string): Promise<RuntimeRoom> {
    return new RuntimeRoom(root);
  }

  get execRoot(): string {
    return join(this.root, 'exec');
  }

  get rootfs(): string {
    return join(this.root, 'rootfs');
  }

  async #makeRootfs(): Promise<void> {
    for (const name of ['bin', 'dev', 'etc', 'proc', 'sys', 'tmp', 'root'])
      await mkdir(join(this.rootfs, name), { recursive: true });
    await copyFile('/bin/busybox', join(this.rootfs, 'bin/busybox'));
    for (const name of APPLETS) await symlink('busybox', join(this.rootfs, 'bin', name));
    await writeFile(join(this.rootfs, 'etc/passwd'), 'root:x:0:0:root:/root:/bin/sh\n');
  }

  /** Also a daemon that starts anew over what an earlier one left. */
  async start(runtimes: Runtime['runtimes'] = new Map()): Promise<void> {
    const { execRoot, log } = this;
    this.containerd = await startContainerd({
      execRoot,
      namespace: NAMESPACE,
      logLevel: 'warn',
      log,
    });
    this.runtime = await createRuntime({
      containerd: this.containerd,
      execRoot,
      namespace: NAMESPACE,
      runtimes,
      usesSystemdCgroup: false,
      log,
    });
  }

  /** Lets go as a daemon does that leaves its containers running. */
  async stop(): Promise<void> {
    await this.runtime.close();
    await this.containerd.stop();
  }

  spec(request: RunRequest & { readonly id: string }): OciSpec {
    return buildOciSpec({
      containerId: request.id,
      config: { Hostname: 'test', Tty: request.terminal ?? false },
      hostConfig: { NetworkMode: 'none' },
      rootfs: this.rootfs,
      user: { uid: 0, gid: 0, additionalGids: [0], home: '/root' },
      args: request.args,
      env: ['PATH=/bin'],
      mounts: {
        mounts: [],
        tmpfs: {},
        networkFiles: { hosts: '', hostname: '', resolvConf: '' },
        shmPath: undefined,
        shmSizeBytes: 1024 * 1024,
        initPath: undefined,
        readOnlyRootfs: false,
      },
      namespaces: { network: 'new', pid: 'new', ipc: 'new', uts: 'new', cgroup: 'host' },
      cgroup: { parent: '/windlass-test', usesSystemd: false },
      defaultUlimits: [],
      daemonSeccompProfile: undefined,
      noNewPrivileges: false,
      ...request.spec,
    });
  }

  /** Creates a task; the caller starts it. */
  async create(request: RunRequest): Promise<RunningTask> {
    const id = request.id ?? newId();
    const stdio = await TaskStdio.create(this.execRoot, id, {
      terminal: request.terminal ?? false,
      stdin: request.stdin ?? false,
    });
    try {
      const task = await this.runtime.create({
        containerId: id,
        spec: this.spec({ ...request, id }),
        stdio: stdio.paths,
        runtime: request.runtime ?? 'runc',
      });
      return { id, task, stdio };
    } catch (error) {
      await stdio.close();
      throw error;
    }
  }

  /** Runs to the end; everything of it is freed. */
  async run(
    request: RunRequest,
  ): Promise<{ exitCode: number; stdout: string; stderr: string; id: string }> {
    const { id, task, stdio } = await this.create(request);
    const output = Promise.all([textOf(stdio.stdout), textOf(stdio.stderr)]);
    await task.start();
    const { exitCode } = await task.wait();
    const [stdout, stderr] = await output;
    await task.delete();
    await stdio.close();
    return { exitCode, stdout, stderr, id };
  }

  async free({ task, stdio }: RunningTask): Promise<void> {
    await this.runtime.purge(task.containerId);
    await stdio.close();
  }

  /** What should be nothing once all tasks are gone: processes, mounts, FIFOs, shim directories. */
  leftovers(): { processes: string[]; mounts: string[]; files: string[] } {
    const list = (name: string): string[] => {
      const directory = join(this.execRoot, name);
      return existsSync(directory) ? readdirSync(directory).map((file) => `${name}/${file}`) : [];
    };
    const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
    return {
      processes: processesNaming(this.root),
      mounts: mounts.filter((line) => line.includes(this.root)),
      files: [...list('stdio'), ...list('shims')].filter((name) => !name.endsWith('/launcher')),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await rm(this.root, { recursive: true, force: true });
  }
}

export const NOTHING_LEFT = { processes: [], mounts: [], files: [] };
