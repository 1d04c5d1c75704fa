/** Pulls, pushes and copies under way, outside any page: leaving the page does not lose them. */
import { createStore } from 'zustand/vanilla';
import { errorMessage } from '../../shared/errors.ts';
import type { CopyProgress, ShellClient } from '../../shared/shell/contract.ts';
import { type EngineClient, query } from './engine-client.ts';

interface LayerProgress {
  readonly id: string;
  readonly status: string;
  readonly current: number;
  readonly total: number;
}

export interface Pull {
  readonly key: number;
  readonly image: string;
  readonly state: 'running' | 'done' | 'failed' | 'cancelled';
  readonly layers: readonly LayerProgress[];
  /** The last word without a layer: digest, status, or the error. */
  readonly message: string;
  readonly cancel: () => void;
}

interface PullLine {
  readonly status?: string;
  readonly id?: string;
  readonly progressDetail?: { readonly current?: number; readonly total?: number };
}

export const pulls = createStore<{ readonly list: readonly Pull[] }>(() => ({ list: [] }));
let nextKey = 1;

const update = (key: number, change: (pull: Pull) => Pull): void =>
  pulls.setState(({ list }) => ({
    list: list.map((pull) => (pull.key === key ? change(pull) : pull)),
  }));

/** What the engine says of a layer that needs nothing more. */
export const isThrough = (status: string): boolean =>
  /^(Pull complete|Already exists|Pushed|Layer already exists|Mounted from .*)$/.test(status);

/** A line folded into the layers it speaks of. */
function applyLine(pull: Pull, line: PullLine): Pull {
  const { status = '', id, progressDetail } = line;
  const isLayer = id !== undefined && /^[0-9a-f]{12}$/.test(id);
  // A push ends with a line for programs, which says nothing to a person.
  if (!isLayer) return status === '' ? pull : { ...pull, message: status };
  const before = pull.layers.find((layer) => layer.id === id);
  const layer: LayerProgress = {
    id,
    status,
    current: progressDetail?.current ?? (isThrough(status) ? (before?.total ?? 1) : 0),
    total: progressDetail?.total ?? before?.total ?? 0,
  };
  return {
    ...pull,
    layers: before
      ? pull.layers.map((one) => (one.id === id ? layer : one))
      : [...pull.layers, layer],
  };
}

/** `registry:5000/name:tag` → name and tag; no tag means latest. */
export function splitReference(reference: string): { name: string; tag: string } {
  const at = reference.lastIndexOf(':');
  if (reference.includes('@') || at <= reference.lastIndexOf('/'))
    return { name: reference, tag: reference.includes('@') ? '' : 'latest' };
  return { name: reference.slice(0, at), tag: reference.slice(at + 1) };
}

/** Starts a pull; resolves when it is through, rejects when it failed. */
export function startPull(engine: EngineClient, image: string): Promise<void> {
  const { name, tag } = splitReference(image);
  const path = `/images/create${query({ fromImage: name, tag: tag === '' ? undefined : tag })}`;
  return follow(engine, image, path);
}

/** Starts a push; resolves when it is through, rejects when it failed. */
export function startPush(engine: EngineClient, image: string): Promise<void> {
  const { name, tag } = splitReference(image);
  return follow(engine, image, `/images/${encodeURIComponent(name)}/push${query({ tag })}`);
}

function follow(engine: EngineClient, image: string, path: string): Promise<void> {
  return track(image, (signal) => engine.lines<PullLine>('POST', path, signal), applyLine);
}

export interface ImageCopy {
  readonly from: string;
  readonly to: string;
  /** As the person calls the host it goes to. */
  readonly toName: string;
  readonly image: string;
}

/** Starts a copy from host to host; resolves when it is through, rejects when it failed. */
export function startCopy(shell: ShellClient, copy: ImageCopy): Promise<void> {
  const { from, to, toName, image } = copy;
  return track<CopyProgress>(
    `${image} → ${toName}`,
    (signal) => shell.stream('images.copy', { from, to, image }, signal),
    (pull, { done, total }) => ({
      ...pull,
      layers: [{ id: 'all', status: 'Copying', current: Math.min(done, total), total }],
      message: 'Copied',
    }),
  );
}

async function track<T>(
  title: string,
  start: (signal: AbortSignal) => AsyncIterable<T>,
  apply: (pull: Pull, value: T) => Pull,
): Promise<void> {
  const key = nextKey++;
  const abort = new AbortController();
  const pull: Pull = {
    key,
    image: title,
    state: 'running',
    layers: [],
    message: 'Starting…',
    cancel: () => abort.abort(),
  };
  pulls.setState(({ list }) => ({ list: [pull, ...list] }));
  try {
    for await (const value of start(abort.signal)) update(key, (one) => apply(one, value));
    update(key, (one) => ({ ...one, state: 'done' }));
  } catch (error) {
    const state = abort.signal.aborted ? 'cancelled' : 'failed';
    update(key, (one) => ({
      ...one,
      state,
      message: state === 'cancelled' ? 'Cancelled' : errorMessage(error),
    }));
    throw error;
  }
}

export const dismissPull = (key: number): void =>
  pulls.setState(({ list }) => ({ list: list.filter((pull) => pull.key !== key) }));
