/** Archives of Docker before 1.10: a directory an image with `json` and `layer.tar`, `repositories`. */
import { z } from 'zod';
import { internal } from '../../../shared/errors.ts';
import { parseReference, withTag } from '../distribution/reference.ts';
import { encodeImageConfig } from './image-config.ts';
import type { ImageConfigFile, ImageHistoryEntry } from './image-service.ts';
import { type LoadSession, registerLayer, setLoadedTag } from './load-session.ts';

const imageSchema = z.looseObject({
  os: z.string().optional(),
  parent: z.string().optional(),
  created: z.string().optional(),
  author: z.string().optional(),
  comment: z.string().optional(),
  container_config: z.looseObject({ Cmd: z.array(z.string()).nullish() }).optional(),
});
const repositoriesSchema = z.record(z.string(), z.record(z.string(), z.string()));

/** Keys of the old form that say nothing, or something else, in an image config. */
const DROPPED = ['id', 'parent', 'Size', 'parent_id', 'layer_id', 'throwaway'];

/** Loads the parents first. `trail` are the children on the way, for the archive that goes in circles. */
async function loadImage(
  session: LoadSession,
  oldId: string,
  loaded: Map<string, string>,
  trail: readonly string[],
): Promise<string> {
  const done = loaded.get(oldId);
  if (done !== undefined) return done;
  if (trail.includes(oldId)) throw internal(`invalid archive: image ${oldId} is its own parent`);
  const { context, entries } = session;
  const old = imageSchema.parse(JSON.parse((await entries.read(`${oldId}/json`)).toString('utf8')));
  if (old.os !== undefined && old.os !== '' && old.os !== 'linux') {
    throw internal(`cannot load ${old.os} image on linux`);
  }
  const parentId = old.parent
    ? await loadImage(session, old.parent, loaded, [...trail, oldId])
    : undefined;
  const parent = parentId === undefined ? undefined : context.images.get(parentId);
  const layer = await registerLayer(session, `${oldId}/layer.tar`, {
    parent: parent?.chainId,
    label: oldId,
  });
  const entry: ImageHistoryEntry = {
    ...(old.created ? { created: old.created } : {}),
    ...(old.author ? { author: old.author } : {}),
    created_by: (old.container_config?.Cmd ?? []).join(' '),
    ...(old.comment ? { comment: old.comment } : {}),
  };
  const kept = Object.entries(old).filter(([key]) => !DROPPED.includes(key));
  const config = {
    ...Object.fromEntries(kept),
    rootfs: {
      type: 'layers',
      diff_ids: [...(parent?.config.rootfs.diff_ids ?? []), layer.diffId],
    },
    history: [...(parent?.config.history ?? []), entry],
  } as unknown as ImageConfigFile;
  const id = await context.images.create(encodeImageConfig(config));
  if (parentId !== undefined) await context.images.setParent(id, parentId);
  loaded.set(oldId, id);
  return id;
}

/** Throws in the words of a missing `repositories` for what is no image archive at all. */
export async function loadLegacy(session: LoadSession): Promise<void> {
  const loaded = new Map<string, string>();
  for (const name of session.entries.names().sort()) {
    const [directory, file, ...rest] = name.split('/');
    if (directory && file === 'json' && rest.length === 0) {
      await loadImage(session, directory, loaded, []);
    }
  }
  const text = (await session.entries.read('repositories')).toString('utf8');
  for (const [name, tags] of Object.entries(repositoriesSchema.parse(JSON.parse(text)))) {
    for (const [tag, oldId] of Object.entries(tags)) {
      const id = loaded.get(oldId);
      if (id === undefined) throw internal(`invalid target ID: ${oldId}`);
      await setLoadedTag(session, withTag(parseReference(name), tag), id);
    }
  }
}
