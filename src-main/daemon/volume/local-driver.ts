/** The local driver: a directory `volumes/<name>/_data`, or what its options mount there (moby volume/local). */
import { existsSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { invalidArgument, notFound } from '../../../shared/errors.ts';
import { failpoint } from '../platform/failpoint.ts';
import { listMounts, unmountIfMounted } from '../platform/mount.ts';
import { checkLocalOptions, hasMount, type LocalOptions, mountLocal } from './local-options.ts';
import type { DriverVolume, VolumeDriver } from './volume-driver.ts';
import type { VolumeRecord, VolumeRecords } from './volume-records.ts';

const NAME_PATTERN = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

export class LocalDriver implements VolumeDriver {
  readonly name = 'local';
  readonly scope = 'local';
  readonly #root: string;
  readonly #records: VolumeRecords;

  constructor(dataRoot: string, records: VolumeRecords) {
    this.#root = join(dataRoot, 'volumes');
    this.#records = records;
  }

  #dataPath(name: string): string {
    return join(this.#root, name, '_data');
  }

  #record(name: string): VolumeRecord | undefined {
    const record = this.#records.get(name);
    return record?.driver === 'local' ? record : undefined;
  }

  /** Throws invalidArgument for a name or options that cannot be; nothing is made. */
  check(name: string, options: LocalOptions): void {
    if (name.length === 1)
      throw invalidArgument(
        'volume name is too short, names should be at least two alphanumeric characters',
      );
    if (!NAME_PATTERN.test(name))
      throw invalidArgument(
        `"${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
      );
    checkLocalOptions(options);
  }

  async create(name: string): Promise<void> {
    await mkdir(this.#dataPath(name), { recursive: true, mode: 0o755 });
  }

  async get(name: string): Promise<DriverVolume | undefined> {
    const record = this.#record(name);
    return record && { name, mountpoint: this.#dataPath(name), createdAt: record.created };
  }

  async list(): Promise<readonly DriverVolume[]> {
    return this.#records
      .all()
      .filter(({ driver }) => driver === 'local')
      .map(({ name, created }) => ({
        name,
        mountpoint: this.#dataPath(name),
        createdAt: created,
      }));
  }

  async remove(name: string): Promise<void> {
    const record = this.#record(name);
    if (!record) return;
    // The directory goes with the record.
    this.unmountIfMounted(name);
    failpoint('volume remove: begun');
  }

  async mount(name: string): Promise<string> {
    const record = this.#record(name);
    if (!record) throw notFound(`get ${name}: no such volume`);
    const path = this.#dataPath(name);
    // A kill between the record and the directory left the record alone.
    if (!existsSync(path)) await this.create(name);
    if (hasMount(record.options) && !isMounted(path)) await mountLocal(path, record.options);
    return path;
  }

  async unmount(name: string, _id: string, isLast: boolean): Promise<void> {
    const record = this.#record(name);
    if (isLast && record) this.unmountIfMounted(name);
  }

  /** Takes away what its options mounted. */
  unmountIfMounted(name: string): void {
    const record = this.#record(name);
    if (record && hasMount(record.options)) unmountIfMounted(this.#dataPath(name));
  }
}

const isMounted = (path: string): boolean =>
  listMounts().some(({ mountPoint }) => mountPoint === path);
