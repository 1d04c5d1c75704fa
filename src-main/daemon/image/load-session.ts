/** One `docker load` under way, and the two steps every kind of archive takes. */
import { createReadStream } from 'node:fs';
import { errorMessage, internal, invalidArgument } from '../../../shared/errors.ts';
import { shortId } from '../distribution/digest.ts';
import { movingLine, type ProgressQueue, throttledProgress } from '../distribution/progress.ts';
import { familiarString, type Reference } from '../distribution/reference.ts';
import type { ChainId, Layer, StagedLayer } from '../layer/layer-store.ts';
import type { ArchivedFile, ArchivedLayer, ArchiveEntries } from './archive-entries.ts';
import type { ImageContext } from './image-context.ts';

const FILE_CHUNK_BYTES = 1024 * 1024;

/** One load under way. Its layers are held by `holder` until the images hold them themselves. */
export interface LoadSession {
  readonly context: ImageContext;
  readonly entries: ArchiveEntries;
  readonly holder: string;
  readonly held: ChainId[];
  /** Where layers that were unpacked on the way have got their place. */
  readonly placed: Map<StagedLayer, ChainId>;
  readonly progress: ProgressQueue;
  readonly quiet: boolean;
  readonly signal: AbortSignal;
}

/** Brings one layer of the archive on top of its parent; the session holds it. */
export async function registerLayer(
  session: LoadSession,
  path: string,
  layer: { readonly parent: ChainId | undefined; readonly label: string },
): Promise<{ readonly chainId: ChainId; readonly diffId: string }> {
  const found = session.entries.find(path);
  if (!found) {
    throw invalidArgument(`open ${session.entries.directory}/${path}: no such file or directory`, {
      status: 500,
    });
  }
  const id = shortId(layer.label);
  const show = throttledProgress(found.sizeBytes, (current) => {
    if (!session.quiet) {
      session.progress.push(movingLine(id, 'Loading layer', current, found.sizeBytes));
    }
  });
  try {
    const registered =
      found.kind === 'file'
        ? await registerFile(session, found, layer.parent, show)
        : await placeLayer(session, found, layer.parent);
    session.held.push(registered.chainId);
    show(found.sizeBytes);
    return registered;
  } catch (error) {
    session.signal.throwIfAborted();
    throw internal(`Error processing tar file(exit status 1): ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

async function registerFile(
  { context, holder, signal }: LoadSession,
  file: ArchivedFile,
  parent: ChainId | undefined,
  onProgress: (bytes: number) => void,
): Promise<Layer> {
  const blob = createReadStream(file.path, { highWaterMark: FILE_CHUNK_BYTES });
  try {
    return await context.layers.register(blob, parent, holder, { signal, onProgress });
  } finally {
    blob.destroy();
  }
}

async function placeLayer(
  { context, holder, placed, signal }: LoadSession,
  { result }: ArchivedLayer,
  parent: ChainId | undefined,
): Promise<Layer> {
  if (result instanceof Error) throw result;
  const before = placed.get(result);
  if (before !== undefined) {
    // The same layer once more, on another parent: its files are taken, its tar can be had again.
    const tar = await context.layers.tarStream(before);
    return context.layers.register(tar, parent, holder, { signal });
  }
  const layer = await context.layers.place(result, parent, holder);
  placed.set(result, layer.chainId);
  return layer;
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
