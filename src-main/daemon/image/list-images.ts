/** `GET /images/json` (moby daemon/images/images.go). */
import type { ImageSummary as NewerImageSummary } from '../../../shared/engine/engine-api.ts';
import { familiarString, matchesPattern } from '../distribution/reference.ts';
import type { ChainId } from '../layer/layer-store.ts';
import {
  checkFilterNames,
  type Filters,
  matchesLabels,
  readDangling,
  readUntil,
} from './filters.ts';
import { chainIdsOf } from './image-config.ts';
import { type ImageContext, resolveImage } from './image-context.ts';
import type { Image, ImageListOptions } from './image-service.ts';

/** API 1.41's row: newer documents have dropped the field. */
export type ImageSummary = Omit<NewerImageSummary, 'Labels' | 'RepoTags' | 'RepoDigests'> & {
  readonly Labels: Readonly<Record<string, string>> | null;
  readonly RepoTags: readonly string[] | null;
  readonly RepoDigests: readonly string[] | null;
  readonly VirtualSize: number;
};

const ACCEPTED = ['dangling', 'label', 'before', 'since', 'reference', 'until'];

const createdMs = (image: Image): number => Date.parse(image.config.created ?? '') || 0;

/** Go's zero time where an image does not say when it was made. */
const createdSeconds = (image: Image): number =>
  image.config.created === undefined ? -62135596800 : Math.floor(createdMs(image) / 1000);

type ImageTest = (image: Image) => boolean;

/** The tests that look at the image alone. */
function imageTests(context: ImageContext, filters: Filters): ImageTest[] {
  const tests: ImageTest[] = [];
  const last = (name: string): Image | undefined => {
    const images = (filters[name] ?? []).map((value) => resolveImage(context, value));
    return images.at(-1);
  };
  const before = last('before');
  const since = last('since');
  const until = readUntil(filters, Date.now());
  const { label } = filters;
  if (before) tests.push((image) => createdMs(image) < createdMs(before));
  if (since) tests.push((image) => createdMs(image) > createdMs(since));
  if (until !== undefined) tests.push((image) => createdMs(image) < until);
  if (label) {
    tests.push(
      ({ config: { config } }) => config !== undefined && matchesLabels(label, config.Labels),
    );
  }
  return tests;
}

interface Names {
  readonly tags: readonly string[];
  readonly digests: readonly string[];
}

function namesFor(context: ImageContext, image: Image, filters: Filters): Names {
  const patterns = filters['reference'];
  const references = context.references
    .referencesOf(image.id)
    .filter((reference) => !patterns || patterns.some((p) => matchesPattern(p, reference)));
  return {
    tags: references.filter(({ tag }) => tag !== undefined).map(familiarString),
    digests: references.filter(({ digest }) => digest !== undefined).map(familiarString),
  };
}

/** The names a row shows, or undefined when the image is left out. */
function rowNames(
  context: ImageContext,
  image: Image,
  options: ImageListOptions,
): Names | undefined {
  const filters = options.filters ?? {};
  const dangling = readDangling(filters);
  const names = namesFor(context, image, filters);
  if (names.tags.length + names.digests.length > 0) {
    return dangling === true && names.tags.length > 0 ? undefined : names;
  }
  const isHead = context.images.childrenOf(image.id).length === 0;
  if (!(options.all ?? false) && !isHead) return undefined;
  if (dangling === false || filters['reference']) return undefined;
  return { tags: ['<none>:<none>'], digests: ['<none>@<none>'] };
}

function summaryOf(context: ImageContext, image: Image, names: Names): ImageSummary {
  const size = image.chainId === undefined ? 0 : (context.layers.get(image.chainId)?.size ?? 0);
  return {
    Containers: -1,
    Created: createdSeconds(image),
    Id: image.id,
    Labels: image.config.config?.Labels ?? null,
    ParentId: context.images.parentOf(image.id) ?? '',
    RepoDigests: names.digests.length > 0 ? names.digests : null,
    RepoTags: names.tags.length > 0 ? names.tags : null,
    SharedSize: -1,
    Size: size,
    VirtualSize: size,
  };
}

/** Newest first. Throws invalidArgument for filters, notFound for images that filters name. */
export function listImages(context: ImageContext, options: ImageListOptions): ImageSummary[] {
  const filters = options.filters ?? {};
  checkFilterNames(filters, ACCEPTED);
  const headsOnly = readDangling(filters) === true;
  const tests = imageTests(context, filters);
  const rows: ImageSummary[] = [];
  for (const image of context.images.list()) {
    if (headsOnly && context.images.childrenOf(image.id).length > 0) continue;
    if (!tests.every((test) => test(image))) continue;
    const names = rowNames(context, image, options);
    if (names) rows.push(summaryOf(context, image, names));
  }
  return rows.sort((a, b) => b.Created - a.Created);
}

/** Fills in what `docker system df -v` shows: containers, and the bytes shared with other images. */
export function addUsage(context: ImageContext, rows: readonly ImageSummary[]): ImageSummary[] {
  const chains = new Map<string, readonly ChainId[]>();
  const counts = new Map<ChainId, number>();
  for (const { Id } of rows) {
    const chain = chainIdsOf(context.images.get(Id)?.config.rootfs.diff_ids ?? []);
    chains.set(Id, chain);
    for (const chainId of chain) counts.set(chainId, (counts.get(chainId) ?? 0) + 1);
  }
  return rows.map((row) => ({
    ...row,
    Containers: context.users().containersOf(row.Id).length,
    SharedSize: (chains.get(row.Id) ?? [])
      .filter((chainId) => (counts.get(chainId) ?? 0) > 1)
      .reduce((sum, chainId) => sum + (context.layers.get(chainId)?.diffSize ?? 0), 0),
  }));
}
