/** The volume service over its drivers: the local one, and those of plugins when they are first named. */
import { randomBytes } from 'node:crypto';
import type { Volume } from '../../../shared/engine/engine-api.ts';
import {
  conflict,
  EngineError,
  errorMessage,
  internal,
  isEngineError,
  notFound,
  toEngineError,
} from '../../../shared/errors.ts';
import type { EventBus } from '../event/event-bus.ts';
import type { Log } from '../log/log.ts';
import { directoryBytes } from '../platform/directory-bytes.ts';
import { failpoint } from '../platform/failpoint.ts';
import { SerialLock } from '../platform/serial-lock.ts';
import type { PluginManager } from '../plugin/plugin-manager.ts';
import { LocalDriver } from './local-driver.ts';
import { PluginDriver } from './plugin-driver.ts';
import type { DriverVolume, VolumeDriver } from './volume-driver.ts';
import { type Filters, listFilter, pruneFilter } from './volume-filter.ts';
import { newRecord, type VolumeRecord, VolumeRecords } from './volume-records.ts';
import type { MountDetails, VolumeCreateRequest, VolumeService } from './volume-service.ts';

export interface VolumeServiceOptions {
  readonly dataRoot: string;
  readonly events: Pick<EventBus, 'publish'>;
  readonly plugins: PluginManager;
  readonly log: Log;
}

export async function createVolumeService(options: VolumeServiceOptions): Promise<VolumeService> {
  const records = await VolumeRecords.open(options.dataRoot, options.log);
  return new DriverVolumeService(options, records);
}

const none: ReadonlySet<string> = new Set();
const isDigits = /^[0-9a-f]{64}$/;

class DriverVolumeService implements VolumeService {
  readonly #options: VolumeServiceOptions;
  readonly #records: VolumeRecords;
  readonly #local: LocalDriver;
  readonly #ofPlugins = new Map<string, VolumeDriver>();
  readonly #users = new Map<string, Set<string>>();
  readonly #mountedFor = new Map<string, Set<string>>();
  readonly #locks = new Map<string, SerialLock>();

  constructor(options: VolumeServiceOptions, records: VolumeRecords) {
    this.#options = options;
    this.#records = records;
    this.#local = new LocalDriver(options.dataRoot, records);
  }

  async driverNames(): Promise<readonly string[]> {
    const plugins = await this.#options.plugins.all('VolumeDriver');
    return ['local', ...plugins.map(({ name }) => name)].sort();
  }

