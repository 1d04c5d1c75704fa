/**
 * Warm shims. containerd starts a shim by running `<shim> … start`, which costs two process starts of
 * a Go program. Our launcher stands in its place and answers `start` with the socket of a shim that
 * is running and idle already; any other call, and an empty pool, go to the real shim. One shim serves one
 * container, is containerd's own program, and ends when containerd shuts it down.
 */
import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errorMessage } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { sweepTemporaryFiles, writeFileAtomic } from '../platform/atomic-file.ts';
import { type DetachedProcess, startDetached } from '../platform/detached-process.ts';
import { failpoint } from '../platform/failpoint.ts';
import { holdFifo, makeFifo } from '../platform/fifo.ts';
import { isServed } from '../platform/is-served.ts';
import { hasErrno } from '../platform/libc.ts';
import { namesIn } from '../platform/names-in.ts';
import { containerdPaths, TASK_PLUGIN } from './containerd-config.ts';
import type { Containerd } from './containerd-supervisor.ts';
import { shellQuoted } from './shell-quote.ts';
import { endShims, shimProcesses } from './shim-processes.ts';

const SHIM_BINARY = 'containerd-shim-runc-v2';
/** Enough for one start after another. */
const QUIET_SIZE = 3;
/** While containers start one upon the other; beyond it they get shims of their own. */
const BUSY_SIZE = 10;
/** Starts so far back tell how many are to come. */
const BUSY_WINDOW_MS = 1_000;
/** What a burst left over is ended when there was none for this long. */
const SHRINK_DELAY_MS = 5_000;
/** Refilling waits until the start that emptied the pool is through. */
const REFILL_DELAY_MS = 40;
const READY_LIMIT_MS = 5_000;
const SHIM_OOM_SCORE = '-499';

export interface ShimPoolOptions {
  readonly containerd: Containerd;
  readonly execRoot: string;
  readonly namespace: string;
  readonly log: Log;
}

function findOnPath(name: string): string | undefined {
  for (const directory of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(directory, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this directory.
    }
  }
  return undefined;
}

/** Each quoted for sh. */
interface LauncherPaths {
  readonly realShim: string;
  readonly shims: string;
  /** Where the runtimes keep a container's state: `runtime-<name>/<namespace>/<id>`. */
  readonly states: string;
  readonly namespace: string;
}

/**
 * `set -C` makes `>` create exclusively: the claim is atomic without starting a process. It stays as
 * long as its shim runs, so that a launcher with an old list cannot claim that shim again; the address
 * is read before, because the daemon withdraws the offer as soon as it sees the claim. containerd 1.6
 * also runs `delete` after every shim that ended well; where the runtime knows the container no more,
 * nothing is left to do and two process starts are saved.
 */
const launcherScript = ({ realShim, shims, states, namespace }: LauncherPaths): string => `#!/bin/sh
id= before=
for word; do
  [ "$before" = -id ] && id=$word
  before=$word
done
case $before in
start)
  set -C
  for ready in ${shims}/*.ready; do
    pid=
    { { IFS= read -r address; IFS= read -r pid; } < "$ready"; } 2>/dev/null
    [ -n "$pid" ] || continue
    if (: > "\${ready%.ready}.claimed") 2>/dev/null; then
      # It may have ended since the list was made, and its claim with it.
      kill -0 "$pid" 2>/dev/null || continue
      # containerd finds the shim again by this file after its own restart.
      printf '%s' "$address" > address
      printf '%s' "$address"
      exit 0
    fi
  done
  ;;
delete)
  for state in ${states}/runtime-*/${namespace}/"$id"; do
    [ -e "$state" ] && exec ${realShim} "$@"
  done
  exit 0
  ;;
esac
exec ${realShim} "$@"
`;

interface WarmShim {
  readonly name: string;
  readonly child: DetachedProcess;
  readonly log: Disposable;
}

export class ShimPool {
  readonly #options: ShimPoolOptions;
  readonly #directory: string;
  readonly #realShim: string | undefined;
  readonly #shims = new Map<string, WarmShim>();
  #timer: NodeJS.Timeout | undefined;
  #shrinkTimer: NodeJS.Timeout | undefined;
  /** When the last containers were started, oldest first. */
  #starts: number[] = [];
  #refilling: Promise<void> = Promise.resolve();
  #isClosed = false;

