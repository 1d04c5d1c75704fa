/**
 * The FIFOs a process's streams go through, and our ends of them. The shim holds its ends open itself,
 * so that a process survives us: while nobody reads it waits once a pipe (64 KiB) is full, and nothing is lost.
 */
import { mkdirSync, rmSync } from 'node:fs';
import { readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable, Writable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { isEngineError } from '../../../shared/errors.ts';
import { makeFifo, openFifoReader, openFifoWriter } from '../platform/fifo.ts';
import type { RuntimeProcess, StdioPaths } from './runtime.ts';

export interface StdioShape {
  /** One stream, stdout, carries everything. */
  readonly terminal: boolean;
  readonly stdin: boolean;
}

/** How long output that is already in a pipe may take to arrive when no end of file will come. */
const QUIET_MS = 50;
/** How long a shim may take to open its end of the input after it said that the process is there. */
const STDIN_LIMIT_MS = 10_000;

const directoryOf = (execRoot: string, id: string): string => join(execRoot, 'stdio', id);

export class TaskStdio {
  readonly paths: StdioPaths;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  #stdin: Promise<Writable | undefined> | undefined;
  readonly #closing = new AbortController();
  readonly #directory: string;

  private constructor(directory: string, shape: StdioShape) {
    this.#directory = directory;
    this.paths = {
      stdin: shape.stdin ? join(directory, 'stdin') : '',
      stdout: join(directory, 'stdout'),
      stderr: shape.terminal ? '' : join(directory, 'stderr'),
      terminal: shape.terminal,
    };
    for (const path of [this.paths.stdin, this.paths.stdout, this.paths.stderr]) {
      if (path !== '') makeFifo(path);
    }
    this.stdout = openFifoReader(this.paths.stdout);
    this.stderr = this.paths.stderr === '' ? undefined : openFifoReader(this.paths.stderr);
    // A destroyed reader reports nothing we could act on.
    this.stdout.on('error', () => undefined);
    this.stderr?.on('error', () => undefined);
  }

  /** Makes the FIFOs for a container or exec id and opens our reading ends. */
  static async create(execRoot: string, id: string, shape: StdioShape): Promise<TaskStdio> {
    const directory = directoryOf(execRoot, id);
    // The end of a process left over under this id would be the end of file in FIFOs shared with it.
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return new TaskStdio(directory, shape);
  }

  /** Opens our ends anew after a restart of the daemon; what waits in the pipes is read. */
  static async reopen(execRoot: string, id: string, shape: StdioShape): Promise<TaskStdio> {
    const directory = directoryOf(execRoot, id);
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    return new TaskStdio(directory, shape);
  }

  /** Removes the FIFOs of processes that are gone, and of execs whose client went with the daemon; `live` are container ids. */
  static async sweep(execRoot: string, live: ReadonlySet<string>): Promise<void> {
    const parent = directoryOf(execRoot, '');
    mkdirSync(parent, { recursive: true, mode: 0o700 });
    for (const id of await readdir(parent)) {
      if (!live.has(id)) await rm(join(parent, id), { recursive: true, force: true });
    }
  }

  /**
   * The process's input; undefined without one, or when it ended first. The shim opens its end beside
   * its answer (containerd/fifo opens in the background), so it may have to be waited for.
   */
  openStdin(): Promise<Writable | undefined> {
    this.#stdin ??= this.#waitForReader();
    return this.#stdin;
  }

  async #waitForReader(): Promise<Writable | undefined> {
    if (this.paths.stdin === '') return undefined;
    const { signal } = this.#closing;
    const giveUpAt = performance.now() + STDIN_LIMIT_MS;
    for (let pauseMs = 1; !signal.aborted; pauseMs = Math.min(pauseMs * 2, 100)) {
      const stdin = openFifoWriter(this.paths.stdin);
      // A process that ends with input unread is no error of ours.
      stdin?.on('error', () => undefined);
      if (stdin || performance.now() > giveUpAt) return stdin;
      await delay(pauseMs, undefined, { signal, ref: false }).catch(() => undefined);
    }
    return undefined;
  }

  /** Reads what is left in the pipes of a process that has ended while nobody watched. */
  async drainNow(drained: Promise<void>): Promise<void> {
    await Promise.race([drained, delay(QUIET_MS)]);
  }

  /** Closes our ends and leaves the FIFOs, so that the process lives on and another may reopen them. */
  async letGo(): Promise<void> {
    this.#closing.abort();
    this.stdout?.destroy();
    this.stderr?.destroy();
    const stdin = await this.#stdin;
    stdin?.destroy();
  }

  /** Closes our ends and removes the FIFOs. */
  async close(): Promise<void> {
    await this.letGo();
    // Three names in memory: sooner done than a thread is asked.
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

/** A process's streams as its hub wants them. The process, when there is one, closes its own input. */
export function streamsOf(
  stdio: TaskStdio,
  process: Pick<RuntimeProcess, 'closeStdin'> | undefined,
): {
  readonly stdin: Promise<Writable | undefined>;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  readonly closeStdin: () => Promise<void>;
} {
  return {
    stdin: stdio.openStdin(),
    stdout: stdio.stdout,
    stderr: stdio.stderr,
    closeStdin: async () => {
      try {
        await process?.closeStdin();
      } catch (error) {
        // It ended meanwhile; its input is closed with it.
        if (!isEngineError(error, 'notFound')) throw error;
      }
    },
  };
}
