/**
 * The event bus: the last 256 events and everyone who listens. Follows moby daemon/events.
 * Events announce facts that are already persisted; nothing is ordered through them.
 */
import type { EventMessage } from '../../../shared/engine/engine-api.ts';

/** One event as `/events` writes it, with the legacy fields clients still read. */
export type EngineEvent = EventMessage & {
  readonly status?: string;
  readonly id?: string;
  readonly from?: string;
  readonly timeNano: number;
};

type EventType = 'container' | 'image' | 'network' | 'volume' | 'daemon' | 'plugin' | 'builder';

export interface EventBus {
  publish(
    type: EventType,
    action: string,
    actor: { readonly id: string; readonly attributes: Readonly<Record<string, string>> },
  ): void;
  /** Backlog since `sinceNano` and the live feed, with no gap between the two. */
  subscribe(
    listener: (event: EngineEvent) => void,
    options?: { readonly sinceNano?: bigint; readonly untilNano?: bigint },
  ): { readonly backlog: readonly EngineEvent[] } & Disposable;
  listenerCount(): number;
}
