/** Docker's filter language for images (moby api/types/filters). */
import { invalidArgument } from '../../../shared/errors.ts';

export type Filters = Readonly<Record<string, readonly string[]>>;

/** Throws invalidArgument `Invalid filter 'x'`. */
export function checkFilterNames(filters: Filters, accepted: readonly string[]): void {
  const unknown = Object.keys(filters).find((name) => !accepted.includes(name));
  if (unknown !== undefined) throw invalidArgument(`Invalid filter '${unknown}'`);
}

/** True when every `key` or `key=value` of the filter is among the labels. */
export function matchesLabels(
  wanted: readonly string[] | undefined,
  labels: Readonly<Record<string, string>> | null | undefined,
): boolean {
  return (wanted ?? []).every((text) => {
    const equals = text.indexOf('=');
    const key = equals === -1 ? text : text.slice(0, equals);
    const value = labels?.[key];
    return value !== undefined && (equals === -1 || value === text.slice(equals + 1));
  });
}

/** `true`, `1`, `false`, `0`; undefined when the filter is not there. */
export function readDangling(filters: Filters): boolean | undefined {
  const values = filters['dangling'];
  if (values === undefined || values.length === 0) return undefined;
  if (values.every((value) => value === 'true' || value === '1')) return true;
  if (values.every((value) => value === 'false' || value === '0')) return false;
  throw invalidArgument(`Invalid filter 'dangling=[${values.join(' ')}]'`);
}

const DURATION_UNITS_MS: Readonly<Record<string, number>> = {
  ns: 1e-6,
  us: 1e-3,
  µs: 1e-3,
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
};

function parseDuration(text: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+$/.test(text)) return undefined;
  return [...text.matchAll(/(\d+(?:\.\d+)?)(ns|us|µs|ms|s|m|h)/g)].reduce(
    (sum, [, amount, unit]) => sum + Number(amount) * (DURATION_UNITS_MS[unit ?? ''] ?? 0),
    0,
  );
}

/** The moment of `until`: unix seconds, a date, or a duration before now. In milliseconds. */
export function readUntil(filters: Filters, nowMs: number): number | undefined {
  const values = filters['until'];
  if (values === undefined || values.length === 0) return undefined;
  if (values.length > 1) throw invalidArgument('more than one until filter specified');
  const text = values[0] ?? '';
  const duration = parseDuration(text);
  if (duration !== undefined) return nowMs - duration;
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  if (Number.isNaN(date)) {
    throw invalidArgument(`failed to parse value as time or duration: ${JSON.stringify(text)}`);
  }
  return date;
}
