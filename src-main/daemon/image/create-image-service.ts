/** Puts the image room together. */
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { conflict, errorMessage, internal } from '../../../shared/errors.ts';
import { isDigest } from '../distribution/digest.ts';
import { LayerDigests } from '../distribution/layer-digests.ts';
import { LayerDownloads } from '../distribution/layer-downloads.ts';
import { LayerUploads } from '../distribution/layer-uploads.ts';
import { hostPlatform, satisfiesPlatform } from '../distribution/platform.ts';
import { type PullContext, pullReference } from '../distribution/pull.ts';
import { pushReference } from '../distribution/push.ts';
import {
  familiarName,
  familiarString,
  parseReference,
  type Reference,
  trimReference,
  withDefaultTag,
  withDigest,
  withTag,
} from '../distribution/reference.ts';
import type { RegistryConfig } from '../distribution/registry-endpoints.ts';
import { createRegistryService, type RegistryService } from '../distribution/registry-service.ts';
import type { RegistryAccess } from '../distribution/try-endpoints.ts';
import type { EventBus } from '../event/event-bus.ts';
import type { LayerStore } from '../layer/layer-store.ts';
import type { Log } from '../log/log.ts';
import { encodeImageConfig } from './image-config.ts';
import { findImage, type ImageContext, publishImageEvent, resolveImage } from './image-context.ts';
import type {
  ImageConfigFile,
  ImageListOptions,
  ImageService,
  ImageUsers,
  PullOptions,
} from './image-service.ts';
import { ImageStore } from './image-store.ts';
import { importImage, tagImage } from './import-image.ts';
import { imageHistory, inspectImage } from './inspect-image.ts';
import { addUsage, type ImageSummary, listImages } from './list-images.ts';
import { loadImages } from './load-images.ts';
import { PendingNames } from './pending-names.ts';
import { pruneImages } from './prune-images.ts';
import { ReferenceStore } from './reference-store.ts';
import { removeImage } from './remove-image.ts';
import { saveImages } from './save-images.ts';

export interface ImageServiceOptions {
  /** The daemon's data root. */
  readonly root: string;
  readonly driverName: string;
  readonly layers: LayerStore;
  readonly events: Pick<EventBus, 'publish'>;
  readonly registry: RegistryConfig;
  readonly userAgent?: string;
  readonly log: Log;
}

/** The image service with what only the daemon's wiring uses. */
export interface LocalImageService extends ImageService {
  /** What is asked of registries without touching an image here. */
  readonly registries: RegistryService;
  /** Images that could not be read need layers nobody else names: as long as there are any, layers are not swept. */
  hasImagesAside(): Promise<boolean>;
  /** Set once the container room is there; until then no image counts as used. */
  setUsers(users: ImageUsers): void;
  /** From the next pull on (SIGHUP). Concurrency and attempts stay as they were. */
  setRegistryConfig(config: RegistryConfig): void;
  /** Rows of `list({all})` with Containers and SharedSize, for `docker system df`. */
  listWithUsage(options: ImageListOptions): Promise<readonly ImageSummary[]>;
}

const NO_USERS: ImageUsers = { containersOf: () => [] };

/** What a push is of. Docker answers 500 for what is no name here. */
function pushTarget(name: string, tag: string): Reference {
  try {
    const reference = parseReference(name);
    return tag === '' ? reference : withTag(reference, tag);
  } catch (error) {
    throw internal(errorMessage(error), { cause: error });
  }
}

function pullTarget(name: string, tag: string): Reference {
  const reference = parseReference(name.replace(/:$/, ''));
  if (tag === '') return reference;
  return isDigest(tag) ? withDigest(trimReference(reference), tag) : withTag(reference, tag);
}

/** Opens the stores under `root` and answers the service. Half-done transfers are swept. */
export async function createImageService(options: ImageServiceOptions): Promise<LocalImageService> {
  const { layers, events, log } = options;
  const directory = join(options.root, 'image', options.driverName);
  const temporaryDirectory = join(options.root, 'tmp', 'images');
  await rm(temporaryDirectory, { recursive: true, force: true });
  const images = await ImageStore.open({ directory: join(directory, 'imagedb'), layers, log });
  const references = await ReferenceStore.open(join(directory, 'repositories.json'), log);
  const pending = new PendingNames(join(directory, 'pending-names'));
  await pending.finish(images, references, log);
  const room = { users: NO_USERS, registry: options.registry, isPruning: false };
  const context: ImageContext = {
    images,
    references,
    layers,
    events,
    log,
    temporaryDirectory,
    users: () => room.users,
  };
  return {
    ...storeVerbs(context),
    ...registryVerbs(context, options, { pending, registry: () => room.registry }),
    prune: async (filters) => {
      if (room.isPruning) throw conflict('a prune operation is already running');
      room.isPruning = true;
      try {
        return await pruneImages(context, filters);
      } finally {
        room.isPruning = false;
      }
    },
    hasImagesAside: () => images.hasImagesAside(),
    setUsers: (users) => {
      room.users = users;
    },
    setRegistryConfig: (config) => {
      room.registry = config;
    },
  };
}

