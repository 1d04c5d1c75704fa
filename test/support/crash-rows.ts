/** Which failpoint is met by which operation, and the rows a test makes of that. */
import type { Failpoint } from '../../src-main/daemon/platform/failpoint.ts';
import {
  type CrashStep,
  committing,
  connecting,
  creating,
  creatingNetwork,
  creatingVolume,
  disconnecting,
  loading,
  pulling,
  removing,
  removingImage,
  removingNetwork,
  removingVolume,
  renaming,
  restoring,
  starting,
  stopping,
  tagging,
  updating,
} from './crash-steps.ts';
import { SeededRandom } from './random.ts';

const BY_OPERATION: Readonly<Record<string, Readonly<Record<string, CrashStep>>>> = {
  restore: { restore: restoring },
  create: { create: creating },
  start: { start: starting },
  stop: { stop: stopping },
  remove: { remove: removing },
  layer: { pull: pulling, load: loading, commit: committing },
  image: { pull: pulling, load: loading, commit: committing },
  reference: { pull: pulling, load: loading, commit: committing, tag: tagging },
  'image remove': { 'image remove': removingImage },
  'layer remove': { 'image remove': removingImage },
  'volume create': { 'volume create': creatingVolume },
  'volume remove': { 'volume remove': removingVolume },
  'network create': { 'network create': creatingNetwork },
  'network remove': { 'network remove': removingNetwork },
  connect: { connect: connecting },
  disconnect: { disconnect: disconnecting },
  rename: { rename: renaming },
  update: { update: updating },
};

export interface CrashRow {
  readonly failpoint: Failpoint;
  readonly operation: string;
  readonly step: CrashStep;
}

/** Every failpoint with every operation that passes it, so that neighbours seldom work on the same things. */
export function crashRows(failpoints: readonly Failpoint[]): readonly CrashRow[] {
  const rows = failpoints.flatMap((failpoint) => {
    const steps = BY_OPERATION[wordOf(failpoint)];
    if (!steps) throw new Error(`nothing here passes "${failpoint}"`);
    return Object.entries(steps).map(([operation, step]) => ({ failpoint, operation, step }));
  });
  const isOfContainers = ({ step }: CrashRow): boolean => step.touches[0] === 'container';
  const containers = rows.filter(isOfContainers);
  const others = rows.filter((row) => !isOfContainers(row));
  return Array.from({ length: Math.max(containers.length, others.length) }).flatMap((_, at) =>
    [containers[at], others[at]].filter((row) => row !== undefined),
  );
}

const wordOf = (failpoint: Failpoint): string => failpoint.split(':')[0] ?? '';

/** `count` of the rows, drawn by a seed; in their order. */
export function drawRows(
  rows: readonly CrashRow[],
  { count, seed }: { count: number; seed: number },
): readonly CrashRow[] {
  const random = new SeededRandom(seed);
  const left = [...rows];
  const drawn = new Set<CrashRow>();
  while (drawn.size < count && left.length > 0)
    for (const row of left.splice(random.below(left.length), 1)) drawn.add(row);
  return rows.filter((row) => drawn.has(row));
}

/** Whether `row` can be done again in a daemon that dies at the failpoint of `next`. */
export const bears = (row: CrashRow, next: CrashRow): boolean =>
  !next.step.isStart && !next.step.touches.some((realm) => row.step.touches.includes(realm));
