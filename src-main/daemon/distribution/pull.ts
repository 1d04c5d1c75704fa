/** `docker pull`: from a name to an image in the store (moby distribution/pull_v2.go). */
import { forbidden, invalidArgument } from '../../../shared/errors.ts';
import { chainIdsOf, parseImageConfig } from '../image/image-config.ts';
import type { Platform, PullOptions } from '../image/image-service.ts';
import type { ImageStore } from '../image/image-store.ts';
import type { PendingNames } from '../image/pending-names.ts';
import type { ReferenceStore } from '../image/reference-store.ts';
import type { LayerDigests } from './layer-digests.ts';
import type { LayerDownloads, WantedLayer } from './layer-downloads.ts';
import { checkImageConfigType, type IndexRow, type Manifest, parseManifest } from './manifest.ts';
import { formatPlatform, hostPlatform, matchingPlatforms } from './platform.ts';
import { ProgressQueue } from './progress.ts';
import {
  familiarName,
  familiarString,
  fullName,
  fullString,
  isNameOnly,
  type Reference,
  trimReference,
  withDigest,
  withTag,
} from './reference.ts';
import type { RegistryClient, RemoteManifest } from './registry-client.ts';
import { pullEndpoints } from './registry-endpoints.ts';
import { pullError } from './registry-error.ts';
import { onFirstEndpoint, type RegistryAccess } from './try-endpoints.ts';

export interface PullContext extends RegistryAccess {
  readonly images: ImageStore;
  readonly references: ReferenceStore;
  readonly downloads: LayerDownloads;
  readonly digests: LayerDigests;
  readonly pending: PendingNames;
}

interface Session {
  readonly client: RegistryClient;
  readonly signal: AbortSignal;
  readonly platform: Platform | undefined;
  readonly progress: ProgressQueue;
}

/** An index may point to indexes; a hostile one points on and on. */
const INDEX_DEPTH_MAX = 4;

/**
 * Pulls a tag, a digest, or every tag of a bare name. Throws notFound or internal in Docker's
 * words, invalidArgument for what is no image.
 */
export async function pullReference(
  context: PullContext,
  reference: Reference,
  options: PullOptions,
): Promise<void> {
  if (familiarName(reference) === 'scratch') throw forbidden("'scratch' is a reserved name");
  const gone = new AbortController();
  const progress = new ProgressQueue(options.onProgress, (error) => gone.abort(error));
  const signal = options.signal ? AbortSignal.any([options.signal, gone.signal]) : gone.signal;
  try {
    const endpoints = await pullEndpoints(reference.domain, context.registry());
    const { auth = {}, platform } = options;
    await onFirstEndpoint(context, { verb: 'pull', reference, endpoints, auth, signal }, (client) =>
      pullTags(context, reference, { client, signal, progress, platform }),
    );
  } catch (error) {
    signal.throwIfAborted();
    throw pullError(error, reference);
  } finally {
    await progress.flush();
  }
}

async function pullTags(
  context: PullContext,
  reference: Reference,
  session: Session,
): Promise<void> {
  let isNewer = false;
  if (isNameOnly(reference)) {
    for (const tag of await session.client.tags(session.signal)) {
      isNewer = (await pullOne(context, withTag(reference, tag), session)) || isNewer;
    }
  } else {
    isNewer = await pullOne(context, reference, session);
  }
  const verdict = isNewer ? 'Downloaded newer image for' : 'Image is up to date for';
  session.progress.push({ status: `Status: ${verdict} ${familiarString(reference)}` });
}

/** Answers whether the reference points to another image than before. */
async function pullOne(
  context: PullContext,
  reference: Reference,
  session: Session,
): Promise<boolean> {
  const { client, signal, progress } = session;
  const remote = reference.digest
    ? await client.manifestByDigest(reference.digest, signal)
    : await client.manifestByTag(reference.tag ?? 'latest', signal);
  const manifest = parseManifest(remote.text, remote.mediaType);
  const label = reference.digest ? fullString(reference) : reference.tag;
  progress.push({
    status: `Pulling from ${clientName(reference)}`,
    ...(label === undefined ? {} : { id: label }),
  });
  const digested = withDigest(trimReference(reference), remote.digest);
  const names = reference.digest ? [digested] : [digested, reference];
  // Taken away when the names are kept, or were refused.
  await using notes = new AsyncDisposableStack();
  const imageId = await pullManifest(context, manifest, session, {
    reference,
    depth: 0,
    beforeImage: async (id) => notes.defer(await context.pending.note(id, names)),
  });
  progress.push({ status: `Digest: ${remote.digest}` });
  return await record(context, reference, imageId, remote);
}