/** The verbs that speak to registries. */
function registryVerbs(
  context: ImageContext,
  options: ImageServiceOptions,
  {
    pending,
    registry,
  }: { readonly pending: PendingNames; readonly registry: () => RegistryConfig },
): Pick<LocalImageService, 'registries' | 'pull' | 'push'> {
  const { images, references, layers, log } = context;
  const { maxConcurrentDownloads, maxDownloadAttempts, maxConcurrentUploads, ...config } =
    registry();
  const retryUnitMs = config.retryUnitMs ?? 1000;
  const digests = new LayerDigests(join(options.root, 'image', options.driverName, 'distribution'));
  const downloads = new LayerDownloads({
    layers,
    spoolDirectory: context.temporaryDirectory,
    maxConcurrentDownloads,
    maxDownloadAttempts,
    retryUnitMs,
    log,
  });
  const uploads = new LayerUploads({ layers, digests, maxConcurrentUploads, retryUnitMs, log });
  const access: RegistryAccess = { registry, userAgent: options.userAgent ?? 'windlass', log };
  const pulling: PullContext = { ...access, images, references, downloads, digests, pending };
  return {
    registries: createRegistryService(access),
    pull: (name, tag, pull) => pullImage(context, pulling, pullTarget(name, tag), pull),
    push: async (name, tag, push) => {
      const reference = pushTarget(name, tag);
      await pushReference({ ...access, images, references, layers, uploads }, reference, push);
      publishImageEvent(context, 'push', familiarString(reference), familiarName(reference));
    },
  };
}

type WiredVerbs =
  | 'hasImagesAside'
  | 'registries'
  | 'pull'
  | 'push'
  | 'prune'
  | 'setUsers'
  | 'setRegistryConfig';

/** The verbs that need nothing but the stores. */
function storeVerbs(context: ImageContext): Omit<LocalImageService, WiredVerbs> {
  return {
    resolve: async (reference, platform) => resolveImage(context, reference, platform),
    get: (id) => context.images.get(id),
    count: () => context.images.size,
    list: async (options) => listImages(context, options),
    listWithUsage: async (options) => addUsage(context, listImages(context, options)),
    inspect: (reference) => inspectImage(context, reference),
    history: async (reference) => imageHistory(context, reference),
    namesOf: (id) =>
      context.references
        .referencesOf(id)
        .filter(({ tag }) => tag !== undefined)
        .map(familiarString),
    load: (archive, options) => loadImages(context, archive, options),
    save: (references) => saveImages(context, references),
    importTar: (archive, options) => importImage(context, archive, options),
    tag: async (reference, repository, tag) => {
      const image = resolveImage(context, reference);
      const named = parseReference(repository);
      await tagImage(context, image.id, tag === '' ? named : withTag(trimReference(named), tag));
    },
    remove: (reference, options) => removeImage(context, reference, options),
    create: (config, name) => createImage(context, config, name),
  };
}

async function createImage(
  context: ImageContext,
  config: ImageConfigFile,
  name?: { readonly repository: string; readonly tag: string },
): Promise<string> {
  // The parent is this machine's knowledge, not part of the image (moby SetParent).
  const { parent, ...content } = config;
  const reference = name && parseReference(name.repository);
  const id = await context.images.create(encodeImageConfig(content));
  if (parent !== undefined && parent !== id && context.images.get(parent)) {
    await context.images.setParent(id, parent);
  }
  if (reference) {
    const tag = name.tag;
    await tagImage(context, id, tag === '' ? withDefaultTag(reference) : withTag(reference, tag));
  }
  return id;
}

async function pullImage(
  context: ImageContext,
  transfer: PullContext,
  given: Reference,
  options: PullOptions,
): Promise<void> {
  const { log } = context;
  const reference = options.allTags === false ? withDefaultTag(given) : given;
  await pullReference(transfer, reference, options);
  const text = familiarString(reference);
  publishImageEvent(context, 'pull', text, familiarName(reference));
  const image = findImage(context, text);
  const wanted = options.platform;
  if (wanted && image && !satisfiesPlatform(wanted, image.config)) {
    try {
      resolveImage(context, text, wanted ?? hostPlatform());
    } catch (error) {
      // A single image of another platform is taken all the same, with a word about it.
      const message = error instanceof Error ? error.message : String(error);
      log.warn('ignoring platform mismatch on single-arch image', { image: text });
      await options.onProgress({ status: `WARNING: ${message}` });
    }
  }
}
