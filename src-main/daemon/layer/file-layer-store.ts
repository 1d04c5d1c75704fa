/** The layer store over a graph driver (moby layer/layer_store.go). */
import { createHash, randomUUID } from 'node:crypto';
import { Readable } from 'node:stream';
import { conflict, errorMessage, internal, notFound } from '../../../shared/errors.ts';
import type { GraphDriver } from '../graphdriver/graphdriver.ts';
import type { Log } from '../log/log.ts';
import { failpoint } from '../platform/failpoint.ts';
import { InitLayers } from './init-layers.ts';
import { LayerMetadata, type LayerRecord } from './layer-metadata.ts';
import type {
  ChainId,
  DiffId,
  Layer,
  LayerDiff,
  LayerStore,
  ReadWriteLayer,
  ReadWriteLayerOptions,
  RegisterOptions,
  StagedLayer,
} from './layer-store.ts';
import { DriverReadWriteLayer, type MountRecord } from './read-write-layer.ts';
import { assembleTar } from './tar-split.ts';
import {
  type ConstructionSite,
  checkResult,
  newCacheId,
  UnpackedLayer,
  unpackRequest,
} from './unpacked-layer.ts';
import { Unpacker } from './unpacker.ts';

/** ChainID of a layer on `parent` (OCI image-spec config.md). */
export function chainIdOf(parent: ChainId | undefined, diffId: DiffId): ChainId {
  if (parent === undefined) return diffId;
  return `sha256:${createHash('sha256').update(`${parent} ${diffId}`).digest('hex')}`;
}

/** Longer chains cannot be mounted everywhere (moby layer/layer.go). */
const MAX_DEPTH = 125;

interface Held extends LayerRecord {
  /** Layers in its chain, itself included. */
  readonly depth: number;
  readonly size: number;
  /** Who needs it: images and pulls by name, child layers by chain id, containers by name. */
  readonly holders: Set<string>;
}

export interface LayerStoreOptions {
  readonly dataRoot: string;
  readonly driver: GraphDriver;
  readonly log: Log;
}

/** Opens the store; cut-off work is swept, records that cannot be used are set aside. */
export async function openLayerStore(options: LayerStoreOptions): Promise<FileLayerStore> {
  const store = new FileLayerStore(options);
  await store.load();
  await store.sweepUnfinished();
  return store;
}

export class FileLayerStore implements LayerStore {
  readonly #driver: GraphDriver;
  readonly #metadata: LayerMetadata;
  readonly #log: Log;
  readonly #inits: InitLayers;
  readonly #unpacker = new Unpacker();
  readonly #layers = new Map<ChainId, Held>();
  readonly #readWrite = new Map<string, DriverReadWriteLayer>();
  /** Layers of containers whose removal was answered and goes on. */
  readonly #removals = new Set<Promise<void>>();
  /** One change to references at a time. */
  #releasing: Promise<unknown> = Promise.resolve();

  constructor(options: LayerStoreOptions) {
    this.#driver = options.driver;
    this.#log = options.log;
    this.#metadata = new LayerMetadata(options.dataRoot, options.driver.name, options.log);
    this.#inits = new InitLayers(this.#driver, this.#metadata);
  }

  /** Once, before anything else. */
  async load(): Promise<void> {
    await this.#loadLayers();
    for (const [name, record] of this.#metadata.loadMounts()) {
      if (await this.#driver.exists(record.mountId)) this.#addReadWrite(name, record);
      else this.#metadata.setMountAside(name, `its directory ${record.mountId} is missing`);
    }
  }

  get #site(): ConstructionSite {
    return { driver: this.#driver, metadata: this.#metadata, unpacker: this.#unpacker };
  }

  get driverName(): string {
    return this.#driver.name;
  }

  driverStatus(): readonly (readonly [string, string])[] {
    return this.#driver.status();
  }

  /** Parents before children; what lacks its directory or its parent is set aside. */
  async #loadLayers(): Promise<void> {
    let pending = await this.#present(this.#metadata.loadLayers());
    for (;;) {
      const ready = pending.filter(
        ({ parent }) => parent === undefined || this.#layers.has(parent),
      );
      if (ready.length === 0) break;
      for (const record of ready) this.#add(record);
      pending = pending.filter((record) => !ready.includes(record));
    }
    for (const { chainId, parent } of pending)
      this.#metadata.setLayerAside(chainId, `its parent ${String(parent)} is missing`);
  }

