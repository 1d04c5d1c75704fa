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

  /** Cache ids of layers whose construction was cut off. */
  unfinished(): readonly string[] {
    return readdirSync(join(this.#root, 'tmp'));
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
      diffSize: Number(read('size')),
    };
    if (!isDigest(record.diffId) || (parent !== undefined && !isDigest(parent)))
      throw new Error('not a digest');
    if (record.cacheId === '' || !Number.isFinite(record.diffSize))
      throw new Error('incomplete record');
    return record;
  }

  loadMounts(): ReadonlyMap<string, MountRecord> {
    const rows = this.#load('mounts', (directory, name): [string, MountRecord] => {
      const read = (file: string): string | undefined =>
        existsSync(join(directory, file))
          ? readFileSync(join(directory, file), 'utf8').trim()
          : undefined;
      const mountId = read('mount-id');
      if (!mountId) throw new Error('no mount-id');
      return [name, { mountId, initId: read('init-id'), parent: read('parent') }];
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

  /** Init layers that are being made, or were made, on disk; none while a record set aside may need one. */
  initLayers(): readonly string[] {
    const aside = join(this.#root, 'quarantine');
    const isNeeded =
      existsSync(aside) && readdirSync(aside).some((one) => one.startsWith('mounts-'));
    return isNeeded ? [] : readdirSync(join(this.#root, 'init'));
  }

  /** Noted before the first of an init layer's directories is made. */
  noteInit(initId: string): void {
    mkdirSync(join(this.#root, 'init', initId), { mode: 0o700 });
  }

  async forgetInit(initId: string): Promise<void> {
    await rm(join(this.#root, 'init', initId), { recursive: true, force: true });
  }

  /** Reads every record; an unreadable one is set aside, its files are kept. */
  #load<T>(kind: string, read: (directory: string, name: string) => T): readonly T[] {
    const loaded: T[] = [];
    for (const name of readdirSync(join(this.#root, kind))) {
      const directory = join(this.#root, kind, name);
      try {
        loaded.push(read(directory, name));
      } catch (error) {
        const aside = join(this.#root, 'quarantine', `${kind}-${name}-${Date.now()}`);
        mkdirSync(join(this.#root, 'quarantine'), { recursive: true, mode: 0o700 });
        renameSync(directory, aside);
        this.#log.error('layer record cannot be read and was set aside; its files are kept', {
          record: name,
          movedTo: aside,
          error: errorMessage(error),
        });
      }
    }
    return loaded;
  }
}
