/** One `docker load` under way, and the two steps every kind of archive takes. */
import { createReadStream } from 'node:fs';
import { errorMessage, internal, invalidArgument } from '../../../shared/errors.ts';
import { shortId } from '../distribution/digest.ts';
import { movingLine, type ProgressQueue, throttledProgress } from '../distribution/progress.ts';
import { familiarString, type Reference } from '../distribution/reference.ts';
import type { ChainId } from '../layer/layer-store.ts';
import type { ArchiveEntries } from './archive-entries.ts';
import type { ImageContext } from './image-context.ts';

const FILE_CHUNK_BYTES = 1024 * 1024;

/** One load under way. Its layers are held by `holder` until the images hold them themselves. */
export interface LoadSession {
  readonly context: ImageContext;
  readonly entries: ArchiveEntries;
  readonly holder: string;
  readonly held: ChainId[];
  readonly progress: ProgressQueue;
  readonly quiet: boolean;
  readonly signal: AbortSignal;
}

/** Unpacks one layer of the archive on top of its parent; the session holds it. */
export async function registerLayer(
  session: LoadSession,
  path: string,
  layer: { readonly parent: ChainId | undefined; readonly label: string },
): Promise<{ readonly chainId: ChainId; readonly diffId: string }> {
  const file = session.entries.find(path);
  if (!file) {
    throw invalidArgument(`open ${session.entries.directory}/${path}: no such file or directory`, {
      status: 500,
    });
  }
  const id = shortId(layer.label);
  const show = throttledProgress(file.sizeBytes, (current) => {
    if (!session.quiet) {
      session.progress.push(movingLine(id, 'Loading layer', current, file.sizeBytes));
    }
  });
  const blob = createReadStream(file.path, { highWaterMark: FILE_CHUNK_BYTES });
  try {
    const registered = await session.context.layers.register(blob, layer.parent, session.holder, {
      signal: session.signal,
      onProgress: show,
    });
    session.held.push(registered.chainId);
    show(file.sizeBytes);
    return registered;
  } catch (error) {
    session.signal.throwIfAborted();
    throw internal(`Error processing tar file(exit status 1): ${errorMessage(error)}`, {
      cause: error,
    });
  } finally {
    blob.destroy();
  }
}

/** Points the tag at the image and says so when another one loses it. */
export async function setLoadedTag(
  session: LoadSession,
  reference: Reference,
  id: string,
): Promise<void> {
  const { references, images } = session.context;
  const before = references.get(reference);
  if (before !== undefined && before !== id) {
    session.progress.push({
      stream: `The image ${familiarString(reference)} already exists, renaming the old one with ID ${before} to empty string\n`,
    });
  }
  await references.addTag(reference, id);
  await images.markTagged(id);
}
