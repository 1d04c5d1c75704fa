/** Filters of `network ls` and of prune (moby daemon/network/filter.go, daemon/prune.go). */
import { internal, invalidArgument } from '../../../shared/errors.ts';
import { isPredefined, type Network } from './networks.ts';

type Filters = Readonly<Record<string, readonly string[]>>;
type Test = (network: Network, values: readonly string[]) => boolean;

/** Accepts a network or not. */
export type NetworkFilter = (network: Network) => boolean;

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const at = wanted.indexOf('=');
  return at < 0 ? wanted in labels : labels[wanted.slice(0, at)] === wanted.slice(at + 1);
}

/** A pattern, as Docker's `filter.Match`; what is no pattern is looked for as it is. */
function matches(text: string, pattern: string): boolean {
  if (text === pattern) return true;
  try {
    return new RegExp(pattern).test(text);
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return text.includes(pattern);
  }
}

const LABELS: Test = ({ record }, values) => values.every((one) => hasLabel(record.labels, one));

const LIST_TESTS: Readonly<Record<string, Test>> = {
  name: ({ record }, values) => values.some((value) => matches(record.name, value)),
  id: ({ record }, values) => values.some((value) => matches(record.id, value)),
  driver: ({ record }, values) => values.includes(record.driver),
  scope: (_, values) => values.includes('local'),
  label: LABELS,
  type: ({ record }, values) =>
    values.some((value) => (value === 'builtin') === isPredefined(record.name)),
  dangling: ({ record, attachments }, [value = '']) => {
    const isDangling = !isPredefined(record.name) && attachments.size === 0;
    return ['1', 'true'].includes(value) === isDangling;
  },
};

const PRUNE_TESTS: Readonly<Record<string, Test>> = {
  label: LABELS,
  'label!': ({ record }, values) => !values.some((value) => hasLabel(record.labels, value)),
  until: ({ record }, [value = '']) => Date.parse(record.created) < untilMs(value),
};

const UNIT_MS = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
const DURATION = /(\d+(?:\.\d+)?)(ms|h|m|s)/g;

/** A unix time in seconds, a duration before now (`1h30m`), or a date. */
function untilMs(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const parts = [...text.matchAll(DURATION)];
  if (parts.length > 0 && text.replace(DURATION, '') === '') {
    const total = parts.map(([, count, unit]) => Number(count) * UNIT_MS[unit as 'h']);
    return Date.now() - total.reduce((sum, part) => sum + part, 0);
  }
  return Date.parse(text);
}

/** Throws `Invalid filter 'x'` and Docker's words for values that mean nothing. */
export function listFilter(filters: Filters): NetworkFilter {
  const { dangling = [], type = [] } = filters;
  if (dangling.length > 1)
    throw invalidArgument('got more than one value for filter key "dangling"');
  if (dangling.some((value) => !['0', '1', 'true', 'false'].includes(value)))
    throw invalidArgument(
      `invalid value for filter 'dangling', must be "true" (or "1"), or "false" (or "0")`,
    );
  const wrong = type.find((value) => value !== 'builtin' && value !== 'custom');
  if (wrong !== undefined) throw invalidArgument(`invalid filter: 'type'='${wrong}'`);
  return filterOf(filters, LIST_TESTS);
}

/** The same for prune. */
export function pruneFilter(filters: Filters): NetworkFilter {
  const { until = [] } = filters;
  if (until.length > 1) throw invalidArgument('more than one until filter specified');
  if (until.some((value) => Number.isNaN(untilMs(value))))
    throw internal(`failed to parse value as time or duration: "${until[0]}"`);
  return filterOf(filters, PRUNE_TESTS);
}

function filterOf(filters: Filters, tests: Readonly<Record<string, Test>>): NetworkFilter {
  const unknown = Object.keys(filters).find((name) => !(name in tests));
  if (unknown !== undefined) throw invalidArgument(`Invalid filter '${unknown}'`);
  return (network) =>
    Object.entries(filters).every(
      ([name, values]) => values.length === 0 || tests[name]?.(network, values),
    );
}
