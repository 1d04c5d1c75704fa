/**
 * What a container is doing: a union in which data exists only where it makes sense, and the one
 * table of legal steps. Docker's booleans (`Running` and `Paused` both true) are derived in
 * {@link ../container/inspect.ts}. Follows moby container/state.go.
 */
import { conflict } from '../../../shared/errors.ts';

/** How the last run ended. Times are RFC 3339 with nanoseconds. */
export interface LastRun {
  readonly startedAt: string;
  readonly finishedAt: string;
  readonly exitCode: number;
  readonly oomKilled: boolean;
  /** Why a start failed; '' when it did not. */
  readonly error: string;
}

export interface LiveRun {
  readonly pid: number;
  readonly startedAt: string;
}

export type ContainerState =
  | { readonly kind: 'created'; readonly lastRun: LastRun }
  | ({ readonly kind: 'running'; readonly lastRun: LastRun } & LiveRun)
  | ({ readonly kind: 'paused'; readonly lastRun: LastRun } & LiveRun)
  | { readonly kind: 'restarting'; readonly lastRun: LastRun }
  | { readonly kind: 'exited'; readonly lastRun: LastRun }
  | { readonly kind: 'removing'; readonly lastRun: LastRun }
  | { readonly kind: 'dead'; readonly lastRun: LastRun };

export type StateKind = ContainerState['kind'];

/** Go's zero time, as Docker prints "never". */
const ZERO_TIME = '0001-01-01T00:00:00Z';

export const NEVER_RUN: LastRun = {
  startedAt: ZERO_TIME,
  finishedAt: ZERO_TIME,
  exitCode: 0,
  oomKilled: false,
  error: '',
};

const LEGAL: Readonly<Record<StateKind, readonly StateKind[]>> = {
  created: ['running', 'exited', 'created', 'removing'],
  running: ['paused', 'exited', 'restarting', 'removing'],
  paused: ['running', 'exited', 'restarting', 'removing'],
  restarting: ['running', 'exited', 'restarting', 'removing'],
  exited: ['running', 'exited', 'restarting', 'removing'],
  removing: ['dead', 'exited', 'created'],
  dead: ['removing', 'dead'],
};

/** The next state, if the step is legal; throws conflict otherwise. The only way states change. */
export function transition(from: ContainerState, to: ContainerState): ContainerState {
  if (!LEGAL[from.kind].includes(to.kind))
    throw conflict(`a ${from.kind} container cannot become ${to.kind}`);
  return to;
}

/** True while a task lives (Docker's `Running`: paused counts, restarting does too there). */
export function isLive(state: ContainerState): state is ContainerState & LiveRun {
  return state.kind === 'running' || state.kind === 'paused';
}

/** Docker's `Running` flag: live, or between two runs of a restart policy. */
export function isRunning(state: ContainerState): boolean {
  return isLive(state) || state.kind === 'restarting';
}
