/**
 * The layer store on disk, as moby lays it out: `image/<driver>/layerdb/sha256/<chain>/{diff,size,parent,
 * cache-id,tar-split.gz}` and `layerdb/mounts/<name>/{mount-id,init-id,parent}`. A layer under
 * construction is in `layerdb/tmp/`; a rename makes it visible, and one takes it out of sight. `layerdb/init/` names the init layers.
 */
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { syncDirectory } from '../platform/atomic-file.ts';
import { failpoint } from '../platform/failpoint.ts';
import type { ChainId, DiffId } from './layer-store.ts';
import type { MountRecord } from './read-write-layer.ts';

export interface LayerRecord {
  readonly chainId: ChainId;
  readonly diffId: DiffId;
  readonly parent: ChainId | undefined;
  readonly cacheId: string;
  readonly diffSize: number;
}

const SPLIT_FILE = 'tar-split.gz';
const isDigest = (text: string): boolean => /^sha256:[0-9a-f]{64}$/.test(text);
/** A directory of a graph driver: nothing that leads elsewhere. */
const isDirectoryName = (text: string): boolean => /^[A-Za-z0-9][A-Za-z0-9_.-]*$/.test(text);
/** As this daemon names them; what is called otherwise is somebody else's. */
const isCacheId = (name: string): boolean => /^[0-9a-f]{64}(-init)?$/.test(name);
const hexOf = (digest: string): string => digest.slice('sha256:'.length);

export class LayerMetadata {
  readonly #root: string;
  readonly #log: Log;