  async #present(records: readonly LayerRecord[]): Promise<readonly LayerRecord[]> {
    const isThere = await Promise.all(records.map(({ cacheId }) => this.#driver.exists(cacheId)));
    // Not a layer is broken then, but the whole place: a disk that is not mounted (yet).
    const isNoneThere = records.length > 1 && !isThere.includes(true);
    if (isNoneThere)
      this.#log.error('the directories of all layers are missing; is a disk not mounted?');
    return records.filter(({ chainId, parent, diffId, cacheId }, at) => {
      const isSame = chainIdOf(parent, diffId) === chainId;
      const isUsable = isSame && (isThere[at] || isNoneThere);
      const why = isSame ? `its directory ${cacheId} is missing` : 'it describes another layer';
      if (!isUsable) this.#metadata.setLayerAside(chainId, why);
      else if (!this.#metadata.canBeGivenBack(chainId))
        this.#log.warn('layer cannot be pushed or saved, its tar-split data is lost', { chainId });
      return isUsable;
    });
  }

  #add(record: LayerRecord): Held {
    const parent = record.parent === undefined ? undefined : this.#layers.get(record.parent);
    const held = {
      ...record,
      size: record.diffSize + (parent?.size ?? 0),
      depth: (parent?.depth ?? 0) + 1,
      holders: new Set<string>(),
    };
    this.#layers.set(record.chainId, held);
    parent?.holders.add(record.chainId);
    return held;
  }

  #addReadWrite(name: string, record: MountRecord): DriverReadWriteLayer {
    const parent = record.parent === undefined ? undefined : this.#layers.get(record.parent);
    parent?.holders.add(`container:${name}`);
    if (record.initId !== undefined) this.#inits.hold(record.initId, name);
    const layer = new DriverReadWriteLayer(name, record, {
      driver: this.#driver,
      below: record.initId ?? parent?.cacheId,
    });
    this.#readWrite.set(name, layer);
    return layer;
  }

  async sweepUnfinished(): Promise<void> {
    for (const cacheId of this.#metadata.unfinished()) {
      this.#log.warn('unfinished layer removed', { cacheId });
      await this.#removeFiles(cacheId);
    }
    await this.#inits.sweep([...this.#readWrite.values()].map(({ record }) => record));
  }

  get(chainId: ChainId): Layer | undefined {
    return this.#layers.get(chainId);
  }

  list(): readonly Layer[] {
    return [...this.#layers.values()];
  }

  async register(
    source: Readable | LayerDiff,
    parent: ChainId | undefined,
    holder: string,
    options: RegisterOptions = {},
  ): Promise<Layer> {
    const below = this.#below(parent);
    const expected =
      options.expectedDiffId === undefined
        ? undefined
        : this.#layers.get(chainIdOf(parent, options.expectedDiffId));
    if (expected) return this.#verifyPresent(source, expected, { holder, options });
    return this.#whileBuilding(below, randomUUID(), async () => {
      await using built = await UnpackedLayer.unpack(this.#site, source, below?.cacheId, options);
      return await this.#commit(built, parent, holder);
    });
  }