  /** Throws notFound `error looking up volume plugin …`. */
  async #driver(name: string): Promise<VolumeDriver> {
    if (name === '' || name === 'local') return this.#local;
    const present = this.#ofPlugins.get(name);
    if (present) return present;
    try {
      const plugin = await this.#options.plugins.get(name, 'VolumeDriver');
      const driver = await PluginDriver.open(plugin);
      this.#ofPlugins.set(name, driver);
      return driver;
    } catch (error) {
      throw prefixed(`error looking up volume plugin ${name}`, error);
    }
  }

  /** One thing at a time with a volume. */
  #exclusive<T>(name: string, work: () => Promise<T>): Promise<T> {
    let lock = this.#locks.get(name);
    if (!lock) this.#locks.set(name, (lock = new SerialLock()));
    return lock.run(work);
  }

  #usersOf(name: string): ReadonlySet<string> {
    return this.#users.get(name) ?? none;
  }

  async list(filters: Filters): Promise<{ Volumes: Volume[]; Warnings: string[] | null }> {
    const accepts = listFilter(filters);
    const { volumes, warnings } = await this.#all();
    const chosen = volumes.filter(({ record }) =>
      accepts({ record, isUsed: this.#usersOf(record.name).size > 0 }),
    );
    return {
      Volumes: chosen.map(({ record, found, driver }) => wire(record, found, driver)),
      Warnings: warnings.length === 0 ? null : warnings,
    };
  }

  /** What every driver has; plugins know of volumes that were never made here. */
  async #all(): Promise<{
    volumes: { record: VolumeRecord; found: DriverVolume; driver: VolumeDriver }[];
    warnings: string[];
  }> {
    const warnings: string[] = [];
    const drivers: VolumeDriver[] = [this.#local];
    for (const { name } of await this.#options.plugins.all('VolumeDriver')) {
      try {
        drivers.push(await this.#driver(name));
      } catch (error) {
        warnings.push(errorMessage(error));
      }
    }
    const rows = await Promise.all(
      drivers.map(async (driver) => {
        try {
          return (await driver.list()).map((found) => ({
            record:
              this.#records.get(found.name) ?? newRecord({ name: found.name, driver: driver.name }),
            found,
            driver,
          }));
        } catch (error) {
          warnings.push(`error while listing volumes of ${driver.name}: ${errorMessage(error)}`);
          return [];
        }
      }),
    );
    return { volumes: rows.flat(), warnings };
  }

  async inspect(name: string): Promise<Volume> {
    const { record, found, driver } = await this.#find(name);
    return wire(record, found, driver);
  }

  /** A volume by its record, or in whatever driver has it. */
  async #find(
    name: string,
  ): Promise<{ record: VolumeRecord; found: DriverVolume; driver: VolumeDriver }> {
    const record = this.#records.get(name);
    if (record) {
      const driver = await this.#named('get', name, () => this.#driver(record.driver));
      const found = await driver.get(name);
      if (found) return { record, found, driver };
      throw notFound(`get ${name}: no such volume`);
    }
    for (const plugin of await this.#options.plugins.all('VolumeDriver')) {
      const driver = await this.#driver(plugin.name);
      const found = await driver.get(name);
      if (found) return { record: newRecord({ name, driver: driver.name }), found, driver };
    }
    throw notFound(`get ${name}: no such volume`);
  }

  async create(request: VolumeCreateRequest): Promise<Volume> {
    const name = request.Name || randomBytes(32).toString('hex');
    return this.#exclusive(name, () =>
      this.#named('create', name, () => this.#createLocked(name, request)),
    );
  }

  async #createLocked(name: string, request: VolumeCreateRequest): Promise<Volume> {
    const present = await this.#present(name, request.Driver ?? '');
    if (present) return present;
    const driver = await this.#driver(request.Driver ?? '');
    const record = newRecord({
      name,
      driver: driver.name,
      labels: { ...request.Labels },
      options: { ...request.DriverOpts },
      anonymous: !request.Name || isDigits.test(name),
    });
    if (driver === this.#local) this.#local.check(name, record.options);
    // The record first: a volume must never be found without the options it was made with.
    await this.#records.write(record);
    failpoint('volume create: recorded');
    try {
      await driver.create(name, record.options);
    } catch (error) {
      await this.#records.delete(record);
      throw error;
    }
    this.#publish('create', record);
    const found = (await driver.get(name)) ?? { name, mountpoint: '' };
    return wire(record, found, driver);
  }

  /** The volume of that name, if there is one. Throws conflict when it is another driver's. */
  async #present(name: string, asked: string): Promise<Volume | undefined> {
    const record = this.#records.get(name);
    if (!record) return undefined;
    const driver = await this.#driver(record.driver);
    const found = await driver.get(name);
    if (found) {
      if (asked !== '' && asked !== record.driver)
        throw nameConflict(`driver '${record.driver}' already has volume '${name}'`);
      return wire(record, found, driver);
    }
    if (this.#usersOf(name).size > 0)
      throw nameConflict(
        `found references to volume '${name}' in driver '${record.driver}' but the volume was not found in the driver -- you may need to remove containers referencing this volume or force remove the volume to re-create it`,
      );
    await this.#records.delete(record);
    return undefined;
  }

  async remove(name: string, force: boolean): Promise<void> {
    await this.#exclusive(name, async () => {
      try {
        await this.#removeLocked(name, force);
      } catch (error) {
        if (!force || !isEngineError(error, 'notFound')) throw error;
        const record = this.#records.get(name);
        if (record && record.driver !== 'local') await this.#records.delete(record);
      }
    });
    if (!this.#records.get(name)) this.#locks.delete(name);
  }

  async #removeLocked(name: string, force: boolean): Promise<void> {
    const users = [...this.#usersOf(name)];
    if (users.length > 0)
      throw conflict(`remove ${name}: volume is in use - [${users.join(', ')}]`);
    const { record, driver } = await this.#find(name);
    try {
      await driver.remove(name);
    } catch (error) {
      if (!force) throw prefixed(`remove ${name}`, error);
      this.#options.log.warn('volume forgotten, its driver could not remove it', {
        volume: name,
        error: errorMessage(error),
      });
    }
    await this.#records.delete(record);
    this.#publish('destroy', record);
  }

  async prune(
    filters: Filters,
    options: { readonly onlyAnonymous: boolean },
  ): Promise<{ VolumesDeleted: string[] | null; SpaceReclaimed: number }> {
    const accepts = pruneFilter(filters, options);
    const deleted: string[] = [];
    let reclaimed = 0;
    for (const record of this.#records.all()) {
      if (!accepts({ record, isUsed: this.#usersOf(record.name).size > 0 })) continue;
      try {
        const bytes = await this.#bytesOf(record.name);
        await this.remove(record.name, false);
        reclaimed += bytes;
        deleted.push(record.name);
      } catch (error) {
        // Taken or gone in the meantime.
        this.#options.log.warn('could not prune volume', {
          volume: record.name,
          error: errorMessage(error),
        });
      }
    }
    this.#options.events.publish('volume', 'prune', {
      id: '',
      attributes: { reclaimed: String(reclaimed) },
    });
    return { VolumesDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: reclaimed };
  }

  async #bytesOf(name: string): Promise<number> {
    const found = await this.#local.get(name);
    return found ? directoryBytes(found.mountpoint) : 0;
  }

  acquire(name: string, containerId: string): void {
    setOf(this.#users, name).add(containerId);
  }

  release(name: string, containerId: string): void {
    const users = this.#users.get(name);
    users?.delete(containerId);
    if (users?.size === 0) this.#users.delete(name);
  }

  adopt(name: string, containerId: string): void {
    setOf(this.#mountedFor, name).add(containerId);
  }

  unmountUnused(): void {
    for (const { name, driver } of this.#records.all())
      if (driver === 'local' && !this.#mountedFor.has(name)) this.#local.unmountIfMounted(name);
  }

  mount(name: string, containerId: string, details?: MountDetails): Promise<string> {
    return this.#exclusive(name, async () => {
      const { record, found, driver } = await this.#find(name);
      try {
        const path = await driver.mount(name, containerId);
        setOf(this.#mountedFor, name).add(containerId);
        if (details) this.#publish('mount', record, mountAttributes(containerId, details));
        return path;
      } catch (error) {
        throw prefixed(`error while mounting volume '${found.mountpoint}'`, error);
      }
    });
  }

  async unmount(
    name: string,
    containerId: string,
    options: { readonly quietly: boolean } = { quietly: false },
  ): Promise<void> {
    await this.#exclusive(name, async () => {
      const mountedFor = this.#mountedFor.get(name);
      const record = this.#records.get(name);
      if (!mountedFor?.delete(containerId)) return;
      const isLast = mountedFor.size === 0;
      if (isLast) this.#mountedFor.delete(name);
      const driver = await this.#driver(record?.driver ?? 'local');
      await driver.unmount(name, containerId, isLast);
      if (record && !options.quietly) this.#publish('unmount', record, { container: containerId });
    });
  }

  async usage(): Promise<readonly (Volume & { UsageData: { Size: number; RefCount: number } })[]> {
    const plain = this.#records
      .all()
      .filter(({ driver, options }) => driver === 'local' && Object.keys(options).length === 0);
    return Promise.all(
      plain.map(async (record) => ({
        ...(await this.inspect(record.name)),
        UsageData: {
          Size: await this.#bytesOf(record.name),
          RefCount: this.#usersOf(record.name).size,
        },
      })),
    );
  }

  /** Puts Docker's `create NAME: ` before what goes wrong. */
  async #named<T>(operation: string, name: string, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      throw prefixed(`${operation} ${name}`, error);
    }
  }

  #publish(
    action: string,
    record: VolumeRecord,
    attributes: Readonly<Record<string, string>> = {},
  ): void {
    this.#options.events.publish('volume', action, {
      id: record.name,
      attributes: { ...attributes, driver: record.driver },
    });
  }
}

