/** Filters of `/events` (moby daemon/events/filter.go). */
import type { EngineEvent } from '../event/event-bus.ts';

type Filters = Readonly<Record<string, readonly string[]>>;

const attributesOf = (event: EngineEvent): Readonly<Record<string, string>> =>
  event.Actor?.Attributes ?? {};

/** True when an id, its prefix, or the actor's name is meant. */
function isNamed(event: EngineEvent, type: string, values: readonly string[]): boolean {
  if (event.Type !== type) return false;
  const id = event.Actor?.ID ?? '';
  const { name = '' } = attributesOf(event);
  return values.some(
    (value) => id === value || name === value || (value.length >= 4 && id.startsWith(value)),
  );
}

function hasLabels(event: EngineEvent, values: readonly string[]): boolean {
  const attributes = attributesOf(event);
  return values.every((value) => {
    const at = value.indexOf('=');
    return at < 0 ? value in attributes : attributes[value.slice(0, at)] === value.slice(at + 1);
  });
}

const withoutTag = (name: string): string => name.replace(/:[^:/]*$/, '');

const TESTS: Readonly<Record<string, (event: EngineEvent, values: readonly string[]) => boolean>> =
  {
    // `exec_create: sh` and `health_status: healthy` match by their first word too.
    event: (event, values) =>
      values.some((value) => event.Action === value || event.Action?.split(':')[0] === value),
    type: (event, values) => values.includes(event.Type ?? ''),
    scope: (_, values) => values.includes('local'),
    container: (event, values) => isNamed(event, 'container', values),
    volume: (event, values) => isNamed(event, 'volume', values),
    network: (event, values) => isNamed(event, 'network', values),
    daemon: (event, values) => isNamed(event, 'daemon', values),
    plugin: (event, values) => isNamed(event, 'plugin', values),
    image: (event, values) => {
      const { image = '', name = '' } = attributesOf(event);
      const own = event.Type === 'image' ? [event.Actor?.ID ?? '', name] : [image];
      return values.some((value) =>
        own.some((one) => one === value || withoutTag(one) === withoutTag(value)),
      );
    },
    label: hasLabels,
  };

/** True for events that pass every filter; unknown filters pass, as in Docker. */
export function eventFilter(filters: Filters): (event: EngineEvent) => boolean {
  return (event) =>
    Object.entries(filters).every(
      ([name, values]) => values.length === 0 || (TESTS[name]?.(event, values) ?? true),
    );
}
