/**
 * A graph driver keeps the file trees of layers: one directory an id, stacked on its parent's.
 * Follows moby daemon/graphdriver/driver.go. Every implementation runs the conformance suite.
 *
 * Terms: an id is a cache id chosen by the layer store (64 hex digits, "-init" may follow), never a
 * digest. `get` mounts and counts; `put` counts down and unmounts at zero; both are idempotent
 * across a daemon restart because counts are rebuilt from the mount table.
 */
import type { LayerChange } from '../layer/layer-store.ts';

export interface GraphDriverCreateOptions {
  /** `--storage-opt`, e.g. `size=10G`; a driver that cannot honour one throws invalidArgument. */
  readonly storageOpt?: Readonly<Record<string, string>>;
}

/** Where a layer's entries are written or read, and how whiteouts are kept there. */
export interface UnpackPlace {
  readonly directory: string;
  readonly whiteouts: 'overlay' | 'apply';
  /** To be called when done, where the place had to be mounted. */
  readonly release?: () => Promise<void>;
}

export interface GraphDriver {
  readonly name: string;
  /** Rows for `docker info`, in order. */
  status(): readonly (readonly [string, string])[];
  /** A layer that will be unpacked into and then only read. Throws conflict when the id exists. */
  create(id: string, parent: string | undefined): Promise<void>;
  /**
   * Puts a layer that was created without a parent, and unpacked, on top of one. Absent where the
   * parent's files are needed while a layer is unpacked.
   */
  stack?(id: string, parent: string): Promise<void>;
  /** A layer a container writes to. */
  createReadWrite(
    id: string,
    parent: string | undefined,
    options?: GraphDriverCreateOptions,
  ): Promise<void>;
  exists(id: string): Promise<boolean>;
  /** Removes the directory; an id that is gone is no error. Still mounted: unmounts first. */
  remove(id: string): Promise<void>;
  /** Mounts the tree and answers where ("merged" or the plain directory). */
  get(id: string): Promise<string>;
  put(id: string): Promise<void>;
  /**
   * Where an unpacker may write a layer's own entries, and how this driver wants whiteouts kept:
   * `overlay` = 0/0 character devices and opaque xattrs, `apply` = the parent's entry is deleted.
   */
  unpackTarget(id: string): Promise<UnpackPlace>;
  /** What a read-write layer changed against its parent. */
  changes(id: string, parent: string | undefined): Promise<readonly LayerChange[]>;
  /** Bytes of the layer's own entries. */
  diffSize(id: string, parent: string | undefined): Promise<number>;
  /**
   * Directory that holds only the layer's own entries, for a streaming diff; undefined when the
   * driver has none (vfs) and the diff must be computed by comparison.
   */
  diffDirectory(id: string): string | undefined;
  /** `GraphDriver.Data` of inspect: LowerDir, UpperDir, MergedDir, WorkDir for overlay2. */
  metadata(id: string): Promise<Readonly<Record<string, string>>>;
  /** Unmounts everything this process mounted that no live container uses. Called at shutdown. */
  cleanup(): Promise<void>;
}
