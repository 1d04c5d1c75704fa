/**
 * A private containerd under supervision: started, watched, started again with back-off when it dies
 * (its shims, and so the containers, live on), stopped at the end. Or an adopted one, which is only
 * talked to. Follows moby libcontainerd/supervisor.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync } from 'node:fs';
import { mkdir, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errorMessage, unavailable } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { setAside, sweepTemporaryFiles, writeFileAtomic } from '../platform/atomic-file.ts';
import { hasErrno } from '../platform/libc.ts';
import { commandLines, isAlive, killPid } from '../platform/process.ts';
import { ContainerdClient, ContainerdError } from './containerd-client.ts';
import { type ContainerdPaths, containerdPaths, containerdToml } from './containerd-config.ts';

const START_LIMIT_MS = 15_000;
const STOP_LIMIT_MS = 15_000;
const FIRST_BACKOFF_MS = 50;
const MAX_BACKOFF_MS = 5_000;
/** A run this long makes the next failure count as the first. */
const STABLE_RUN_MS = 30_000;
const POLL_MS = 10;
const MAX_LOG_BYTES = 10 * 1024 * 1024;
/** Three unanswered questions in a row, as dockerd has it. */
const HEALTH_FAILURES = 3;
const HEALTH_INTERVAL_MS = 5_000;
const HEALTH_LIMIT_MS = 3_000;
const CONTAINERD_GOGC = '40';

export interface ContainerdOptions {
  readonly execRoot: string;
  readonly namespace: string;
  readonly logLevel: string;
  readonly log: Log;
  /** `--containerd`: talk to this one, supervise none. */
  readonly adopt?: string;
}

/** A containerd to talk to. */
export interface Containerd {
  readonly address: string;
  readonly ttrpcAddress: string;
  readonly client: ContainerdClient;
  /** undefined when adopted. */
  readonly pid: number | undefined;
  /** Called after every restart, when it answers again. */
  onRestart(listener: () => void): Disposable;
  stop(): Promise<void>;
}

/** Starts (or adopts) containerd and answers when it serves. Throws unavailable when it does not. */
export async function startContainerd(options: ContainerdOptions): Promise<Containerd> {
  if (options.adopt !== undefined) return adopt(options, options.adopt);
  const supervisor = new Supervisor(options);
  try {
    await supervisor.start();
    return supervisor;
  } catch (error) {
    supervisor.client.close();
    throw error;
  }
}

async function adopt(options: ContainerdOptions, address: string): Promise<Containerd> {
  const client = new ContainerdClient(address, options.namespace);
  try {
    await client.waitUntilReady(START_LIMIT_MS);
  } catch (error) {
    client.close();
    throw unavailable(
      `containerd at ${address} does not answer; start it or leave --containerd out (${errorMessage(error)})`,
      { cause: error },
    );
  }
  return {
    address,
    ttrpcAddress: `${address}.ttrpc`,
    client,
    pid: undefined,
    onRestart: () => ({ [Symbol.dispose]: () => undefined }),
    stop: async () => client.close(),
  };
}

class Supervisor implements Containerd {
  readonly #options: ContainerdOptions;
  readonly #paths: ContainerdPaths;
  readonly client: ContainerdClient;
  readonly #listeners = new Set<() => void>();
  #child: ChildProcess | undefined;
  #isStopping = false;
  /** It ended by itself before it served, or serves without its database. */
  #hasGivenUp = false;
  #backoffMs = FIRST_BACKOFF_MS;
  #restarting: Promise<void> = Promise.resolve();

