/**
 * What is known of volumes beside their drivers: one file a volume, written before the driver makes it.
 * `volumes/<name>/volume.json` for local ones, `plugin-volumes/<name>.json` for those of plugins.
 */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errorMessage } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { setAside, sweepTemporaryFiles, writeFileAtomic } from '../platform/atomic-file.ts';
import { failpoint } from '../platform/failpoint.ts';
import { hasErrno } from '../platform/libc.ts';
import { removeTree } from '../platform/remove-tree.ts';

const NAME_PATTERN = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const RECORD = 'volume.json';
const SUFFIX = '.json';
/** Before a name, which cannot begin with a dot: a volume nobody was told of yet, one nobody is to see again. */
const CREATING = '.creating-';
const REMOVING = '.removing-';

const words = z.record(z.string(), z.string());
const recordSchema = z.object({
  name: z.string(),
  driver: z.string().default('local'),
  created: z.string(),
  labels: words.default({}),
  options: words.default({}),
  anonymous: z.boolean().default(false),
});

export interface VolumeRecord {
  readonly name: string;
  readonly driver: string;
  /** RFC 3339, whole seconds. */
  readonly created: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly options: Readonly<Record<string, string>>;
  /** Docker gave it its name. */
  readonly anonymous: boolean;
}

/** A record as the volume's user gave it, made now. */
export const newRecord = (
  fields: Pick<VolumeRecord, 'name' | 'driver'> & Partial<VolumeRecord>,
): VolumeRecord => ({
  created: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
  labels: {},
  options: {},
  anonymous: false,
  ...fields,
});

export class VolumeRecords {
  readonly #local: string;
  readonly #ofPlugins: string;
  readonly #log: Log;
  readonly #records = new Map<string, VolumeRecord>();

  private constructor(dataRoot: string, log: Log) {
    this.#local = join(dataRoot, 'volumes');
    this.#ofPlugins = join(dataRoot, 'plugin-volumes');
    this.#log = log;
  }

  /** Loads all; of a local volume whose record is lost or broken the data lives on, without options. */
  static async open(dataRoot: string, log: Log): Promise<VolumeRecords> {
    const records = new VolumeRecords(dataRoot, log);
    await mkdir(records.#local, { recursive: true, mode: 0o701 });
    await mkdir(records.#ofPlugins, { recursive: true, mode: 0o700 });
    for (const file of await readdir(records.#ofPlugins)) {
      if (file.endsWith(SUFFIX)) await records.#load(join(records.#ofPlugins, file), undefined);
    }
    for (const entry of await readdir(records.#local, { withFileTypes: true })) {
      const { name } = entry;
      const path = join(records.#local, name);
      if (name.startsWith(CREATING) || name.startsWith(REMOVING)) await removeTree(path);
      else if (entry.isDirectory() && NAME_PATTERN.test(name)) await records.#loadLocal(name);
      else log.warn('no volume, left alone', { path });
    }
    return records;
  }

  async #loadLocal(name: string): Promise<void> {
    const directory = join(this.#local, name);
    await this.#load(join(directory, RECORD), name);
    // Without it nothing can be mounted into a container.
    try {
      await mkdir(join(directory, '_data'), { recursive: true, mode: 0o755 });
    } catch (error) {
      // A file in its place, or a full disk: this volume's trouble, not the daemon's.
      this.#log.error('volume has no directory for its data', {
        volume: name,
        error: errorMessage(error),
      });
    }
    await sweepTemporaryFiles(directory);
  }

  async #load(path: string, localName: string | undefined): Promise<void> {
    try {
      const record = recordSchema.parse(JSON.parse(await readFile(path, 'utf8')));
      const name = localName ?? record.name;
      this.#records.set(name, { ...record, name });
    } catch (error) {
      if (!hasErrno(error, 'ENOENT', 'ENOTDIR')) await setAside(path);
      this.#log.warn('volume record cannot be read; the volume is kept without options', {
        volume: localName ?? path,
        error: errorMessage(error),
      });
      if (localName !== undefined) await this.#writeAnew(path, localName);
    }
  }

  async #writeAnew(path: string, name: string): Promise<void> {
    const record = newRecord({ name, driver: 'local' });
    this.#records.set(name, record);
    try {
      await writeFileAtomic(path, JSON.stringify(record));
    } catch (error) {
      // The disk is full: the next start tries again.
      this.#log.warn('volume record could not be written', { path, error: errorMessage(error) });
    }
  }

  get(name: string): VolumeRecord | undefined {
    return this.#records.get(name);
  }

  all(): readonly VolumeRecord[] {
    return [...this.#records.values()];
  }

  #pathOf({ driver, name }: VolumeRecord): string {
    return driver === 'local'
      ? join(this.#local, name, RECORD)
      : join(this.#ofPlugins, `${encodeURIComponent(name)}${SUFFIX}`);
  }

  async write(record: VolumeRecord): Promise<void> {
    if (record.driver === 'local') await this.#makeLocal(record);
    else await writeFileAtomic(this.#pathOf(record), JSON.stringify(record));
    this.#records.set(record.name, record);
  }

  /** Its directory is there whole or not at all. */
  async #makeLocal(record: VolumeRecord): Promise<void> {
    const building = this.#aside(CREATING, record.name);
    try {
      await mkdir(join(building, '_data'), { recursive: true, mode: 0o755 });
      failpoint('volume create: directory made');
      await writeFileAtomic(join(building, RECORD), JSON.stringify(record), { sync: false });
      await rename(building, join(this.#local, record.name));
    } catch (error) {
      await rm(building, { recursive: true, force: true });
      throw error;
    }
  }

  #aside(prefix: string, name: string): string {
    return join(this.#local, `${prefix}${name}-${randomBytes(6).toString('hex')}`);
  }

  /** The record, and of a local volume its data. */
  async delete(record: VolumeRecord): Promise<void> {
    this.#records.delete(record.name);
    if (record.driver !== 'local') return rm(this.#pathOf(record), { force: true });
    const doomed = this.#aside(REMOVING, record.name);
    try {
      await rename(join(this.#local, record.name), doomed);
    } catch (error) {
      // Somebody deleted it by hand: what was wanted.
      if (!hasErrno(error, 'ENOENT')) throw error;
    }
    failpoint('volume remove: removed');
    await removeTree(doomed);
  }
}