function setOf(map: Map<string, Set<string>>, name: string): Set<string> {
  let set = map.get(name);
  if (!set) map.set(name, (set = new Set()));
  return set;
}

const nameConflict = (text: string): Error => conflict(`${text}: volume name must be unique`);

/** The same class of error with more before its words. */
function prefixed(prefix: string, thrown: unknown): Error {
  const error = thrown instanceof Error ? toEngineError(thrown) : internal(errorMessage(thrown));
  return new EngineError(error.code, `${prefix}: ${error.message}`, {
    cause: thrown,
    status: error.status,
  });
}

const mountAttributes = (
  container: string,
  { destination, propagation, readWrite }: MountDetails,
): Readonly<Record<string, string>> => ({
  container,
  destination,
  propagation,
  'read/write': String(readWrite),
});

const orNull = (words: Readonly<Record<string, string>>): Record<string, string> | null =>
  Object.keys(words).length > 0 ? { ...words } : null;

function wire(record: VolumeRecord, found: DriverVolume, driver: VolumeDriver): Volume {
  return {
    CreatedAt: found.createdAt ?? '',
    Driver: record.driver,
    Labels: orNull(record.labels),
    Mountpoint: found.mountpoint,
    Name: record.name,
    Options: orNull(record.options),
    Scope: driver.scope,
    ...(found.status ? { Status: found.status as NonNullable<Volume['Status']> } : {}),
  };
}
