/**
 * Warm shims. containerd starts a shim by running `<shim> … start`, which costs two process starts of
 * a Go program. Our launcher stands in its place and answers `start` with the socket of a shim that
 * is running and idle already; any other call, and an empty pool, go to the real shim. One shim serves one
 * container, is containerd's own program, and ends when containerd shuts it down.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, constants, existsSync } from 'node:fs';
import { chmod, mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { delimiter, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { errorMessage } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { holdFifo, makeFifo } from '../platform/fifo.ts';
import { commandLineOf, killPid } from '../platform/process.ts';
import type { Containerd } from './containerd-supervisor.ts';

const SHIM_BINARY = 'containerd-shim-runc-v2';
/** Enough for one start after another; bursts fall back to shims of their own. */
const POOL_SIZE = 3;
/** Refilling waits until the start that emptied the pool is through. */
const REFILL_DELAY_MS = 40;
const READY_LIMIT_MS = 5_000;

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

/** `set -C` makes `>` create exclusively: the claim is atomic without starting a process. */
const launcherScript = (real: string, directory: string): string => `#!/bin/sh
for last; do :; done
if [ "$last" = start ]; then
  set -C
  for ready in ${directory}/*.ready; do
    [ -e "$ready" ] || break
    if (: > "\${ready%.ready}.claimed") 2>/dev/null; then
      IFS= read -r address < "$ready"
      # containerd finds the shim again by this file after its own restart.
      printf '%s' "$address" > address
      printf '%s' "$address"
      exit 0
    fi
  done
fi
exec ${real} "$@"
`;

interface WarmShim {
  readonly name: string;
  readonly child: ChildProcess;
  readonly log: Disposable;
}

export class ShimPool {
  readonly #options: ShimPoolOptions;
  readonly #directory: string;
  readonly #realShim: string | undefined;
  readonly #shims = new Map<string, WarmShim>();
  #timer: NodeJS.Timeout | undefined;
  #refilling: Promise<void> | undefined;
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
    await this.#endLeftovers();
    const launcher = join(this.#directory, 'launcher');
    await writeFile(launcher, launcherScript(this.#realShim, this.#directory));
    await chmod(launcher, 0o700);
  }

  /** Idle shims of a daemon that was killed; claimed ones serve containers and are left alone. */
  async #endLeftovers(): Promise<void> {
    const files = await readdir(this.#directory);
    for (const file of files.filter((name) => name.endsWith('.ready'))) {
      const name = file.slice(0, -'.ready'.length);
      if (!files.includes(`${name}.claimed`)) {
        const pid = Number(
          await readFile(join(this.#directory, `${name}.pid`), 'utf8').catch(() => '0'),
        );
        if (pid > 1 && commandLineOf(pid).includes(name)) killPid(pid, 'SIGKILL');
        await rm(join(this.#directory, name), { recursive: true, force: true });
      }
      await this.#forget(name);
    }
  }

  /** Fills the pool in a moment. */
  refillSoon(): void {
    if (this.#isClosed || this.#realShim === undefined || this.#timer) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#refilling = this.#refill().catch((error: unknown) =>
        this.#options.log.warn('no warm shim', { error: errorMessage(error) }),
      );
    }, REFILL_DELAY_MS);
    this.#timer.unref();
  }

  async #refill(): Promise<void> {
    await this.#dropClaimed();
    while (!this.#isClosed && this.#shims.size < POOL_SIZE) await this.#startOne();
  }

  /** Claimed shims belong to their containers now. */
  async #dropClaimed(): Promise<void> {
    for (const shim of [...this.#shims.values()]) {
      if (!existsSync(join(this.#directory, `${shim.name}.claimed`))) continue;
      this.#shims.delete(shim.name);
      shim.child.unref();
      shim.log[Symbol.dispose]();
      await this.#forget(shim.name);
    }
  }

  async #forget(name: string): Promise<void> {
    for (const suffix of ['ready', 'pid', 'claimed']) {
      await rm(join(this.#directory, `${name}.${suffix}`), { force: true });
    }
  }

  async #startOne(): Promise<void> {
    const name = `warm-${randomBytes(6).toString('hex')}`;
    const directory = join(this.#directory, name);
    const socket = join(directory, 's');
    await mkdir(directory, { mode: 0o700 });
    // The shim logs into a FIFO named `log` in its working directory, and must find a reader.
    makeFifo(join(directory, 'log'));
    const log = holdFifo(join(directory, 'log'));
    const child = this.#spawn(name, directory, socket);
    this.#shims.set(name, { name, child, log });
    child.once('exit', () => void this.#onExit(name, directory));
    await waitForFile(socket);
    if (child.pid !== undefined)
      await writeFile(join(this.#directory, `${name}.pid`), String(child.pid));
    await writeFile(join(this.#directory, `${name}.ready`), `unix://${socket}\n`);
  }

  #spawn(name: string, directory: string, socket: string): ChildProcess {
    const { containerd, namespace } = this.#options;
    const child = spawn(
      this.#realShim ?? SHIM_BINARY,
      [
        '-namespace',
        namespace,
        '-id',
        name,
        '-address',
        containerd.address,
        '-publish-binary',
        'containerd',
        '-socket',
        socket,
      ],
      {
        cwd: directory,
        detached: true,
        stdio: 'ignore',
        env: {
          PATH: process.env['PATH'] ?? '/usr/sbin:/usr/bin:/sbin:/bin',
          TTRPC_ADDRESS: containerd.ttrpcAddress,
          GOMAXPROCS: '2',
        },
      },
    );
    child.unref();
    return child;
  }

  async #onExit(name: string, directory: string): Promise<void> {
    const shim = this.#shims.get(name);
    shim?.log[Symbol.dispose]();
    this.#shims.delete(name);
    await this.#forget(name);
    await rm(directory, { recursive: true, force: true });
  }

  /** Ends idle shims; those that serve a container stay. */
  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#timer);
    await this.#refilling;
    if (this.#realShim === undefined) return;
    await this.#dropClaimed();
    await Promise.all(
      [...this.#shims.values()].map(async ({ name, child }) => {
        const exited = new Promise((resolve) => child.once('exit', resolve));
        child.kill('SIGKILL');
        await exited;
        await this.#onExit(name, join(this.#directory, name));
      }),
    );
  }
}

async function waitForFile(path: string): Promise<void> {
  const limit = Date.now() + READY_LIMIT_MS;
  while (!existsSync(path)) {
    if (Date.now() > limit) throw new Error(`shim did not open ${path}`);
    await delay(2);
  }
}
