/**
 * Brings the layers of images into the layer store: several downloads at a time, each unpacked while it
 * arrives, put in their places from the bottom up; each layer once however many pulls want it.
 * Follows moby distribution/xfer, which unpacks one after another when they are there.
 */
import { randomUUID } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, internal } from '../../../shared/errors.ts';
import type { ChainId, DiffId, Layer, LayerStore, RegisterOptions } from '../layer/layer-store.ts';
import type { Log } from '../log/log.ts';
import { orAborted } from './abortable.ts';
import { type BlobSource, downloadBlob } from './blob-download.ts';
import { BlobSpool } from './blob-spool.ts';
import { digestOfFile, shortId } from './digest.ts';
import type { Descriptor } from './manifest.ts';
import { movingLine, statusLine, throttledProgress } from './progress.ts';
import { RegistryError } from './registry-error.ts';
import { Semaphore } from './semaphore.ts';
import { type LineListener, type Seat, SharedTask, type SharedTaskContext } from './shared-task.ts';

/** One layer an image needs, bottom first. */
export interface WantedLayer {
  readonly blob: Descriptor;
  readonly diffId: DiffId;
  readonly chainId: ChainId;
}

export interface LayerDownloadsOptions {
  readonly layers: LayerStore;
  /** Where blobs are spooled; its content is worthless after a restart. */
  readonly spoolDirectory: string;
  readonly maxConcurrentDownloads: number;
  readonly maxDownloadAttempts: number;
  readonly retryUnitMs: number;
  readonly log: Log;
}

interface Registration {
  readonly layer: Layer;
  readonly holder: string;
}

interface AwaitedParent {
  readonly chainId: ChainId | undefined;
  readonly result?: Promise<unknown>;
  /** Of the layer that is built on it. */
  readonly holder: string;
}

interface ArrivingBlob {
  readonly spool: BlobSpool;
  /** When the spool has all its bytes. */
  readonly done: Promise<void>;
  readonly options: RegisterOptions & { readonly signal: AbortSignal };
}

const MISMATCH = "layers from manifest don't match image configuration";

/** The pull's reference on the top layer; release it once the image holds its own. */
export type ReleaseLayers = () => Promise<void>;

export class LayerDownloads {
  readonly #options: LayerDownloadsOptions;
  readonly #slots: Semaphore;
  readonly #spools = new Map<string, SharedTask<BlobSpool>>();
  readonly #registrations = new Map<ChainId, SharedTask<Registration>>();

  constructor(options: LayerDownloadsOptions) {
    this.#options = options;
    this.#slots = new Semaphore(options.maxConcurrentDownloads);
  }

  /** Answers when all layers are in the store and held for the caller. */
  async fetch(
    wanted: readonly WantedLayer[],
    source: BlobSource,
    options: { readonly emit: LineListener; readonly signal: AbortSignal },
  ): Promise<ReleaseLayers> {
    const { layers } = this.#options;
    const holder = `pull:${randomUUID()}`;
    let present = wanted.length;
    while (present > 0 && !layers.acquire(wanted[present - 1]?.chainId ?? '', holder)) present--;
    const base = wanted[present - 1]?.chainId;
    for (const { blob } of wanted.slice(0, present)) {
      options.emit(statusLine(shortId(blob.digest), 'Already exists'));
    }
    const release = async (chainId: ChainId | undefined): Promise<void> => {
      if (chainId !== undefined) await layers.release(chainId, holder);
    };
    if (present === wanted.length) return () => release(base);
    const seats = this.#joinAll(wanted.slice(present), base, source, options.emit);
    try {
      await orAborted(Promise.all(seats.map(({ result }) => result)), options.signal);
      const top = wanted.at(-1)?.chainId ?? '';
      if (!layers.acquire(top, holder)) throw internal(`layer ${top} vanished during the pull`);
      return () => release(top);
    } finally {
      await Promise.all(seats.map((seat) => seat.leave()));
      await release(base);
    }
  }

