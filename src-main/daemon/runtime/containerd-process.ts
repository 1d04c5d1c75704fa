/** A process under a shim, reached through containerd's task service. `execId` '' is the init process. */
import { setTimeout as delay } from 'node:timers/promises';
import { type ContainerdClient, ContainerdError, type Message } from './containerd-client.ts';
import type { ExitStatus, RuntimeProcess } from './runtime.ts';
import { runtimeFailure, startFailure } from './runtime-errors.ts';

const RETRY_MS = 50;
/** containerd kills what a dead shim left behind. */
const KILLED_EXIT_CODE = 137;
/** The runtime forgot the process before anyone asked: Docker's code for that. */
const UNKNOWN_EXIT_CODE = 255;
/** A supervised containerd is back long before; an adopted one that stays away is an error. */
const AWAY_LIMIT_MS = 30_000;

/** RFC 3339 with nanoseconds of a protobuf timestamp. */
function timestampText(value: unknown): string {
  const { seconds = 0, nanos = 0 } = (value ?? {}) as { seconds?: number; nanos?: number };
  const whole = new Date(seconds * 1000).toISOString().slice(0, 19);
  return `${whole}.${String(nanos).padStart(9, '0')}Z`;
}

const endedNow = (exitCode: number): ExitStatus => ({
  exitCode,
  exitedAt: new Date().toISOString().replace('Z', '000000Z'),
});

const exitStatusOf = (answer: Message): ExitStatus => ({
  exitCode: Number(answer['exit_status'] ?? 0),
  exitedAt: timestampText(answer['exited_at']),
});

/**
 * Runs a call again while containerd is away (its tasks outlive it), or has yet to notice that a shim
 * died; gives up after `limitMs`.
 */
export async function whileAway<T>(
  call: () => Promise<T>,
  limitMs: number = AWAY_LIMIT_MS,
): Promise<T> {
  const deadline = performance.now() + limitMs;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      const isAway = error instanceof ContainerdError && (error.isUnavailable || error.isShimGone);
      if (!isAway || performance.now() > deadline) throw error;
      await delay(RETRY_MS);
    }
  }
}

export class ContainerdProcess implements RuntimeProcess {
  protected readonly client: ContainerdClient;
  readonly containerId: string;
  readonly #execId: string;
  #pid: number;
  #exit: Promise<ExitStatus> | undefined;

  constructor(client: ContainerdClient, ids: { containerId: string; execId: string }, pid: number) {
    this.client = client;
    this.containerId = ids.containerId;
    this.#execId = ids.execId;
    this.#pid = pid;
  }

  get pid(): number {
    return this.#pid;
  }

  protected get ids(): { container_id: string; exec_id: string } {
    return { container_id: this.containerId, exec_id: this.#execId };
  }

  async start(): Promise<number> {
    try {
      const answer = await this.client.call('tasks', 'Start', this.ids);
      this.#pid = Number(answer['pid'] ?? this.#pid);
      return this.#pid;
    } catch (error) {
      throw startFailure(error);
    }
  }

  async kill(signal: number, options: { readonly all?: boolean } = {}): Promise<void> {
    await this.#run('Kill', { ...this.ids, signal, all: options.all ?? false });
  }

  async resize(columns: number, rows: number): Promise<void> {
    await this.#run('ResizePty', { ...this.ids, width: columns, height: rows });
  }

  async closeStdin(): Promise<void> {
    await this.#run('CloseIO', { ...this.ids, stdin: true });
  }

  wait(): Promise<ExitStatus> {
    this.#exit ??= this.#waitForExit();
    return this.#exit;
  }

  async #waitForExit(): Promise<ExitStatus> {
    let isShimGone = false;
    const wait = async (): Promise<Message> => {
      try {
        return await this.client.call('tasks', 'Wait', this.ids);
      } catch (error) {
        isShimGone ||= error instanceof ContainerdError && error.isShimGone;
        throw error;
      }
    };
    try {
      return exitStatusOf(await whileAway(wait, Number.POSITIVE_INFINITY));
    } catch (error) {
      if (!(error instanceof ContainerdError) || !error.isNotFound) throw runtimeFailure(error);
      return isShimGone ? endedNow(KILLED_EXIT_CODE) : endedNow(UNKNOWN_EXIT_CODE);
    }
  }

  async delete(): Promise<ExitStatus | undefined> {
    const method = this.#execId === '' ? 'Delete' : 'DeleteProcess';
    try {
      return exitStatusOf(await whileAway(() => this.client.call('tasks', method, this.ids)));
    } catch (error) {
      if (error instanceof ContainerdError && error.isNotFound) return undefined;
      throw runtimeFailure(error);
    }
  }

  async #run(method: 'Kill' | 'ResizePty' | 'CloseIO', request: Message): Promise<void> {
    try {
      await whileAway(() => this.client.call('tasks', method, request));
    } catch (error) {
      throw runtimeFailure(error);
    }
  }
}
