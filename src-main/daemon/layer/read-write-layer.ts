/** A container's own layer over an image's. */
import type { GraphDriver } from '../graphdriver/graphdriver.ts';
import type { ChainId, LayerChange, LayerDiff, ReadWriteLayer } from './layer-store.ts';

/** What `mounts/<name>/` holds: cache ids of the layer, of its init layer, and the image's chain. */
export interface MountRecord {
  readonly mountId: string;
  readonly initId: string | undefined;
  readonly parent: ChainId | undefined;
}

export class DriverReadWriteLayer implements ReadWriteLayer {
  readonly name: string;
  readonly record: MountRecord;
  readonly #driver: GraphDriver;
  /** Cache id of the layer directly below. */
  readonly #below: string | undefined;
  #mounts = 0;

  constructor(
    name: string,
    record: MountRecord,
    parts: { driver: GraphDriver; below: string | undefined },
  ) {
    this.name = name;
    this.record = record;
    this.#driver = parts.driver;
    this.#below = parts.below;
  }

  get parent(): ChainId | undefined {
    return this.record.parent;
  }

  async mount(): Promise<string> {
    const path = await this.#driver.get(this.record.mountId);
    this.#mounts++;
    return path;
  }

  async unmount(): Promise<void> {
    if (this.#mounts === 0) return;
    this.#mounts--;
    await this.#driver.put(this.record.mountId);
  }

  async unmountLeftover(): Promise<void> {
    if (this.#mounts === 0) await this.#driver.put(this.record.mountId);
  }

  changes(): Promise<readonly LayerChange[]> {
    return this.#driver.changes(this.record.mountId, this.#below);
  }

  size(): Promise<number> {
    return this.#driver.diffSize(this.record.mountId, this.#below);
  }

  async diff(): Promise<LayerDiff> {
    const { mountId } = this.record;
    const own = this.#driver.diffDirectory(mountId);
    if (own !== undefined)
      return {
        tree: { directory: own, changes: undefined },
        [Symbol.asyncDispose]: async () => {},
      };
    // From the whole tree and what it changed.
    const changes = await this.changes();
    const directory = await this.#driver.get(mountId);
    return {
      tree: { directory, changes },
      [Symbol.asyncDispose]: () => this.#driver.put(mountId),
    };
  }

  metadata(): Promise<Readonly<Record<string, string>>> {
    return this.#driver.metadata(this.record.mountId);
  }
}
