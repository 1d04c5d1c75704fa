/** `docker rmi` and its rules about what is still in use (moby daemon/images/image_delete.go). */
import { conflict, type EngineError } from '../../../shared/errors.ts';
import { hexOf, shortId } from '../distribution/digest.ts';
import {
  familiarString,
  fullName,
  parseReference,
  type Reference,
  withDefaultTag,
} from '../distribution/reference.ts';
import { failpoint } from '../platform/failpoint.ts';
import { type ImageContext, publishImageEvent, resolveImage } from './image-context.ts';
import type { Image } from './image-service.ts';

export type RemovedRow = { readonly Untagged: string } | { readonly Deleted: string };

export interface RemoveOptions {
  readonly force: boolean;
  /** Leave parents that nothing needs any more. */
  readonly noPrune: boolean;
}

/** Which reasons to refuse count. Children and running containers always do. */
interface ConflictMask {
  readonly activeReference: boolean;
  readonly stoppedContainer: boolean;
}

interface Conflict {
  readonly error: EngineError;
  readonly isUsed: boolean;
}

/** At most one tag, and all digests in the tag's own repository. */
function isSingleReference(references: readonly Reference[]): boolean {
  if (references.length <= 1) return references.length === 1;
  const tagged = references.filter(({ digest }) => digest === undefined);
  if (tagged.length > 1) return false;
  const digestNames = new Set(
    references.filter(({ digest }) => digest !== undefined).map(fullName),
  );
  const single = tagged[0] ?? references[0];
  return digestNames.size === 1 && single !== undefined && digestNames.has(fullName(single));
}

const isIdPrefix = (id: string, text: string): boolean =>
  id.startsWith(text) || hexOf(id).startsWith(text);

function findConflict(context: ImageContext, id: string, mask: ConflictMask): Conflict | undefined {
  const found = (message: string, isHard: boolean, isUsed = false): Conflict => ({
    error: conflict(
      `conflict: unable to delete ${shortId(id)} (${isHard ? 'cannot' : 'must'} be forced) - ${message}`,
    ),
    isUsed,
  });
  if (context.images.childrenOf(id).length > 0) {
    return found('image has dependent child images', true);
  }
  const containers = context.users().containersOf(id);
  const running = containers.find(({ isRunning }) => isRunning);
  if (running) {
    return found(`image is being used by running container ${running.id.slice(0, 12)}`, true, true);
  }
  if (mask.activeReference && context.references.referencesOf(id).length > 0) {
    return found('image is referenced in multiple repositories', false);
  }
  const stopped = containers[0];
  if (mask.stoppedContainer && stopped) {
    return found(
      `image is being used by stopped container ${stopped.id.slice(0, 12)}`,
      false,
      true,
    );
  }
  return undefined;
}

async function untag(
  context: ImageContext,
  id: string,
  reference: Reference,
  rows: RemovedRow[],
): Promise<Reference> {
  const full = withDefaultTag(reference);
  await context.references.delete(full);
  publishImageEvent(context, 'untag', id);
  rows.push({ Untagged: familiarString(full) });
  return full;
}

async function untagAll(context: ImageContext, id: string, rows: RemovedRow[]): Promise<void> {
  for (const reference of context.references.referencesOf(id)) {
    await untag(context, id, reference, rows);
  }
}

/** Removes the one name that was given. Answers true when the image has no other. */
async function removeName(
  context: ImageContext,
  image: Image,
  text: string,
  rows: RemovedRow[],
): Promise<boolean> {
  const removed = await untag(context, image.id, parseReference(text), rows);
  const left = context.references.referencesOf(image.id);
  const isSameName = (other: Reference): boolean => fullName(other) === fullName(removed);
  if (removed.digest === undefined && !left.some((r) => r.digest === undefined && isSameName(r))) {
    // Digests alone do not keep an image whose last tag in the repository is gone.
    for (const reference of left.filter(isSameName)) {
      await context.references.delete(reference);
      rows.push({ Untagged: familiarString(reference) });
    }
  }
  return context.references.referencesOf(image.id).length === 0;
}

async function deleteImage(
  context: ImageContext,
  id: string,
  rows: RemovedRow[],
  options: RemoveOptions & { readonly isQuiet: boolean },
): Promise<void> {
  const { force } = options;
  const found = findConflict(context, id, { activeReference: !force, stoppedContainer: !force });
  if (found) {
    const isDangling =
      context.references.referencesOf(id).length === 0 &&
      context.images.childrenOf(id).length === 0;
    if (options.isQuiet && (!isDangling || found.isUsed)) return;
    throw found.error;
  }
  const parent = context.images.parentOf(id);
  await untagAll(context, id, rows);
  failpoint('image remove: untagged');
  const layers = await context.images.delete(id);
  publishImageEvent(context, 'delete', id);
  rows.push({ Deleted: id }, ...layers.map(({ chainId }) => ({ Deleted: chainId })));
  if (!options.noPrune && parent !== undefined && context.images.get(parent)) {
    await deleteImage(context, parent, rows, { force: false, noPrune: false, isQuiet: true });
  }
}

/** Untags or deletes. Throws notFound, or conflict in Docker's words. */
export async function removeImage(
  context: ImageContext,
  text: string,
  options: RemoveOptions,
): Promise<RemovedRow[]> {
  const image = resolveImage(context, text);
  const rows: RemovedRow[] = [];
  const references = context.references.referencesOf(image.id);
  let isQuiet = false;
  if (!isIdPrefix(image.id, text)) {
    const user = context.users().containersOf(image.id)[0];
    if (!options.force && isSingleReference(references) && user) {
      throw conflict(
        `conflict: unable to remove repository reference ${JSON.stringify(text)} (must force) - container ${user.id.slice(0, 12)} is using its referenced image ${shortId(image.id)}`,
      );
    }
    if (!(await removeName(context, image, text, rows))) return rows;
    isQuiet = true;
  } else if (isSingleReference(references)) {
    const mask = { activeReference: false, stoppedContainer: !options.force };
    const found = findConflict(context, image.id, mask);
    if (found) throw found.error;
    await untagAll(context, image.id, rows);
  }
  await deleteImage(context, image.id, rows, { ...options, isQuiet });
  return rows;
}
