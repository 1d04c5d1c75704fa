/** Filters of `network ls` and prune (moby daemon/network/filter.go). */
import { invalidArgument } from '../../../shared/errors.ts';
import type { NetworkRecord } from './network-store.ts';
import { isPredefined } from './networks.ts';

type Filters = Readonly<Record<string, readonly string[]>>;

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const at = wanted.indexOf('=');
  return at < 0 ? wanted in labels : labels[wanted.slice(0, at)] === wanted.slice(at + 1);
}

const isTrue = (value: string): boolean => ['1', 'true', 'True', 'TRUE', 't', 'T'].includes(value);

const TESTS: Readonly<
  Record<string, (record: NetworkRecord, values: readonly string[], isUsed: boolean) => boolean>
> = {
  name: ({ name }, values) => values.some((value) => name.includes(value)),
  id: ({ id }, values) => values.some((value) => id.startsWith(value)),
  driver: ({ driver }, values) => values.includes(driver),
  scope: (_, values) => values.includes('local'),
  label: ({ labels }, values) => values.every((value) => hasLabel(labels, value)),
  'label!': ({ labels }, values) => !values.some((value) => hasLabel(labels, value)),
  type: ({ name }, values) => values.some((value) => (value === 'builtin') === isPredefined(name)),
  dangling: ({ name }, values, isUsed) =>
    values.every((value) => isTrue(value) === (!isUsed && !isPredefined(name))),
  until: ({ created }, values) => values.every((value) => Date.parse(created) < untilMs(value)),
};

function untilMs(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const match = /^(\d+)(h|m|s)$/.exec(text);
  if (!match) return Date.parse(text);
  const unit = { h: 3_600_000, m: 60_000, s: 1000 }[match[2] as 'h' | 'm' | 's'];
  return Date.now() - Number(match[1]) * unit;
}

/** A test of all filters. Throws `Invalid filter 'x'`. */
export function networkFilter(
  filters: Filters,
): (record: NetworkRecord, isUsed: boolean) => boolean {
  const unknown = Object.keys(filters).find((name) => !(name in TESTS));
  if (unknown !== undefined) throw invalidArgument(`Invalid filter '${unknown}'`);
  return (record, isUsed) =>
    Object.entries(filters).every(
      ([name, values]) => values.length === 0 || TESTS[name]?.(record, values, isUsed),
    );
}