  constructor(dataRoot: string, driverName: string, log: Log) {
    this.#root = join(dataRoot, 'image', driverName, 'layerdb');
    this.#log = log;
    for (const name of ['sha256', 'mounts', 'tmp', 'init'])
      mkdirSync(join(this.#root, name), { recursive: true, mode: 0o710 });
  }

  /** A fresh directory for a layer under construction. */
  async begin(cacheId: string): Promise<string> {
    const directory = join(this.#root, 'tmp', cacheId);
    await mkdir(directory, { mode: 0o700 });
    return directory;
  }

  splitPathIn(directory: string): string {
    return join(directory, SPLIT_FILE);
  }

  splitPathOf(chainId: ChainId): string {
    return join(this.#root, 'sha256', hexOf(chainId), SPLIT_FILE);
  }

  /** Whether what its tar is put together from again is there. */
  canBeGivenBack(chainId: ChainId): boolean {
    const found = statSync(this.splitPathOf(chainId), { throwIfNoEntry: false });
    return found !== undefined && found.isFile() && found.size > 0;
  }

  /** Cache ids of layers whose construction was cut off. */
  unfinished(): readonly string[] {
    return readdirSync(join(this.#root, 'tmp')).filter(isCacheId);
  }

  abandon(cacheId: string): void {
    // A handful of small files: sooner done than a thread is asked.
    rmSync(join(this.#root, 'tmp', cacheId), { recursive: true, force: true });
  }

  /** Writes the record beside the tar-split data, syncs, and makes the layer visible. */
  async commit(record: LayerRecord): Promise<void> {
    const directory = join(this.#root, 'tmp', record.cacheId);
    const fields: Readonly<Record<string, string>> = {
      diff: record.diffId,
      size: String(record.diffSize),
      'cache-id': record.cacheId,
      ...(record.parent === undefined ? {} : { parent: record.parent }),
    };
    for (const [name, value] of Object.entries(fields))
      await writeFile(join(directory, name), value, { mode: 0o644, flush: true });
    await syncDirectory(directory);
    failpoint('layer: record written');
    await rename(directory, join(this.#root, 'sha256', hexOf(record.chainId)));
    await syncDirectory(join(this.#root, 'sha256'));
  }

  /** Takes a layer out of sight; it counts as unfinished until it is abandoned. */
  async remove(record: LayerRecord): Promise<void> {
    await rename(
      join(this.#root, 'sha256', hexOf(record.chainId)),
      join(this.#root, 'tmp', record.cacheId),
    );
    failpoint('layer remove: out of sight');
  }

  loadLayers(): readonly LayerRecord[] {
    return this.#load('sha256', (directory, name) => this.#readLayer(directory, name));
  }

  #readLayer(directory: string, name: string): LayerRecord {
    const read = (file: string): string => readFileSync(join(directory, file), 'utf8').trim();
    const parent = existsSync(join(directory, 'parent')) ? read('parent') : undefined;
    const record = {
      chainId: `sha256:${name}`,
      diffId: read('diff'),
      parent,
      cacheId: read('cache-id'),
      diffSize: Number(/^\d+$/.exec(read('size'))?.[0]),
    };
    if (!isDigest(record.diffId) || (parent !== undefined && !isDigest(parent)))
      throw new Error('not a digest');
    if (!isDirectoryName(record.cacheId) || !Number.isFinite(record.diffSize))
      throw new Error('incomplete record');
    return record;
  }

  loadMounts(): ReadonlyMap<string, MountRecord> {
    const rows = this.#load('mounts', (directory, name): [string, MountRecord] => {
      const read = (file: string): string | undefined =>
        statSync(join(directory, file), { throwIfNoEntry: false })?.isFile()
          ? readFileSync(join(directory, file), 'utf8').trim()
          : undefined;
      const mountId = read('mount-id');
      if (!mountId || !isDirectoryName(mountId)) throw new Error('no mount-id');
      const [initId, parent] = [read('init-id'), read('parent')];
      return [
        name,
        {
          mountId,
          initId: initId && isDirectoryName(initId) ? initId : undefined,
          parent: parent && isDigest(parent) ? parent : undefined,
        },
      ];
    });
    return new Map(rows);
  }

  /** Notes a container's layer before the first of its directories is made. */
  beginMount(mountId: string): void {
    mkdirSync(join(this.#root, 'tmp', mountId), { mode: 0o700 });
  }

  /** A file system rename is enough here: after a power cut a container can be made again, data is not lost. */
  saveMount(name: string, record: MountRecord): void {
    const building = join(this.#root, 'tmp', record.mountId);
    writeFileSync(join(building, 'mount-id'), record.mountId);
    if (record.initId !== undefined) writeFileSync(join(building, 'init-id'), record.initId);
    if (record.parent !== undefined) writeFileSync(join(building, 'parent'), record.parent);
    renameSync(building, join(this.#root, 'mounts', name));
  }

  /** Takes a container's layer out of sight; it counts as unfinished until it is abandoned. */
  removeMount(name: string, record: MountRecord): void {
    renameSync(join(this.#root, 'mounts', name), join(this.#root, 'tmp', record.mountId));
  }

  /**
   * Init layers that are being made, or were made, on disk; none while a record that may need one is set
   * aside, or does not tell which.
   */
  initLayers(mounts: Iterable<MountRecord>): readonly string[] {
    const aside = join(this.#root, 'quarantine');
    const isAsideNeeded =
      existsSync(aside) && readdirSync(aside).some((one) => one.startsWith('mounts-'));
    const isUntold = [...mounts].some(({ initId }) => initId === undefined);
    return isAsideNeeded || isUntold ? [] : readdirSync(join(this.#root, 'init')).filter(isCacheId);
  }

  /** Noted before the first of an init layer's directories is made. */
  noteInit(initId: string): void {
    mkdirSync(join(this.#root, 'init', initId), { mode: 0o700 });
  }

  async forgetInit(initId: string): Promise<void> {
    await rm(join(this.#root, 'init', initId), { recursive: true, force: true });
  }

  /** Reads every record; an unreadable one is set aside. */
  #load<T>(kind: Kind, read: (directory: string, name: string) => T): readonly T[] {
    const loaded: T[] = [];
    for (const name of readdirSync(join(this.#root, kind))) {
      try {
        loaded.push(read(join(this.#root, kind, name), name));
      } catch (error) {
        this.#setAside(kind, name, errorMessage(error));
      }
    }
    return loaded;
  }

  setLayerAside(chainId: ChainId, why: string): void {
    this.#setAside('sha256', hexOf(chainId), why);
  }

  setMountAside(name: string, why: string): void {
    this.#setAside('mounts', name, why);
  }

  /** The record is out of the way, its files are kept. */
  #setAside(kind: Kind, name: string, why: string): void {
    const aside = join(this.#root, 'quarantine', `${kind}-${name}-${Date.now()}`);
    mkdirSync(join(this.#root, 'quarantine'), { recursive: true, mode: 0o700 });
    renameSync(join(this.#root, kind, name), aside);
    this.#log.error('layer record cannot be used and was set aside; its files are kept', {
      record: name,
      movedTo: aside,
      error: why,
    });
  }
}

type Kind = 'sha256' | 'mounts';
