/**
 * What is true on the host now: listed once, kept current by its events, listed again after a gap. Bursts
 * of events become one listing. No polling.
 */
import { createStore } from 'zustand/vanilla';
import type {
  ContainerSummary,
  EventMessage,
  ImageSummary,
  Network,
  Volume,
  VolumeListResponse,
} from '../../shared/engine/engine-api.ts';
import { errorMessage } from '../../shared/errors.ts';
import { type EngineClient, query } from './engine-client.ts';

export interface LiveState {
  /** undefined until first listed. */
  readonly containers: readonly ContainerSummary[] | undefined;
  readonly images: readonly ImageSummary[] | undefined;
  readonly volumes: readonly Volume[] | undefined;
  readonly networks: readonly Network[] | undefined;
  readonly events: readonly EventMessage[];
  /** Why the engine cannot be reached; undefined while it can. */
  readonly problem: string | undefined;
}

const KEPT_EVENTS = 500;
const RETRY_MS = 1000;
const AGES_MS = 30_000;
/** Events of one burst share a listing. */
const SETTLE_MS = 40;

/** Actions that change nothing a list shows. */
const isQuiet = (action: string): boolean =>
  /^(exec_|attach|detach|resize|top|archive-path|extract-to-dir|export)/.test(action);

/** A listing that bursts of requests share; one asked for meanwhile runs once more after. */
function lister(list: () => Promise<void>): () => void {
  let timer: ReturnType<typeof setTimeout> | undefined;
  let isListing = false;
  let isStale = false;
  const run = async (): Promise<void> => {
    isListing = true;
    isStale = false;
    try {
      await list();
    } catch {
      // The event stream's own failure is what the window shows.
    }
    isListing = false;
    if (isStale) void run();
  };
  return () => {
    if (isListing) {
      isStale = true;
      return;
    }
    clearTimeout(timer);
    timer = setTimeout(() => void run(), SETTLE_MS);
  };
}

/** One lister a list, each telling what it found. */
function listers(engine: EngineClient, tell: (lists: Partial<LiveState>) => void) {
  return {
    containers: lister(async () => {
      const path = `/containers/json${query({ all: 1 })}`;
      tell({ containers: await engine.get<ContainerSummary[]>(path) });
    }),
    images: lister(async () => tell({ images: await engine.get<ImageSummary[]>('/images/json') })),
    volumes: lister(async () => {
      const { Volumes } = await engine.get<VolumeListResponse>('/volumes');
      tell({ volumes: Volumes ?? [] });
    }),
    networks: lister(async () => tell({ networks: await engine.get<Network[]>('/networks') })),
  };
}

export type LiveStore = ReturnType<typeof createLiveStore>;

export function createLiveStore(engine: EngineClient) {
  const store = createStore<LiveState>(() => ({
    containers: undefined,
    images: undefined,
    volumes: undefined,
    networks: undefined,
    events: [],
    problem: undefined,
  }));
  const stop = new AbortController();

  const refresh = listers(engine, (lists) => store.setState(lists));
  const refreshAll = (): void => {
    for (const list of Object.values(refresh)) list();
  };

  const onEvent = (event: EventMessage): void => {
    store.setState(({ events }) => ({ events: [event, ...events].slice(0, KEPT_EVENTS) }));
    if (event.Type === 'container' && !isQuiet(event.Action ?? '')) refresh.containers();
    if (event.Type === 'network') {
      refresh.containers();
      refresh.networks();
    }
    if (event.Type === 'volume') refresh.volumes();
    if (event.Type === 'image') refresh.images();
  };

  const follow = async (): Promise<void> => {
    while (!stop.signal.aborted) {
      try {
        const events = engine.lines<EventMessage>('GET', '/events', stop.signal);
        const first = events.next();
        refreshAll();
        store.setState({ problem: undefined });
        for (let next = await first; !next.done; next = await events.next()) onEvent(next.value);
      } catch (error) {
        if (stop.signal.aborted) return;
        store.setState({ problem: errorMessage(error) });
      }
      await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
    }
  };
  void follow();
  // Ages in words grow old without an event; nothing else is polled.
  const ages = setInterval(refresh.containers, AGES_MS);

  return {
    store,
    close: () => {
      stop.abort();
      clearInterval(ages);
    },
  };
}
