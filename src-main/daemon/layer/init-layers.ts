/**
 * Init layers, one an image: its containers share it, for it is never written to once it is made. Only those
 * that this process made are given to new containers; what an earlier one left goes with its last container.
 */
import type { GraphDriver } from '../graphdriver/graphdriver.ts';
import { failpoint } from '../platform/failpoint.ts';
import { setUpInitLayer } from './init-layer.ts';
import type { LayerMetadata } from './layer-metadata.ts';
import type { ChainId } from './layer-store.ts';
import type { MountRecord } from './read-write-layer.ts';
import { newCacheId } from './unpacked-layer.ts';

/** Names the place of containers without an image. */
const NO_IMAGE = '';

export class InitLayers {
  readonly #driver: GraphDriver;
  readonly #metadata: LayerMetadata;
  /** By the chain below. */
  readonly #current = new Map<ChainId, Promise<string>>();
  /** Ids in {@link #current} that are made. */
  readonly #kept = new Set<string>();
  readonly #holders = new Map<string, Set<string>>();

  constructor(driver: GraphDriver, metadata: LayerMetadata) {
    this.#driver = driver;
    this.#metadata = metadata;
  }

  /** Counts a container that was found on disk. */
  hold(initId: string, container: string): void {
    const holders = this.#holders.get(initId) ?? new Set();
    this.#holders.set(initId, holders.add(container));
  }

  /** Removes what no container holds: half made, or made by a process that was killed. Before the first is made. */
  async sweep(mounts: Iterable<MountRecord>): Promise<void> {
    for (const initId of this.#metadata.initLayers(mounts)) {
      if (!this.#holders.has(initId)) await this.#remove(initId);
    }
  }

  /** The init layer on a chain, made if need be. The caller holds the chain. */
  async acquire(
    below: { readonly chainId: ChainId; readonly cacheId: string } | undefined,
    container: string,
  ): Promise<string> {
    const key = below?.chainId ?? NO_IMAGE;
    let made = this.#current.get(key);
    if (!made) {
      made = this.#make(below?.cacheId);
      this.#current.set(key, made);
      made.catch(() => this.#current.delete(key));
    }
    const initId = await made;
    this.hold(initId, container);
    return initId;
  }

  async #make(below: string | undefined): Promise<string> {
    const initId = `${newCacheId()}-init`;
    this.#metadata.noteInit(initId);
    failpoint('create: init layer noted');
    try {
      await this.#driver.createReadWrite(initId, below);
      const root = await this.#driver.get(initId);
      try {
        setUpInitLayer(root);
      } finally {
        await this.#driver.put(initId);
      }
    } catch (error) {
      await this.#remove(initId);
      throw error;
    }
    failpoint('create: init layer made');
    this.#kept.add(initId);
    return initId;
  }

  /** After the container's own layer has gone. */
  async release(initId: string, container: string): Promise<void> {
    this.#holders.get(initId)?.delete(container);
    if (!this.#kept.has(initId)) await this.#removeUnheld(initId);
  }

  async #removeUnheld(initId: string): Promise<void> {
    if ((this.#holders.get(initId)?.size ?? 0) === 0) await this.#remove(initId);
  }

  async #remove(initId: string): Promise<void> {
    this.#holders.delete(initId);
    await this.#driver.remove(initId);
    await this.#metadata.forgetInit(initId);
  }

  /** Before the chain's own layer goes. */
  async drop(chainId: ChainId): Promise<void> {
    const made = this.#current.get(chainId);
    if (!made) return;
    this.#current.delete(chainId);
    const initId = await made;
    this.#kept.delete(initId);
    await this.#removeUnheld(initId);
  }

  /** Removes those without a container. */
  async close(): Promise<void> {
    for (const chainId of [...this.#current.keys()]) await this.drop(chainId);
  }
}