  async #verifyPresent(
    source: Readable | LayerDiff,
    present: Held,
    request: { holder: string; options: RegisterOptions },
  ): Promise<Layer> {
    present.holders.add(request.holder);
    try {
      checkResult(
        await this.#unpacker.unpack(source, unpackRequest(undefined, request.options)),
        request.options,
      );
      return present;
    } catch (error) {
      await this.release(present.chainId, request.holder);
      throw error;
    }
  }

  get canStage(): boolean {
    return this.#driver.stack !== undefined;
  }

  async stage(blob: Readable, options: RegisterOptions = {}): Promise<StagedLayer> {
    if (!this.canStage) throw internal(`${this.#driver.name} unpacks on a parent only`);
    return UnpackedLayer.unpack(this.#site, blob, undefined, options);
  }

  async place(staged: StagedLayer, parent: ChainId | undefined, holder: string): Promise<Layer> {
    if (!(staged instanceof UnpackedLayer)) throw internal('the layer was staged elsewhere');
    const below = this.#below(parent);
    return this.#whileBuilding(below, staged.cacheId, async () => {
      const present = this.acquire(chainIdOf(parent, staged.diffId), holder);
      if (!present && below) await this.#driver.stack?.(staged.cacheId, below.cacheId);
      return present ?? this.#commit(staged, parent, holder);
    });
  }

  #below(parent: ChainId | undefined): Held | undefined {
    const below = parent === undefined ? undefined : this.#layers.get(parent);
    if (parent !== undefined && !below) throw notFound(`layer ${parent} does not exist`);
    if (below && below.depth >= MAX_DEPTH) throw internal('max depth exceeded');
    return below;
  }

  /** The parent must not go while a layer is built on it. */
  async #whileBuilding<T>(below: Held | undefined, id: string, work: () => Promise<T>): Promise<T> {
    below?.holders.add(`building:${id}`);
    try {
      return await work();
    } finally {
      below?.holders.delete(`building:${id}`);
    }
  }

  async #commit(built: UnpackedLayer, parent: ChainId | undefined, holder: string): Promise<Layer> {
    const { diffId, cacheId, sizeBytes } = built;
    const chainId = chainIdOf(parent, diffId);
    // Another registration of the same layer was faster; ours is undone.
    const present = this.acquire(chainId, holder);
    if (present) return present;
    const record = { chainId, diffId, parent, cacheId, diffSize: sizeBytes };
    const held = this.#add(record);
    held.holders.add(holder);
    try {
      await built.commit(record);
    } catch (error) {
      this.#forget(held);
      throw error;
    }
    return held;
  }

  #forget(held: Held): void {
    this.#layers.delete(held.chainId);
    if (held.parent !== undefined) this.#layers.get(held.parent)?.holders.delete(held.chainId);
  }

  acquire(chainId: ChainId, holder: string): Layer | undefined {
    const held = this.#layers.get(chainId);
    held?.holders.add(holder);
    return held;
  }

  release(chainId: ChainId, holder: string): Promise<readonly Layer[]> {
    const work = this.#releasing.then(() => this.#release(chainId, holder));
    this.#releasing = work.catch(() => undefined);
    return work;
  }

  async #release(chainId: ChainId, holder: string): Promise<readonly Layer[]> {
    const gone: Layer[] = [];
    let held = this.#layers.get(chainId);
    held?.holders.delete(holder);
    while (held && held.holders.size === 0) {
      this.#forget(held);
      await Promise.all(this.#removals);
      await this.#inits.drop(held.chainId);
      await this.#metadata.remove(held);
      await this.#removeFiles(held.cacheId);
      gone.push(held);
      held = held.parent === undefined ? undefined : this.#layers.get(held.parent);
    }
    return gone;
  }

  async metadata(chainId: ChainId): Promise<Readonly<Record<string, string>>> {
    const held = this.#layers.get(chainId);
    return held ? this.#driver.metadata(held.cacheId) : {};
  }

  async tarStream(chainId: ChainId): Promise<Readable> {
    const held = this.#layers.get(chainId);
    if (!held) throw notFound(`layer ${chainId} does not exist`);
    const { directory, release } = await this.#driver.unpackTarget(held.cacheId);
    const tar = Readable.from(assembleTar(this.#metadata.splitPathOf(chainId), directory), {
      objectMode: false,
    });
    if (release) tar.once('close', () => void release());
    return tar;
  }

  async createReadWrite(
    name: string,
    parent: ChainId | undefined,
    options: ReadWriteLayerOptions,
  ): Promise<ReadWriteLayer> {
    if (this.#readWrite.has(name)) throw conflict(`mount name ${name} is taken`);
    const below = parent === undefined ? undefined : this.#layers.get(parent);
    if (parent !== undefined && !below) throw internal(`layer ${parent} does not exist`);
    const mountId = newCacheId();
    const holder = `container:${name}`;
    below?.holders.add(holder);
    await using undo = new AsyncDisposableStack();
    undo.defer(async () => void below?.holders.delete(holder));
    const initId = options.initLayer ? await this.#inits.acquire(below, name) : undefined;
    if (initId !== undefined) undo.defer(() => this.#inits.release(initId, name));
    undo.defer(() => this.#removeFiles(mountId));
    this.#metadata.beginMount(mountId);
    failpoint('create: layer noted');
    await this.#driver.createReadWrite(
      mountId,
      initId ?? below?.cacheId,
      options.storageOpt ? { storageOpt: options.storageOpt } : {},
    );
    failpoint('create: layer made');
    this.#metadata.saveMount(name, { mountId, initId, parent });
    failpoint('create: layer recorded');
    undo.move();
    return this.#addReadWrite(name, { mountId, initId, parent });
  }

  getReadWrite(name: string): ReadWriteLayer | undefined {
    return this.#readWrite.get(name);
  }

  listReadWrite(): readonly string[] {
    return [...this.#readWrite.keys()];
  }

  async releaseReadWrite(name: string): Promise<void> {
    const layer = this.#readWrite.get(name);
    if (!layer) return;
    const { record } = layer;
    this.#metadata.removeMount(name, record);
    failpoint('remove: layer out of sight');
    this.#readWrite.delete(name);
    const removal: Promise<void> = this.#removeReadWrite(name, record)
      .catch((error: unknown) =>
        this.#log.error("a container's layer could not be removed, the next start tries again", {
          container: name,
          error: errorMessage(error),
        }),
      )
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
    if (record.parent !== undefined) await this.release(record.parent, `container:${name}`);
  }

  async #removeReadWrite(name: string, { mountId, initId }: MountRecord): Promise<void> {
    await this.#removeFiles(mountId);
    failpoint('remove: layer removed');
    if (initId !== undefined) await this.#inits.release(initId, name);
  }

  async #removeFiles(cacheId: string): Promise<void> {
    await this.#driver.remove(cacheId);
    failpoint('layer remove: directory removed');
    this.#metadata.abandon(cacheId);
  }

  /** Removes layers no image and no container holds; called once the image store has taken its references. */
  async sweepUnreferenced(): Promise<readonly Layer[]> {
    const gone: Layer[] = [];
    for (const held of [...this.#layers.values()]) {
      if (held.holders.size === 0) gone.push(...(await this.release(held.chainId, '')));
    }
    return gone;
  }

  async cleanup(): Promise<void> {
    await this.#releasing;
    await Promise.all(this.#removals);
    await this.#inits.close();
    await this.#driver.cleanup();
    await this.#unpacker.close();
  }
}
