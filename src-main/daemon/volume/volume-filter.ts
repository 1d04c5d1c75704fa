/** Filters of volume lists and prunes (moby volume/service/convert.go). */
import { invalidArgument } from '../../../shared/errors.ts';
import type { VolumeRecord } from './volume-records.ts';

export type Filters = Readonly<Record<string, readonly string[]>>;

export interface FilteredVolume {
  readonly record: VolumeRecord;
  readonly isUsed: boolean;
}

const LIST_FILTERS = ['dangling', 'name', 'driver', 'label'];
const PRUNE_FILTERS = ['label', 'label!'];

function checkNames(filters: Filters, accepted: readonly string[]): void {
  const unknown = Object.keys(filters).find((name) => !accepted.includes(name));
  if (unknown !== undefined) throw invalidArgument(`Invalid filter '${unknown}'`);
}

/** The one truth a filter names; undefined when it is not there. */
function truthOf(filters: Filters, name: string): boolean | undefined {
  const values = filters[name];
  if (values === undefined || values.length === 0) return undefined;
  const isTrue = values.some((value) => value === 'true' || value === '1');
  const isFalse = values.some((value) => value === 'false' || value === '0');
  if (isTrue === isFalse) throw invalidArgument(`Invalid filter '${name}=[${values.join(' ')}]'`);
  return isTrue;
}

/** Exact, or as a regular expression, as Docker matches names. */
function isNamed(name: string, values: readonly string[]): boolean {
  return values.some((value) => {
    if (value === name) return true;
    try {
      return new RegExp(value).test(name);
    } catch {
      // What is no expression matches only itself.
      return false;
    }
  });
}

function hasLabel(labels: Readonly<Record<string, string>>, wanted: string): boolean {
  const at = wanted.indexOf('=');
  return at < 0 ? wanted in labels : labels[wanted.slice(0, at)] === wanted.slice(at + 1);
}

/** The test of `GET /volumes`. Throws invalidArgument `Invalid filter '…'`. */
export function listFilter(filters: Filters): (volume: FilteredVolume) => boolean {
  checkNames(filters, LIST_FILTERS);
  const dangling = truthOf(filters, 'dangling');
  const { name = [], driver = [], label = [] } = filters;
  return ({ record, isUsed }) =>
    (dangling === undefined || dangling === !isUsed) &&
    (name.length === 0 || isNamed(record.name, name)) &&
    (driver.length === 0 || driver.includes(record.driver)) &&
    label.every((wanted) => hasLabel(record.labels, wanted));
}

/**
 * The test of `POST /volumes/prune`: unused local ones. From API 1.42 on (`onlyAnonymous`) named ones are
 * spared unless the filter `all` says otherwise; before, there was no such filter.
 */
export function pruneFilter(
  filters: Filters,
  options: { readonly onlyAnonymous: boolean },
): (volume: FilteredVolume) => boolean {
  checkNames(filters, options.onlyAnonymous ? [...PRUNE_FILTERS, 'all'] : PRUNE_FILTERS);
  const sparesNamed = options.onlyAnonymous && truthOf(filters, 'all') !== true;
  const { label = [], 'label!': without = [] } = filters;
  return ({ record, isUsed }) =>
    !isUsed &&
    record.driver === 'local' &&
    (!sparesNamed || record.anonymous) &&
    label.every((wanted) => hasLabel(record.labels, wanted)) &&
    !without.some((unwanted) => hasLabel(record.labels, unwanted));
}
