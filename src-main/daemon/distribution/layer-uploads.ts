/**
 * Brings layers into a repository: found there, mounted from another repository of the registry, or
 * sent; several at a time, each once however many pushes want it (moby distribution/push_v2.go, xfer/upload.go).
 */
import { PassThrough } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import type { ChainId, DiffId, LayerStore } from '../layer/layer-store.ts';
import type { Log } from '../log/log.ts';
import { orAborted } from './abortable.ts';
import { blobSize, cancelUpload, startUpload, streamBlob } from './blob-upload.ts';
import { shortId } from './digest.ts';
import type { KnownDigest, LayerDigests } from './layer-digests.ts';
import { type Descriptor, MEDIA_TYPE } from './manifest.ts';
import { movingLine, statusLine, throttledProgress } from './progress.ts';
import { fullName, type Reference } from './reference.ts';
import type { RegistryClient } from './registry-client.ts';
import { RegistryError } from './registry-error.ts';
import { retrying } from './retrying.ts';
import { Semaphore } from './semaphore.ts';
import { type LineListener, SharedTask, type SharedTaskContext } from './shared-task.ts';

export interface LayerUploadsOptions {
  readonly layers: LayerStore;
  readonly digests: LayerDigests;
  readonly maxConcurrentUploads: number;
  readonly retryUnitMs: number;
  readonly log: Log;
}

/** A layer to be in the repository. The caller holds it in the layer store. */
export interface LayerToPush {
  readonly diffId: DiffId;
  readonly chainId: ChainId;
}

export interface Destination {
  readonly client: RegistryClient;
  readonly repository: Reference;
}

const MAX_RETRIES = 4;
const SMALL_LAYER_BYTES = 100_000;
const MIDDLE_LAYER_BYTES = 10_000_000;
/** How many repositories of the registry are asked for a layer before it is sent. */
const mountAttemptsFor = (bytes: number): number =>
  bytes > MIDDLE_LAYER_BYTES ? 4 : bytes > SMALL_LAYER_BYTES ? 3 : 1;
/** How many digests are looked for in the repository itself. */
const existenceChecksFor = (bytes: number): number => (bytes > MIDDLE_LAYER_BYTES ? 3 : 1);

export class LayerUploads {
  readonly #options: LayerUploadsOptions;
  readonly #slots: Semaphore;
  readonly #tasks = new Map<string, SharedTask<Descriptor>>();

  constructor(options: LayerUploadsOptions) {
    this.#options = options;
    this.#slots = new Semaphore(options.maxConcurrentUploads);
  }

  /** Answers the blob that holds the layer. Throws RegistryError, TransportError, or the signal's reason. */
  async upload(
    layer: LayerToPush,
    destination: Destination,
    options: { readonly emit: LineListener; readonly signal: AbortSignal },
  ): Promise<Descriptor> {
    options.emit(statusLine(shortId(layer.diffId), 'Preparing'));
    const seat = this.#task(layer, destination).join(options.emit);
    try {
      return await orAborted(seat.result, options.signal);
    } finally {
      await seat.leave();
    }
  }

  #task(layer: LayerToPush, destination: Destination): SharedTask<Descriptor> {
    const { client, repository } = destination;
    const key = `${client.url('')} ${fullName(repository)} ${layer.diffId}`;
    const present = this.#tasks.get(key);
    if (present) return present;
    const forget = (): void => {
      if (this.#tasks.get(key) === created) this.#tasks.delete(key);
    };
    const release = client.retain();
    const created = new SharedTask<Descriptor>(
      async (context) => {
        try {
          return await this.#run(layer, destination, context);
        } finally {
          forget();
          await release();
        }
      },
      { onEmpty: forget, cleanUp: async () => undefined },
    );
    this.#tasks.set(key, created);
    return created;
  }

