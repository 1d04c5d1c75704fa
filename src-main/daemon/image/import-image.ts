/** `docker import`: a root file system becomes a one-layer image (moby image_import.go). */
import { randomUUID } from 'node:crypto';
import type { Readable } from 'node:stream';
import { errorMessage, internal, invalidArgument } from '../../../shared/errors.ts';
import { hostPlatform } from '../distribution/platform.ts';
import {
  familiarString,
  parseReference,
  type Reference,
  withTag,
} from '../distribution/reference.ts';
import { applyChanges } from './changes.ts';
import { encodeImageConfig } from './image-config.ts';
import { type ImageContext, publishImageEvent } from './image-context.ts';
import type { ImageConfigFile, Platform, ProgressSink } from './image-service.ts';

export interface ImportOptions {
  readonly repository?: string;
  readonly tag?: string;
  readonly message?: string;
  readonly changes?: readonly string[];
  readonly platform?: Platform;
  readonly onProgress: ProgressSink;
}

function targetOf({ repository, tag }: ImportOptions): Reference | undefined {
  if (repository === undefined || repository === '') return undefined;
  const reference = parseReference(repository);
  if (reference.digest !== undefined) throw invalidArgument('cannot import digest reference');
  return tag === undefined || tag === '' ? reference : withTag(reference, tag);
}

/** Tags and announces. */
export async function tagImage(
  context: ImageContext,
  id: string,
  reference: Reference,
): Promise<void> {
  await context.references.addTag(reference, id);
  await context.images.markTagged(id);
  publishImageEvent(context, 'tag', id, familiarString(reference));
}

/** Docker's words for an archive that cannot be read. */
function rethrowBroken(error: unknown): never {
  throw internal(`Error processing tar file(exit status 1): ${errorMessage(error)}`, {
    cause: error,
  });
}

export async function importImage(
  context: ImageContext,
  archive: Readable,
  options: ImportOptions,
): Promise<string> {
  const reference = targetOf(options);
  const runConfig = applyChanges({}, options.changes ?? []);
  const holder = `import:${randomUUID()}`;
  const layer = await context.layers.register(archive, undefined, holder).catch(rethrowBroken);
  try {
    const created = new Date().toISOString();
    const comment = options.message || 'Imported from -';
    const host = hostPlatform();
    const config: ImageConfigFile = {
      architecture: options.platform?.architecture || host.architecture,
      ...(options.platform?.variant ? { variant: options.platform.variant } : {}),
      comment,
      config: runConfig,
      created,
      history: [{ created, comment }],
      os: options.platform?.os || host.os,
      rootfs: { type: 'layers', diff_ids: [layer.diffId] },
    };
    const id = await context.images.create(encodeImageConfig(config));
    if (reference) await tagImage(context, id, reference);
    publishImageEvent(context, 'import', id);
    await options.onProgress({ status: id });
    return id;
  } finally {
    await context.layers.release(layer.chainId, holder);
  }
}
