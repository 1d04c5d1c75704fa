/** One exec: what was asked, how it runs, how it ended (moby daemon/exec). Kept in memory only, as Docker does. */
import type { RuntimeProcess } from '../runtime/runtime.ts';
import type { TaskStdio } from '../runtime/task-stdio.ts';
import type { ExecCreateRequest } from './container-service.ts';
import { StreamHub } from './stream-hub.ts';

export type ExecState =
  | { readonly kind: 'created' }
  | { readonly kind: 'running'; readonly pid: number }
  | { readonly kind: 'exited'; readonly exitCode: number; readonly pid: number };

export class ExecSession {
  readonly id: string;
  readonly containerId: string;
  readonly request: ExecCreateRequest;
  readonly detachKeys: readonly number[] | undefined;
  readonly streams = new StreamHub();
  state: ExecState = { kind: 'created' };
  process?: RuntimeProcess;
  stdio?: TaskStdio;
  /** Resolves when the process runs, so that a resize may wait for it. */
  readonly started = Promise.withResolvers<void>();
  readonly #ended = Promise.withResolvers<void>();

  constructor(
    id: string,
    containerId: string,
    asked: { request: ExecCreateRequest; detachKeys: readonly number[] | undefined },
  ) {
    this.id = id;
    this.containerId = containerId;
    this.request = asked.request;
    this.detachKeys = asked.detachKeys;
    // Nobody may wait for the start of an exec that never starts.
    this.started.promise.catch(() => undefined);
  }

  /** Records the end and tells everyone attached. */
  finish(exitCode: number): void {
    if (this.state.kind === 'exited') return;
    const pid = this.state.kind === 'running' ? this.state.pid : 0;
    this.state = { kind: 'exited', exitCode, pid };
    this.streams.finish();
    this.#ended.resolve();
  }

  /** What only a running exec needs goes; the session itself can be inspected for a while. */
  letGo(): void {
    delete this.process;
    delete this.stdio;
    this.streams.disconnect();
  }

  ended(): Promise<void> {
    return this.#ended.promise;
  }

  /** The container's end takes its execs along. */
  containerEnded(): void {
    if (this.state.kind === 'running') this.finish(137);
  }
}