/** Docker prints the repository as the registry knows it: with `library/`, without the host. */
const clientName = (reference: Reference): string => reference.path;

async function record(
  context: PullContext,
  reference: Reference,
  imageId: string,
  remote: RemoteManifest,
): Promise<boolean> {
  const { references, log } = context;
  const digested = withDigest(trimReference(reference), remote.digest);
  const known = references.get(digested);
  if (known !== undefined && known !== imageId) {
    log.error(
      `Image ID for digest ${remote.digest} changed from ${known} to ${imageId}, cannot update`,
    );
  }
  const before = references.get(reference);
  if (known === undefined) await references.addDigest(digested, imageId);
  if (before === imageId) return false;
  if (!reference.digest) await references.addTag(reference, imageId);
  return true;
}

interface PullPlace {
  readonly reference: Reference;
  /** Indexes on the way. */
  readonly depth: number;
  /** Called when the image is about to be made. */
  readonly beforeImage: (id: string) => Promise<void>;
}

async function pullManifest(
  context: PullContext,
  manifest: Manifest,
  session: Session,
  at: PullPlace,
): Promise<string> {
  if (manifest.kind === 'schema1') {
    throw invalidArgument(
      `[DEPRECATION NOTICE] Docker Image Format v1 and Docker Image manifest version 2, schema 1 support is disabled by default and will be removed in an upcoming release. Suggest the author of ${fullString(at.reference)} to upgrade the image to the OCI Format or Docker Image manifest v2, schema 2. More information at https://docs.docker.com/go/deprecated-image-specs/`,
    );
  }
  if (manifest.kind === 'image') return pullImage(context, manifest, session, at);
  const wanted = session.platform ?? hostPlatform();
  const row = chooseRow(manifest.manifests, wanted);
  if (row === undefined || at.depth >= INDEX_DEPTH_MAX) {
    throw new Error(
      `no matching manifest for ${formatPlatform(wanted)} in the manifest list entries`,
    );
  }
  const remote = await session.client.manifestByDigest(row.digest, session.signal);
  const inner = parseManifest(remote.text, row.mediaType || remote.mediaType);
  return pullManifest(context, inner, session, { ...at, depth: at.depth + 1 });
}

/** The row for the platform; failing that one without a platform, which is an index within. */
function chooseRow(rows: readonly IndexRow[], wanted: Platform): IndexRow | undefined {
  return matchingPlatforms(rows, wanted)[0] ?? rows.find(({ platform }) => platform === undefined);
}

async function pullImage(
  context: PullContext,
  manifest: Extract<Manifest, { kind: 'image' }>,
  session: Session,
  { reference, beforeImage }: PullPlace,
): Promise<string> {
  checkImageConfigType(manifest.config.mediaType);
  const id = manifest.config.digest;
  if (context.images.get(id)) return id;
  const bytes = await fetchConfig(manifest.config.digest, session);
  const { diff_ids: diffIds } = parseImageConfig(bytes).rootfs;
  if (diffIds.length !== manifest.layers.length) {
    throw new Error("layers from manifest don't match image configuration");
  }
  const chainIds = chainIdsOf(diffIds);
  const wanted = manifest.layers.map(
    (blob, i): WantedLayer => ({
      blob,
      diffId: diffIds[i] ?? '',
      chainId: chainIds[i] ?? '',
    }),
  );
  const release = await context.downloads.fetch(wanted, session.client, {
    emit: (line) => session.progress.push(line),
    signal: session.signal,
  });
  try {
    const repository = fullName(reference);
    for (const { diffId, blob } of wanted)
      await context.digests.add(diffId, { digest: blob.digest, repository });
    await beforeImage(id);
    return await context.images.create(bytes);
  } finally {
    await release();
  }
}

async function fetchConfig(digest: string, { client, signal }: Session): Promise<Buffer> {
  try {
    return await client.config(digest, signal);
  } catch (error) {
    signal.throwIfAborted();
    throw new Error(
      `error pulling image configuration: ${error instanceof Error ? error.message : String(error)}`,
      { cause: error },
    );
  }
}