  #run(
    layer: LayerToPush,
    destination: Destination,
    { signal, emit }: SharedTaskContext,
  ): Promise<Descriptor> {
    const id = shortId(layer.diffId);
    const say = (status: string): void => emit(statusLine(id, status));
    const { log, retryUnitMs } = this.#options;
    return this.#slots.run(
      () =>
        retrying(() => this.#bring(layer, destination, { signal, emit }), {
          what: 'Upload',
          maxRetries: MAX_RETRIES,
          retryUnitMs,
          signal,
          log,
          onRetry: say,
        }),
      signal,
      () => say('Waiting'),
    );
  }

  async #bring(
    layer: LayerToPush,
    destination: Destination,
    { signal, emit }: SharedTaskContext,
  ): Promise<Descriptor> {
    const { digests, layers } = this.#options;
    const { client, repository } = destination;
    const name = fullName(repository);
    const id = shortId(layer.diffId);
    const bytes = layers.get(layer.chainId)?.diffSize ?? 0;
    const known = await digests.of(layer.diffId);
    const found = async (status: string, digest: string, size: number): Promise<Descriptor> => {
      emit(statusLine(id, status));
      await digests.add(layer.diffId, { digest, repository: name });
      return { mediaType: MEDIA_TYPE.dockerLayer, digest, size };
    };
    for (const { digest } of inOrderOf(known, name).slice(0, existenceChecksFor(bytes))) {
      const size = await blobSize(client, digest, signal);
      if (size !== undefined) return found('Layer already exists', digest, size);
    }
    for (const one of mountCandidates(known, repository).slice(0, mountAttemptsFor(bytes))) {
      if (!(await this.#mount(layer, destination, one, signal))) continue;
      const size = await blobSize(client, one.digest, signal);
      const from = one.repository.slice(repository.domain.length + 1);
      if (size !== undefined) return found(`Mounted from ${from}`, one.digest, size);
    }
    const sent = await this.#send(layer, client, { signal, emit });
    return found('Pushed', sent.digest, sent.size);
  }

  /** True when the registry took the blob from the other repository. */
  async #mount(
    layer: LayerToPush,
    { client, repository }: Destination,
    candidate: KnownDigest,
    signal: AbortSignal,
  ): Promise<boolean> {
    const from = candidate.repository.slice(repository.domain.length + 1);
    try {
      const start = await startUpload(client, signal, { digest: candidate.digest, from });
      if (start.kind === 'mounted') return true;
      await cancelUpload(client, start.location);
      await this.#options.digests.forget(layer.diffId, candidate);
      return false;
    } catch (error) {
      signal.throwIfAborted();
      // No right to read there, or no such verb: the layer is sent.
      if (!(error instanceof RegistryError)) throw error;
      return false;
    }
  }

  async #send(
    { diffId, chainId }: LayerToPush,
    client: RegistryClient,
    { signal, emit }: SharedTaskContext,
  ): Promise<{ readonly digest: string; readonly size: number }> {
    const { layers } = this.#options;
    const total = layers.get(chainId)?.diffSize ?? 0;
    const start = await startUpload(client, signal);
    if (start.kind === 'mounted') throw new Error('the registry mounted what it was not asked for');
    const show = throttledProgress(total, (current) =>
      emit(movingLine(shortId(diffId), 'Pushing', current, total)),
    );
    let read = 0;
    const counted = new PassThrough({ highWaterMark: 1024 * 1024 });
    counted.on('data', (chunk: Buffer) => show((read += chunk.length)));
    const gzip = createGzip({ chunkSize: 256 * 1024 });
    const compressing = pipeline(await layers.tarStream(chainId), counted, gzip, { signal });
    // Its failure is the failure of the stream that is being sent.
    compressing.catch(() => undefined);
    try {
      return await streamBlob(client, start.location, gzip as AsyncIterable<Buffer>, signal);
    } finally {
      gzip.destroy();
    }
  }
}

/** Those of the repository itself first; each digest once. */
function inOrderOf(known: readonly KnownDigest[], name: string): readonly KnownDigest[] {
  const own = known.filter(({ repository }) => repository === name);
  const sorted = [...own, ...known.filter((one) => !own.includes(one))];
  return sorted.filter((one, at) => sorted.findIndex(({ digest }) => digest === one.digest) === at);
}

const mountCandidates = (
  known: readonly KnownDigest[],
  target: Reference,
): readonly KnownDigest[] =>
  known.filter(
    ({ repository }) =>
      repository.startsWith(`${target.domain}/`) && repository !== fullName(target),
  );
