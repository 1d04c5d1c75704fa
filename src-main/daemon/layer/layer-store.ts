/**
 * The layer store: read-only layers by chain ID with reference counts, read-write layers by
 * container id. Follows moby layer/layer.go and OCI image-spec config.md (DiffID, ChainID).
 *
 * Ingest, then commit: a layer under construction is invisible until its metadata directory has
 * been renamed into place. Half-built ones are swept at start.
 */
import type { Readable } from 'node:stream';

/** `sha256:<64 hex>` of the uncompressed tar. */
export type DiffId = string;
/** Hash of a layer with all its parents; equals the diffID of a base layer. */
export type ChainId = string;

/** Kinds as the API numbers them: 0 modified, 1 added, 2 deleted. */
export interface LayerChange {
  readonly path: string;
  readonly kind: 0 | 1 | 2;
}

export interface Layer {
  readonly chainId: ChainId;
  readonly diffId: DiffId;
  readonly parent: ChainId | undefined;
  /** Bytes of this layer's files alone, unpacked. */
  readonly diffSize: number;
  /** Bytes with all parents. */
  readonly size: number;
}

export interface RegisterOptions {
  readonly signal?: AbortSignal;
  /** Compressed bytes consumed so far. */
  readonly onProgress?: (bytes: number) => void;
  /** `sha256:…` of the bytes as they arrive; mismatch fails the registration (dataLoss). */
  readonly expectedDigest?: string;
  /** Bytes the blob must have; more or fewer fails the registration. */
  readonly expectedSize?: number;
  /** DiffID the image config promises; mismatch fails the registration. */
  readonly expectedDiffId?: DiffId;
}

/** An unpacked layer without a place in a chain. Dispose removes it, unless it was placed. */
export interface StagedLayer extends AsyncDisposable {
  readonly diffId: DiffId;
}

export interface ReadWriteLayerOptions {
  readonly storageOpt?: Readonly<Record<string, string>>;
  /** Make the init layer (/dev/console, /etc/hosts … /.dockerenv) between image and rw layer. */
  readonly initLayer: boolean;
}

export interface ReadWriteLayer {
  readonly name: string;
  readonly parent: ChainId | undefined;
  /** Mounts (counted) and answers the root file system's directory. */
  mount(): Promise<string>;
  /** Counterpart of mount; harmless when not mounted. */
  unmount(): Promise<void>;
  /** Unmounts what a process that was killed left mounted; nothing while this one has it mounted. */
  unmountLeftover(): Promise<void>;
  changes(): Promise<readonly LayerChange[]>;
  /** Bytes written by the container. */
  size(): Promise<number>;
  /** The layer's own entries, for commit. */
  diff(): Promise<LayerDiff>;
  metadata(): Promise<Readonly<Record<string, string>>>;
}

/** Where the changed files are. */
export interface ChangedTree {
  readonly directory: string;
  /** Sorted by path; undefined: all that is in the directory, an overlay's upper one. */
  readonly changes: readonly LayerChange[] | undefined;
}

/** What a container changed, not read yet; its files stay in reach until it is disposed of. */
export interface LayerDiff extends AsyncDisposable {
  readonly tree: ChangedTree;
}

export interface LayerStore {
  readonly driverName: string;
  driverStatus(): readonly (readonly [string, string])[];
  get(chainId: ChainId): Layer | undefined;
  /** The graph driver's facts of a read-only layer (LowerDir, MergedDir, …), for inspect. */
  metadata(chainId: ChainId): Promise<Readonly<Record<string, string>>>;
  list(): readonly Layer[];
  /**
   * Unpacks a tar (plain, gzip or zstd, told by its magic) or what a container changed on top of `parent`, in a
   * worker thread,
   * and takes one reference for `holder` (an image id, or a lease of a pull). The same chain
   * already present: the stream is drained, verified, and the present layer answered.
   */
  register(
    source: Readable | LayerDiff,
    parent: ChainId | undefined,
    holder: string,
    options?: RegisterOptions,
  ): Promise<Layer>;
  /** The driver can unpack a layer whose parent is not known yet. */
  readonly canStage: boolean;
  /** Unpacks a tar as `register` does, before its place in a chain is known. Only where `canStage`. */
  stage(blob: Readable, options?: RegisterOptions): Promise<StagedLayer>;
  /**
   * Puts a staged layer on its parent and takes a reference for `holder`. The caller still disposes
   * the staged layer, whatever comes of this.
   */
  place(staged: StagedLayer, parent: ChainId | undefined, holder: string): Promise<Layer>;
  /** Takes a reference on a present layer and its parents; undefined when it is not there. */
  acquire(chainId: ChainId, holder: string): Layer | undefined;
  /** Drops the holder's reference; layers without any are deleted, children first. Answers what went. */
  release(chainId: ChainId, holder: string): Promise<readonly Layer[]>;
  /** The layer's tar, byte for byte the one that was registered (same diffID). For save and push. */
  tarStream(chainId: ChainId): Promise<Readable>;
  createReadWrite(
    name: string,
    parent: ChainId | undefined,
    options: ReadWriteLayerOptions,
  ): Promise<ReadWriteLayer>;
  getReadWrite(name: string): ReadWriteLayer | undefined;
  listReadWrite(): readonly string[];
  /**
   * Takes the read-write layer out of sight and drops its reference on the parent; its files are unmounted and
   * removed behind it, by `cleanup` or the next start at the latest.
   */
  releaseReadWrite(name: string): Promise<void>;
  /** Unmounts what this process mounted for no running container. */
  cleanup(): Promise<void>;
}
