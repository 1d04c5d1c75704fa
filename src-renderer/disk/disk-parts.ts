/** The parts of `GET /system/df` as a person thinks of them: what there is, what nobody uses, what winning it back would remove. */
import type { SystemDataUsageAnswer } from '../../shared/engine/engine-api.ts';

export interface DiskPart {
  readonly name: string;
  readonly count: number;
  /** Bytes. */
  readonly size: number;
  /** Bytes that the requests would give back. */
  readonly reclaimable: number;
  /** Names of what they would remove. */
  readonly unused: readonly string[];
  /** What to send to win it back. */
  readonly requests: readonly (readonly ['POST' | 'DELETE', string])[];
}

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const filters = (value: Record<string, string[]>): string =>
  `?filters=${encodeURIComponent(JSON.stringify(value))}`;

/** Shared layers count once, so images can give back less than the sum of their sizes. */
export function partsOf(usage: SystemDataUsageAnswer): readonly DiskPart[] {
  const images = usage.Images ?? [];
  const containers = usage.Containers ?? [];
  const volumes = usage.Volumes ?? [];
  const cache = usage.BuildCache ?? [];
  const usedImages = new Set(containers.map(({ ImageID }) => ImageID));
  const freeImages = images.filter(({ Id }) => !usedImages.has(Id));
  const stopped = containers.filter(
    ({ State }) => !/^(running|paused|restarting)$/.test(State ?? ''),
  );
  const freeVolumes = volumes.filter(({ UsageData }) => UsageData?.RefCount === 0);
  const unique = ({ Size, SharedSize }: (typeof images)[number]): number =>
    Size - Math.max(0, SharedSize);
  const parts: DiskPart[] = [
    {
      name: 'Images',
      count: images.length,
      size: usage.LayersSize ?? 0,
      reclaimable: sum(freeImages.map(unique)),
      unused: freeImages.map(({ Id, RepoTags }) => RepoTags?.[0] ?? Id.slice(7, 19)),
      requests: [['POST', `/images/prune${filters({ dangling: ['false'] })}`]],
    },
    {
      name: 'Containers',
      count: containers.length,
      size: sum(containers.map(({ SizeRw = 0 }) => SizeRw)),
      reclaimable: sum(stopped.map(({ SizeRw = 0 }) => SizeRw)),
      unused: stopped.map(({ Names, Id = '' }) => Names?.[0]?.slice(1) ?? Id.slice(0, 12)),
      requests: [['POST', '/containers/prune']],
    },
    {
      name: 'Volumes',
      count: volumes.length,
      size: sum(volumes.map(({ UsageData }) => Math.max(0, UsageData?.Size ?? 0))),
      reclaimable: sum(freeVolumes.map(({ UsageData }) => Math.max(0, UsageData?.Size ?? 0))),
      unused: freeVolumes.map(({ Name }) => Name),
      // One by one: what a prune takes differs between versions of the API.
      requests: freeVolumes.map(({ Name }) => ['DELETE', `/volumes/${encodeURIComponent(Name)}`]),
    },
    {
      name: 'Build cache',
      count: cache.length,
      size: sum(cache.map(({ Size = 0 }) => Size)),
      reclaimable: sum(cache.filter(({ InUse }) => !InUse).map(({ Size = 0 }) => Size)),
      unused: cache.filter(({ InUse }) => !InUse).map(({ ID = '' }) => ID),
      requests: [['POST', '/build/prune']],
    },
  ];
  return parts.filter(({ count, name }) => count > 0 || name !== 'Build cache');
}