  private constructor(options: ShimPoolOptions) {
    this.#options = options;
    this.#directory = join(options.execRoot, 'shims');
    this.#realShim = findOnPath(SHIM_BINARY);
  }

  static async open(options: ShimPoolOptions): Promise<ShimPool> {
    const pool = new ShimPool(options);
    await pool.#prepareDirectory();
    return pool;
  }

  /** What containerd runs as the shim; '' = its own choice. */
  get launcherPath(): string {
    return this.#realShim === undefined ? '' : join(this.#directory, 'launcher');
  }

  async #prepareDirectory(): Promise<void> {
    if (this.#realShim === undefined) return;
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    await sweepTemporaryFiles(this.#directory);
    await this.endUnserving();
    const launcher = join(this.#directory, 'launcher');
    await writeFile(
      launcher,
      launcherScript({
        realShim: shellQuoted(this.#realShim),
        shims: shellQuoted(this.#directory),
        states: shellQuoted(this.#options.execRoot),
        namespace: shellQuoted(this.#options.namespace),
      }),
    );
    await chmod(launcher, 0o700);
  }

  /**
   * What a daemon that was killed left: shims that serve a container are left alone, others are ended;
   * directories and claims of ended ones go. Before anything is started, and again when tasks that
   * nobody knows have been removed.
   */
  endUnserving(): Promise<void> {
    // Not while one is being started: it is in the directory before it is known.
    this.#refilling = this.#refilling.then(() => this.#endUnserving());
    return this.#refilling;
  }

  async #endUnserving(): Promise<void> {
    const served = await servedSockets(this.#options);
    const files = await readdir(this.#directory);
    const running = shimProcesses(this.#options.containerd.address).filter(
      ({ id, socket }) => socket === this.#socketOf(id),
    );
    const names = new Set([
      ...files.flatMap((file) => /^warm-[0-9a-f]+/.exec(file) ?? []),
      ...running.map(({ id }) => id),
    ]);
    for (const name of names) {
      if (this.#shims.has(name)) continue;
      const own = running.filter(({ id }) => id === name);
      const isClaimed = files.includes(`${name}.claimed`);
      const serves = served === undefined || served.has(this.#socketOf(name));
      if (own.length > 0 && isClaimed && serves) this.#withdraw(name);
      else {
        endShims(own);
        this.#discard(name);
      }
    }
  }

  #socketOf(name: string): string {
    return join(this.#directory, name, 's');
  }

  /** A container was started: fills the pool in a moment, the more the more there were of late. */
  onStart(): void {
    const now = performance.now();
    this.#starts = [...this.#starts.filter((at) => now - at < BUSY_WINDOW_MS), now];
    this.refillSoon();
  }

  get #target(): number {
    return Math.min(Math.max(this.#starts.length, QUIET_SIZE), BUSY_SIZE);
  }

  /** Fills the pool in a moment. */
  refillSoon(): void {
    if (this.#isClosed || this.#realShim === undefined || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#refilling = this.#refilling.then(() => this.#refill());
    }, REFILL_DELAY_MS);
    this.#timer.unref();
  }

  async #refill(): Promise<void> {
    try {
      this.#dropClaimed();
      while (!this.#isClosed && this.#shims.size < this.#target) await this.#startOne();
      if (this.#shims.size > QUIET_SIZE) this.#shrinkLater();
    } catch (error) {
      this.#options.log.warn('no warm shim', { error: errorMessage(error) });
    }
  }

  #shrinkLater(): void {
    clearTimeout(this.#shrinkTimer);
    this.#shrinkTimer = setTimeout(() => {
      this.#starts = [];
      this.#refilling = this.#refilling.then(() => this.#shrink());
    }, SHRINK_DELAY_MS);
    this.#shrinkTimer.unref();
  }

  /** Claims each as a launcher would: what is claimed by us, no container can get. */
  async #shrink(): Promise<void> {
    this.#dropClaimed();
    for (const { name, child } of [...this.#shims.values()].slice(QUIET_SIZE)) {
      if (!this.#claim(name)) continue;
      await this.#end(name, child);
    }
  }

  #claim(name: string): boolean {
    try {
      writeFileSync(join(this.#directory, `${name}.claimed`), '', { flag: 'wx' });
      return true;
    } catch (error) {
      if (hasErrno(error, 'EEXIST')) return false;
      throw error;
    }
  }

  async #end(name: string, child: DetachedProcess): Promise<void> {
    child.kill('SIGKILL');
    await child.ended;
    this.#onExit(name);
  }

  /** Claimed shims belong to their containers now. */
  #dropClaimed(): void {
    for (const shim of [...this.#shims.values()]) {
      if (!existsSync(join(this.#directory, `${shim.name}.claimed`))) continue;
      this.#shims.delete(shim.name);
      shim.log[Symbol.dispose]();
      this.#withdraw(shim.name);
    }
  }

  /** Its claim stays as long as it runs. */
  #withdraw(name: string): void {
    rmSync(join(this.#directory, `${name}.ready`), { force: true });
  }

  /** A handful of small files in memory: done at once, sooner than a thread could be asked. */
  #discard(name: string): void {
    // In this order: without its claim a shim would be offered again.
    this.#withdraw(name);
    rmSync(join(this.#directory, `${name}.claimed`), { force: true });
    rmSync(join(this.#directory, name), { recursive: true, force: true });
  }

  async #startOne(): Promise<void> {
    const name = `warm-${randomBytes(6).toString('hex')}`;
    const directory = join(this.#directory, name);
    const socket = this.#socketOf(name);
    mkdirSync(directory, { mode: 0o700 });
    // The shim logs into a FIFO named `log` in its working directory, and must find a reader.
    makeFifo(join(directory, 'log'));
    const log = holdFifo(join(directory, 'log'));
    const child = await this.#spawn(name, directory).catch((error: unknown) => {
      log[Symbol.dispose]();
      this.#discard(name);
      throw error;
    });
    this.#shims.set(name, { name, child, log });
    void child.ended.then(() => this.#onExit(name));
    failpoint('restore: shim begun');
    await waitForListener(socket);
    protectFromOom(child.pid);
    await writeFileAtomic(
      join(this.#directory, `${name}.ready`),
      `unix://${socket}\n${String(child.pid)}\n`,
      { sync: false },
    );
  }

  #spawn(name: string, directory: string): Promise<DetachedProcess> {
    const { containerd, namespace } = this.#options;
    return startDetached(
      this.#realShim ?? SHIM_BINARY,
      [
        ...['-namespace', namespace, '-id', name, '-address', containerd.address],
        ...['-publish-binary', 'containerd', '-socket', this.#socketOf(name)],
      ],
      {
        cwd: directory,
        env: {
          PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin',
          TTRPC_ADDRESS: containerd.ttrpcAddress,
          GOMAXPROCS: '2',
        },
      },
    );
  }

  #onExit(name: string): void {
    const shim = this.#shims.get(name);
    shim?.log[Symbol.dispose]();
    this.#shims.delete(name);
    this.#discard(name);
  }

  /** Ends idle shims; those that serve a container stay. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#shrinkTimer);
    await this.#refilling;
    if (this.#realShim === undefined) return;
    this.#dropClaimed();
    await Promise.all([...this.#shims.values()].map(({ name, child }) => this.#end(name, child)));
  }
}

/**
 * The sockets of the shims that serve a container, by what lies in containerd's bundles; undefined
 * when containerd is not ours and keeps them elsewhere.
 */
async function servedSockets(options: ShimPoolOptions): Promise<Set<string> | undefined> {
  if (options.containerd.pid === undefined) return undefined;
  const bundles = join(containerdPaths(options.execRoot).state, TASK_PLUGIN, options.namespace);
  const served = new Set<string>();
  for (const id of await namesIn(bundles)) {
    try {
      const address = await readFile(join(bundles, id, 'address'), 'utf8');
      served.add(address.replace(/^unix:\/\//, ''));
    } catch (error) {
      // A create that was cut short has no shim.
      if (!hasErrno(error, 'ENOENT')) throw error;
    }
  }
  return served;
}

/** As containerd does for the shims it starts: memory is to be had from containers first. */
function protectFromOom(pid: number): void {
  try {
    writeFileSync(`/proc/${String(pid)}/oom_score_adj`, SHIM_OOM_SCORE);
  } catch (error) {
    // In a container or as an ordinary user we may not; the shim works all the same.
    if (!hasErrno(error, 'EACCES', 'EPERM', 'ENOENT')) throw error;
  }
}

/** The socket's file is there a moment before anybody listens on it; containerd connects once. */
async function waitForListener(path: string): Promise<void> {
  const limit = Date.now() + READY_LIMIT_MS;
  while (!(await isServed(path))) {
    if (Date.now() > limit) throw new Error(`shim did not open ${path}`);
    await delay(2);
  }
}
