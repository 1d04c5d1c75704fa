/** The event bus in memory. */
import type { EngineEvent, EventBus } from './event-bus.ts';

const KEPT_EVENTS = 256;

/** Nanoseconds since the epoch, never twice the same. */
function makeClock(): () => bigint {
  let last = 0n;
  return () => {
    const now = BigInt(Math.round((performance.timeOrigin + performance.now()) * 1000)) * 1000n;
    last = now > last ? now : last + 1n;
    return last;
  };
}

interface Stored {
  readonly event: EngineEvent;
  readonly timeNano: bigint;
}

export function createEventBus(): EventBus {
  const ring: Stored[] = [];
  const listeners = new Set<(event: EngineEvent) => void>();
  const clock = makeClock();
  return {
    publish(type, action, actor) {
      const timeNano = clock();
      // Container and image events carry the old fields too, which clients still read.
      const isLegacy = type === 'container' || type === 'image';
      const event = {
        ...(isLegacy ? { status: action, id: actor.id } : {}),
        ...(type === 'container' ? { from: actor.attributes['image'] ?? '' } : {}),
        Type: type,
        Action: action,
        Actor: { ID: actor.id, Attributes: { ...actor.attributes } },
        scope: 'local',
        time: Number(timeNano / 1_000_000_000n),
        timeNano: Number(timeNano),
      } as EngineEvent;
      ring.push({ event, timeNano });
      if (ring.length > KEPT_EVENTS) ring.shift();
      for (const listener of [...listeners]) listener(event);
    },
    subscribe(listener, options = {}) {
      // One turn of the loop: nothing is published between the copy and the registration.
      const since = options.sinceNano;
      const until = options.untilNano;
      const backlog =
        since === undefined && until === undefined
          ? []
          : ring
              .filter(
                ({ timeNano }) =>
                  (since === undefined || timeNano >= since) &&
                  (until === undefined || timeNano <= until),
              )
              .map(({ event }) => event);
      listeners.add(listener);
      return { backlog, [Symbol.dispose]: () => void listeners.delete(listener) };
    },
    listenerCount: () => listeners.size,
  };
}
