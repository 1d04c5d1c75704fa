/** `docker push`: tags of a repository to its registry, as schema 2 (moby distribution/push.go, push_v2.go). */
import { randomUUID } from 'node:crypto';
import { internal, isEngineError } from '../../../shared/errors.ts';
import { chainIdsOf } from '../image/image-config.ts';
import type { PushOptions } from '../image/image-service.ts';
import type { ImageStore } from '../image/image-store.ts';
import type { ReferenceStore } from '../image/reference-store.ts';
import type { LayerStore } from '../layer/layer-store.ts';
import { putBlob, putManifest } from './blob-upload.ts';
import { digestOf } from './digest.ts';
import type { Destination, LayerUploads } from './layer-uploads.ts';
import { type Descriptor, MEDIA_TYPE } from './manifest.ts';
import { ProgressQueue } from './progress.ts';
import {
  familiarName,
  familiarString,
  fullName,
  isNameOnly,
  type Reference,
  trimReference,
  withDigest,
} from './reference.ts';
import type { RegistryClient } from './registry-client.ts';
import { pushEndpoints } from './registry-endpoints.ts';
import { TransportError } from './transport-error.ts';
import { onFirstEndpoint, type RegistryAccess } from './try-endpoints.ts';

export interface PushContext extends RegistryAccess {
  readonly images: ImageStore;
  readonly references: ReferenceStore;
  readonly layers: LayerStore;
  readonly uploads: LayerUploads;
}

interface Session {
  readonly client: RegistryClient;
  readonly progress: ProgressQueue;
  readonly signal: AbortSignal;
}

interface TaggedImage {
  readonly reference: Reference;
  readonly imageId: string;
}

/** Pushes a tag, or every tag of a bare name. Throws internal in Docker's words. */
export async function pushReference(
  context: PushContext,
  reference: Reference,
  options: PushOptions,
): Promise<void> {
  const gone = new AbortController();
  const progress = new ProgressQueue(options.onProgress, (error) => gone.abort(error));
  const signal = options.signal ? AbortSignal.any([options.signal, gone.signal]) : gone.signal;
  progress.push({ status: `The push refers to repository [${fullName(reference)}]` });
  try {
    const name = familiarName(reference);
    if (context.references.referencesIn(reference).length === 0)
      throw internal(`An image does not exist locally with the tag: ${name}`);
    const endpoints = await pushEndpoints(reference.domain, context.registry());
    const errand = { verb: 'push', reference, endpoints, auth: options.auth, signal } as const;
    await onFirstEndpoint(context, errand, (client) =>
      pushAll(context, reference, { client, progress, signal }),
    );
  } catch (error) {
    signal.throwIfAborted();
    throw pushError(error);
  } finally {
    await progress.flush();
  }
}

function pushError(error: unknown): unknown {
  if (isEngineError(error) || !(error instanceof Error)) return error;
  // Docker unwraps what went wrong in a transfer, but not in the first word to a registry.
  const isTransfer = error instanceof TransportError && !error.url.endsWith('/v2/');
  return internal(isTransfer ? error.reason : error.message, { cause: error });
}

async function pushAll(
  context: PushContext,
  reference: Reference,
  session: Session,
): Promise<void> {
  for (const tagged of selectTags(context, reference)) await pushTag(context, tagged, session);
}

function selectTags({ references }: PushContext, reference: Reference): readonly TaggedImage[] {
  if (reference.digest !== undefined) throw internal('cannot push a digest reference');
  if (!isNameOnly(reference)) {
    const imageId = references.get(reference);
    if (imageId === undefined) throw internal(`tag does not exist: ${familiarString(reference)}`);
    return [{ reference, imageId }];
  }
  const tagged = references
    .referencesIn(reference)
    .filter((row) => row.reference.tag !== undefined && row.reference.digest === undefined);
  if (tagged.length === 0) throw internal(`no tags to push for ${familiarName(reference)}`);
  return tagged;
}

async function pushTag(
  context: PushContext,
  { reference, imageId }: TaggedImage,
  { client, progress, signal }: Session,
): Promise<void> {
  const { images, references } = context;
  const config = await images.readConfig(imageId);
  const tag = reference.tag ?? 'latest';
  const destination = { client, repository: trimReference(reference) };
  const layers = await pushLayers(context, imageId, destination, { progress, signal });
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.dockerManifest,
    config: row(await putBlob(client, MEDIA_TYPE.dockerConfig, config, signal)),
    layers: layers.map(row),
  };
  const text = JSON.stringify(manifest, null, 3);
  await putManifest(client, tag, { mediaType: MEDIA_TYPE.dockerManifest, text }, signal);
  const digest = digestOf(text);
  const size = Buffer.byteLength(text);
  progress.push({ status: `${tag}: digest: ${digest} size: ${size}` });
  await references.addDigest(withDigest(trimReference(reference), digest), imageId);
  progress.push({ progressDetail: {}, aux: { Tag: tag, Digest: digest, Size: size } });
}

/** The fields in the order in which Docker writes them. */
const row = ({ mediaType, size, digest }: Descriptor): object => ({ mediaType, size, digest });

/** All layers at once, told from the top; the first failure ends the others. */
async function pushLayers(
  { images, layers, uploads }: PushContext,
  imageId: string,
  destination: Destination,
  { progress, signal }: Pick<Session, 'progress' | 'signal'>,
): Promise<readonly Descriptor[]> {
  const diffIds = images.get(imageId)?.config.rootfs.diff_ids ?? [];
  const chainIds = chainIdsOf(diffIds);
  const top = chainIds.at(-1);
  if (top === undefined) return [];
  const holder = `push:${randomUUID()}`;
  if (!layers.acquire(top, holder)) throw internal(`layer ${top} does not exist`);
  const failed = new AbortController();
  const either = AbortSignal.any([signal, failed.signal]);
  try {
    const sending = diffIds
      .map((diffId, at) => ({ diffId, chainId: chainIds[at] ?? '' }))
      .reverse()
      .map((layer) =>
        uploads.upload(layer, destination, {
          emit: (line) => progress.push(line),
          signal: either,
        }),
      );
    return (await allOrAbort(sending, failed)).reverse();
  } finally {
    await layers.release(top, holder);
  }
}

/** As Promise.all, but a failure stops the rest and waits until they have stopped. */
async function allOrAbort<T>(work: readonly Promise<T>[], abort: AbortController): Promise<T[]> {
  try {
    return await Promise.all(work);
  } catch (error) {
    abort.abort(error);
    await Promise.allSettled(work);
    throw error;
  }
}
