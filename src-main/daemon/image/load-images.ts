/** `docker load` (moby image/tarexport/load.go). */
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { isDeepStrictEqual } from 'node:util';
import { internal } from '../../../shared/errors.ts';
import { hexOf } from '../distribution/digest.ts';
import { ProgressQueue } from '../distribution/progress.ts';
import { familiarString, parseReference } from '../distribution/reference.ts';
import { ArchiveEntries, type TakeApartOptions } from './archive-entries.ts';
import { type ArchivedImage, readArchive } from './archive-manifest.ts';
import { chainIdsOf, parseImageConfig } from './image-config.ts';
import { type ImageContext, publishImageEvent } from './image-context.ts';
import type { ImageConfigFile, ProgressSink } from './image-service.ts';
import { loadLegacy } from './load-legacy.ts';
import { type LoadSession, registerLayer, setLoadedTag } from './load-session.ts';

export interface LoadOptions {
  readonly quiet: boolean;
  readonly signal?: AbortSignal;
  readonly onProgress: ProgressSink;
}

/** Reads the archive to its end, then brings its images in. */
export async function loadImages(
  context: ImageContext,
  archive: Readable,
  options: LoadOptions,
): Promise<void> {
  const gone = new AbortController();
  const progress = new ProgressQueue(options.onProgress, (error) => gone.abort(error));
  const signal = options.signal ? AbortSignal.any([options.signal, gone.signal]) : gone.signal;
  await using entries = await ArchiveEntries.takeApart(archive, {
    temporaryDirectory: context.temporaryDirectory,
    signal,
    ...(context.layers.canStage ? { stage: stageUnlessPresent(context, signal) } : {}),
  });
  const session: LoadSession = {
    context,
    entries,
    holder: `load:${randomUUID()}`,
    held: [],
    placed: new Map(),
    progress,
    quiet: options.quiet,
    signal,
  };
  try {
    const images = await readArchive(entries);
    if (images) await loadAll(session, images);
    else await loadLegacy(session);
  } finally {
    for (const chainId of session.held.toReversed()) {
      await context.layers.release(chainId, session.holder);
    }
    await progress.flush();
  }
}

/** A layer named by the digest of one that is here will not be needed; it is not unpacked again. */
function stageUnlessPresent(
  { layers }: ImageContext,
  signal: AbortSignal,
): NonNullable<TakeApartOptions['stage']> {
  const present = new Set(layers.list().map(({ diffId }) => hexOf(diffId)));
  return (name) =>
    name.split('/').some((part) => present.has(part))
      ? undefined
      : (blob) => layers.stage(blob, { signal });
}

async function loadAll(session: LoadSession, images: readonly ArchivedImage[]): Promise<void> {
  const { context, progress } = session;
  const loaded: { readonly id: string; readonly parent: string | undefined }[] = [];
  let names = 0;
  for (const archived of images) {
    names = 0;
    const id = await loadOne(session, archived);
    for (const text of archived.repoTags) {
      const reference = parseReference(text);
      if (reference.tag === undefined) throw internal(`invalid tag ${JSON.stringify(text)}`);
      await setLoadedTag(session, reference, id);
      progress.push({ stream: `Loaded image: ${familiarString(reference)}\n` });
      names++;
    }
    loaded.push({ id, parent: archived.parent });
    publishImageEvent(context, 'load', id);
  }
  await linkParents(context, loaded);
  // As Docker has it: when the last image has no name, all are told by their ids.
  if (names > 0) return;
  progress.push({ stream: loaded.map(({ id }) => `Loaded image ID: ${id}\n`).join('') });
}

async function loadOne(session: LoadSession, archived: ArchivedImage): Promise<string> {
  const { context, entries } = session;
  const bytes = await entries.read(archived.configPath);
  const config = parseImageConfig(bytes);
  if (config.os !== 'linux') throw internal(`cannot load ${config.os} image on linux`);
  const { diff_ids: diffIds } = config.rootfs;
  if (diffIds.length !== archived.layerPaths.length) {
    throw internal(
      `invalid manifest, layers length mismatch: expected ${archived.layerPaths.length}, got ${diffIds.length}`,
    );
  }
  const chainIds = chainIdsOf(diffIds);
  for (const [i, diffId] of diffIds.entries()) {
    const chainId = chainIds[i] ?? '';
    if (context.layers.acquire(chainId, session.holder)) {
      session.held.push(chainId);
      continue;
    }
    const found = await registerLayer(session, archived.layerPaths[i] ?? '', {
      parent: chainIds[i - 1],
      label: diffId,
    });
    if (found.diffId !== diffId) {
      throw internal(`invalid diffID for layer ${i}: expected "${diffId}", got "${found.diffId}"`);
    }
  }
  return context.images.create(bytes);
}

/** A parent's history is the child's without its last entry. */
function isValidParent(child: ImageConfigFile, parent: ImageConfigFile): boolean {
  const mine = child.history ?? [];
  const theirs = parent.history ?? [];
  if (mine.length === 0 && theirs.length === 0) return true;
  return mine.length === theirs.length + 1 && isDeepStrictEqual(mine.slice(0, -1), theirs);
}

async function linkParents(
  context: ImageContext,
  loaded: readonly { readonly id: string; readonly parent: string | undefined }[],
): Promise<void> {
  const ids = new Set(loaded.map(({ id }) => id));
  for (const { id, parent } of loaded) {
    // Only within the archive: its word about an image that was here before is not taken.
    if (parent === undefined || parent === id || !ids.has(parent)) continue;
    const child = context.images.get(id);
    const above = context.images.get(parent);
    if (!child || !above || !isValidParent(child.config, above.config)) {
      throw internal(`image ${parent} is not a valid parent for ${id}`);
    }
    await context.images.setParent(id, parent);
  }
}
