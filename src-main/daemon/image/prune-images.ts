/** `docker image prune` (moby daemon/images/image_prune.go). */
import { errorMessage, isEngineError } from '../../../shared/errors.ts';
import { hexOf } from '../distribution/digest.ts';
import { fullString } from '../distribution/reference.ts';
import {
  checkFilterNames,
  type Filters,
  matchesLabels,
  readDangling,
  readUntil,
} from './filters.ts';
import type { ImageContext } from './image-context.ts';
import type { Image } from './image-service.ts';
import { type RemovedRow, removeImage } from './remove-image.ts';

const ACCEPTED = ['dangling', 'label', 'label!', 'until'];

export interface PruneReport {
  readonly ImagesDeleted: readonly RemovedRow[] | null;
  /** Bytes of the layers that went. */
  readonly SpaceReclaimed: number;
}

function candidates(context: ImageContext, filters: Filters, danglingOnly: boolean): Image[] {
  const until = readUntil(filters, Date.now());
  const without = filters['label!'];
  return context.images.list().filter((image) => {
    const isParent = context.images.childrenOf(image.id).length > 0;
    const hasName = context.references.referencesOf(image.id).length > 0;
    if (isParent && (danglingOnly || !hasName)) return false;
    if (until !== undefined && Date.parse(image.config.created ?? '') > until) return false;
    const labels = image.config.config?.Labels;
    if (!matchesLabels(filters['label'], labels)) return false;
    return without === undefined || !matchesLabels(without, labels);
  });
}

async function pruneOne(
  context: ImageContext,
  image: Image,
  danglingOnly: boolean,
): Promise<RemovedRow[]> {
  const references = context.references.referencesOf(image.id);
  if (danglingOnly && references.some(({ tag }) => tag !== undefined)) return [];
  const names = references.length > 0 ? references.map(fullString) : [hexOf(image.id)];
  const rows: RemovedRow[] = [];
  for (const name of names) {
    try {
      rows.push(...(await removeImage(context, name, { force: false, noPrune: false })));
    } catch (error) {
      // In use, or gone with an earlier one: prune takes what it can get.
      if (isEngineError(error, 'conflict') || isEngineError(error, 'notFound')) continue;
      context.log.warn(`failed to prune image ${name}: ${errorMessage(error)}`);
    }
  }
  return rows;
}

/** Removes what nothing uses: dangling images, or with `dangling=false` all unused ones. */
export async function pruneImages(context: ImageContext, filters: Filters): Promise<PruneReport> {
  checkFilterNames(filters, ACCEPTED);
  const danglingOnly = readDangling(filters) ?? true;
  const sizes = new Map(context.layers.list().map((layer) => [layer.chainId, layer.diffSize]));
  const rows: RemovedRow[] = [];
  for (const image of candidates(context, filters, danglingOnly)) {
    if (context.images.get(image.id)) rows.push(...(await pruneOne(context, image, danglingOnly)));
  }
  const reclaimed = rows.reduce(
    (sum, row) => sum + ('Deleted' in row ? (sizes.get(row.Deleted) ?? 0) : 0),
    0,
  );
  context.events.publish('image', 'prune', {
    id: '',
    attributes: { reclaimed: String(reclaimed) },
  });
  return { ImagesDeleted: rows.length > 0 ? rows : null, SpaceReclaimed: reclaimed };
}