  constructor(options: ContainerdOptions) {
    this.#options = options;
    this.#paths = containerdPaths(options.execRoot);
    this.client = new ContainerdClient(this.#paths.address, options.namespace);
  }

  get address(): string {
    return this.#paths.address;
  }

  get ttrpcAddress(): string {
    return this.#paths.ttrpcAddress;
  }

  get pid(): number | undefined {
    return this.#child?.pid;
  }

  onRestart(listener: () => void): Disposable {
    this.#listeners.add(listener);
    return { [Symbol.dispose]: () => this.#listeners.delete(listener) };
  }

  async start(): Promise<void> {
    await mkdir(this.#paths.root, { recursive: true, mode: 0o711 });
    await sweepTemporaryFiles(dirname(this.#paths.configFile));
    await limitLog(this.#paths.logFile);
    await this.#endLeftover();
    await writeFileAtomic(
      this.#paths.configFile,
      containerdToml(this.#paths, this.#options.logLevel),
      { mode: 0o600, sync: false },
    );
    await this.#launchOrBeginAnew();
  }

  /** One left by a daemon that was killed holds the lock on its database: it is ended, its shims stay. */
  async #endLeftover(): Promise<void> {
    const mark = ` --config ${this.#paths.configFile}`;
    for (const { pid } of commandLines().filter(({ line }) => line.endsWith(mark))) {
      this.#options.log.info('ending the containerd of a previous daemon', { pid });
      await endProcess(pid);
    }
  }

  /**
   * What containerd cannot start with is set aside: its database first, then what it knows of tasks. It
   * begins anew then, and tasks it has lost sight of are ended by the sweep.
   */
  async #launchOrBeginAnew(): Promise<void> {
    for (const directory of [this.#paths.root, this.#paths.state]) {
      try {
        return await this.#launch();
      } catch (error) {
        // Killed, slow or not installed: nothing of that is its files' fault.
        if (!this.#hasGivenUp) throw error;
        const movedTo = await setAside(directory);
        this.#options.log.error('containerd did not start and begins anew, its files are kept', {
          movedTo,
          error: errorMessage(error),
        });
        await mkdir(directory, { recursive: true, mode: 0o711 });
      }
    }
    await this.#launch();
  }

  async #launch(): Promise<void> {
    const startedMs = Date.now();
    await rm(this.#paths.address, { force: true });
    const child = this.#spawn();
    this.#child = child;
    const exited = new Promise<string>((resolve) => {
      child.once('error', (error) => resolve(error.message));
      child.once('exit', (code, signal) => resolve(signal ?? `exit code ${code}`));
    });
    this.#hasGivenUp = false;
    const failed = await Promise.race([exited, this.#waitUntilServing()]);
    this.#hasGivenUp ||= child.pid !== undefined && child.exitCode !== null;
    if (failed !== undefined) {
      if (child.pid !== undefined) await endProcess(child.pid);
      throw unavailable(`containerd did not start: ${failed}. Its log is ${this.#paths.logFile}`);
    }
    this.#options.log.debug('containerd serves', { pid: child.pid, ms: Date.now() - startedMs });
    const health = this.#watchHealth(child);
    void exited.then((how) => {
      clearInterval(health);
      this.#onExit(how, startedMs);
    });
  }

  #spawn(): ChildProcess {
    // A file, not a pipe: containerd must not die of our end.
    const log = openSync(this.#paths.logFile, 'a', 0o600);
    // Readiness is ours to tell the service manager.
    const { NOTIFY_SOCKET: _, ...env } = process.env;
    try {
      return spawn('containerd', ['--config', this.#paths.configFile], {
        stdio: ['ignore', log, log],
        detached: true,
        cwd: '/',
        // Its heap is small and short-lived; collected sooner it stays small.
        env: { GOGC: CONTAINERD_GOGC, ...env },
      });
    } finally {
      closeSync(log);
    }
  }

  /** Undefined when it serves; why not, after the limit. */
  async #waitUntilServing(): Promise<string | undefined> {
    const limit = Date.now() + START_LIMIT_MS;
    for (;;) {
      try {
        // With a broken database it serves, but not this.
        await this.client.call('containers', 'List', {}, { deadlineMs: 1000 });
        return undefined;
      } catch (error) {
        if (error instanceof ContainerdError && error.isUnimplemented) {
          this.#hasGivenUp = true;
          return `it cannot read its database (${errorMessage(error)})`;
        }
        if (Date.now() > limit) return `it does not answer (${errorMessage(error)})`;
        await delay(POLL_MS);
      }
    }
  }

  /** One that runs but does not answer is killed; its end then starts it again. */
  #watchHealth(child: ChildProcess): NodeJS.Timeout {
    let failures = 0;
    const check = async (): Promise<void> => {
      try {
        await this.client.call('version', 'Version', {}, { deadlineMs: HEALTH_LIMIT_MS });
        failures = 0;
      } catch (error) {
        if (this.#isStopping || ++failures < HEALTH_FAILURES) return;
        this.#options.log.error('containerd does not answer, killing it', {
          error: errorMessage(error),
        });
        child.kill('SIGKILL');
      }
    };
    return setInterval(() => void check(), HEALTH_INTERVAL_MS).unref();
  }

  #onExit(how: string, startedMs: number): void {
    if (this.#isStopping) return;
    if (Date.now() - startedMs > STABLE_RUN_MS) this.#backoffMs = FIRST_BACKOFF_MS;
    this.#options.log.error('containerd ended, starting it again; containers go on', { how });
    this.#restarting = this.#restart();
  }

  async #restart(): Promise<void> {
    while (!this.#isStopping) {
      await delay(this.#backoffMs, undefined, { ref: false });
      this.#backoffMs = Math.min(this.#backoffMs * 2, MAX_BACKOFF_MS);
      if (this.#isStopping) return;
      try {
        await this.#launch();
        for (const listener of [...this.#listeners]) listener();
        return;
      } catch (error) {
        this.#options.log.error('containerd could not be started again', {
          error: errorMessage(error),
        });
      }
    }
  }

  async stop(): Promise<void> {
    this.#isStopping = true;
    await this.#restarting;
    this.client.close();
    const pid = this.#child?.pid;
    if (pid !== undefined) await endProcess(pid);
    await Promise.all([
      rm(this.#paths.address, { force: true }),
      rm(this.#paths.ttrpcAddress, { force: true }),
    ]);
  }
}

/** Begins a new log when the old one has grown; one old log is kept. */
async function limitLog(path: string): Promise<void> {
  try {
    if ((await stat(path)).size > MAX_LOG_BYTES) await rename(path, `${path}.1`);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error;
  }
}

/** SIGTERM, time to end, SIGKILL. */
async function endProcess(pid: number): Promise<void> {
  const limit = Date.now() + STOP_LIMIT_MS;
  killPid(pid, 'SIGTERM');
  while (isAlive(pid)) {
    if (Date.now() > limit) killPid(pid, 'SIGKILL');
    await delay(POLL_MS);
  }
}