  #joinAll(
    missing: readonly WantedLayer[],
    base: ChainId | undefined,
    source: BlobSource,
    emit: LineListener,
  ): Seat<Registration>[] {
    const seats: Seat<Registration>[] = [];
    const announced = new Set<string>();
    let parent: { chainId: ChainId | undefined; result?: Promise<unknown> } = { chainId: base };
    for (const layer of missing) {
      // A blob that comes twice in one image has one progress line.
      const isRepeated = announced.has(layer.blob.digest);
      announced.add(layer.blob.digest);
      if (!isRepeated) emit(statusLine(shortId(layer.blob.digest), 'Pulling fs layer'));
      const seat = this.#join(layer, parent, source, isRepeated ? undefined : emit);
      seats.push(seat);
      parent = { chainId: layer.chainId, result: seat.result };
    }
    return seats;
  }

  #join(
    wanted: WantedLayer,
    parent: { chainId: ChainId | undefined; result?: Promise<unknown> },
    source: BlobSource,
    emit: LineListener | undefined,
  ): Seat<Registration> {
    let task = this.#registrations.get(wanted.chainId);
    if (!task) {
      const holder = `download:${randomUUID()}`;
      const created = new SharedTask<Registration>(
        retaining(source, (context) =>
          this.#obtain(wanted, { ...parent, holder }, source, context),
        ),
        {
          onEmpty: () => {
            if (this.#registrations.get(wanted.chainId) === created) {
              this.#registrations.delete(wanted.chainId);
            }
          },
          cleanUp: async ({ layer }) => {
            await this.#options.layers.release(layer.chainId, holder);
          },
        },
      );
      task = created;
      this.#registrations.set(wanted.chainId, task);
    }
    return task.join(emit);
  }

  /** Downloads and registers one layer. */
  async #obtain(
    wanted: WantedLayer,
    parent: AwaitedParent,
    source: BlobSource,
    context: SharedTaskContext,
  ): Promise<Registration> {
    const id = shortId(wanted.blob.digest);
    const download = this.#joinSpool(wanted.blob, source, context.emit);
    try {
      const { spool, done } = await download.result.then((spool) => ({
        spool,
        done: this.#finished.get(spool) ?? Promise.resolve(),
      }));
      const extracting = { current: 0, isShown: false };
      const showExtracting = throttledProgress(wanted.blob.size, (current) =>
        context.emit(movingLine(id, 'Extracting', current, wanted.blob.size)),
      );
      const downloaded = done.then(() => {
        extracting.isShown = true;
        showExtracting(extracting.current);
      });
      // Reported below, through the unpacking that reads the same spool.
      downloaded.catch(() => undefined);
      const blob: ArrivingBlob = {
        spool,
        done,
        options: {
          signal: context.signal,
          expectedDigest: wanted.blob.digest,
          onProgress: (bytes) => {
            extracting.current = bytes;
            if (extracting.isShown) showExtracting(bytes);
          },
        },
      };
      const layer = this.#options.layers.canStage
        ? await this.#stage(wanted, parent, blob)
        : await this.#register(wanted, parent, blob);
      await downloaded;
      if (wanted.blob.size > 0) showExtracting(wanted.blob.size);
      context.emit(statusLine(id, 'Pull complete'));
      return { layer, holder: parent.holder };
    } finally {
      await download.leave();
    }
  }

  /** Unpacks at once and waits for the parent afterwards. */
  async #stage(wanted: WantedLayer, parent: AwaitedParent, blob: ArrivingBlob): Promise<Layer> {
    const { layers } = this.#options;
    const unpacking = this.#explained(wanted, blob, () =>
      layers.stage(blob.spool.reader(), blob.options),
    );
    try {
      // The parent's failure is this layer's failure, without waiting for the download.
      await Promise.all([
        unpacking,
        orAborted(Promise.resolve(parent.result), blob.options.signal),
      ]);
    } catch (error) {
      unpacking.then((staged) => staged[Symbol.asyncDispose]()).catch(() => undefined);
      throw error;
    }
    await using staged = await unpacking;
    if (staged.diffId !== wanted.diffId) throw new Error(MISMATCH);
    return await this.#explained(wanted, blob, () =>
      layers.place(staged, parent.chainId, parent.holder),
    );
  }

  async #register(wanted: WantedLayer, parent: AwaitedParent, blob: ArrivingBlob): Promise<Layer> {
    const { layers } = this.#options;
    await orAborted(Promise.resolve(parent.result), blob.options.signal);
    const layer = await this.#explained(wanted, blob, () =>
      layers.register(blob.spool.reader(), parent.chainId, parent.holder, blob.options),
    );
    if (layer.diffId === wanted.diffId) return layer;
    await layers.release(layer.chainId, parent.holder);
    throw new Error(MISMATCH);
  }

  async #explained<T>(
    wanted: WantedLayer,
    { spool, done, options }: ArrivingBlob,
    work: () => Promise<T>,
  ): Promise<T> {
    try {
      return await work();
    } catch (error) {
      options.signal.throwIfAborted();
      throw await this.#registerError(error, wanted, spool, done);
    }
  }

  /** Tells a broken download and a forged blob from a layer that cannot be unpacked. */
  async #registerError(
    error: unknown,
    wanted: WantedLayer,
    spool: BlobSpool,
    done: Promise<void>,
  ): Promise<unknown> {
    try {
      await done;
    } catch (downloadError) {
      return downloadError;
    }
    if ((await digestOfFile(spool.path)) !== wanted.blob.digest) {
      return new RegistryError(
        'VERIFICATION',
        `filesystem layer verification failed for digest ${wanted.blob.digest}`,
      );
    }
    return internal(`failed to register layer: ${errorMessage(error)}`, { cause: error });
  }

  /** When the spool has all its bytes; rejects with the download's error. */
  readonly #finished = new WeakMap<BlobSpool, Promise<void>>();

  #joinSpool(blob: Descriptor, source: BlobSource, emit: LineListener): Seat<BlobSpool> {
    let task = this.#spools.get(blob.digest);
    if (!task) {
      const created = new SharedTask<BlobSpool>((context) => this.#spool(blob, source, context), {
        onEmpty: () => {
          if (this.#spools.get(blob.digest) === created) this.#spools.delete(blob.digest);
        },
        cleanUp: async (spool) => {
          // The download's own failure was reported; here only its end matters.
          await this.#finished.get(spool)?.catch(() => undefined);
          await spool[Symbol.asyncDispose]();
        },
      });
      task = created;
      this.#spools.set(blob.digest, task);
    }
    return task.join(emit);
  }

  async #spool(
    blob: Descriptor,
    source: BlobSource,
    context: SharedTaskContext,
  ): Promise<BlobSpool> {
    await mkdir(this.#options.spoolDirectory, { recursive: true, mode: 0o700 });
    const path = join(this.#options.spoolDirectory, `blob-${randomUUID()}`);
    const spool = await BlobSpool.create(path);
    const finished = retaining(source, () => this.#download(blob, source, spool, context))(context);
    finished.then(
      () => spool.finish(),
      (error: unknown) => spool.finish(error),
    );
    this.#finished.set(spool, finished);
    return spool;
  }

  async #download(
    blob: Descriptor,
    source: BlobSource,
    spool: BlobSpool,
    { signal, emit }: SharedTaskContext,
  ): Promise<void> {
    const { maxDownloadAttempts, retryUnitMs, log } = this.#options;
    const id = shortId(blob.digest);
    const onBytes = throttledProgress(blob.size, (current) =>
      emit(movingLine(id, 'Downloading', current, blob.size)),
    );
    const work = (): Promise<void> =>
      downloadBlob(source, blob, spool, {
        maxAttempts: maxDownloadAttempts,
        retryUnitMs,
        signal,
        log,
        onBytes,
        onRetry: (line) => emit(statusLine(id, line)),
      });
    await this.#slots.run(work, signal, () => emit(statusLine(id, 'Waiting')));
    emit(statusLine(id, 'Verifying Checksum'));
    emit(statusLine(id, 'Download complete'));
  }
}

/** The work with its own hold on the source, taken now: the pull that brought it may end sooner. */
function retaining<T>(
  source: BlobSource,
  work: (context: SharedTaskContext) => Promise<T>,
): (context: SharedTaskContext) => Promise<T> {
  const release = source.retain();
  return async (context) => {
    try {
      return await work(context);
    } finally {
      await release();
    }
  };
}
