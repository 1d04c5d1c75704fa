/** Volumes of the local driver: `<root>/volumes/<name>/_data`, options beside it (moby volume/local, volume/service). */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import type { Volume } from '../../../shared/engine/engine-api.ts';
import { conflict, errorMessage, invalidArgument, notFound } from '../../../shared/errors.ts';
import type { EventBus } from '../event/event-bus.ts';
import type { Log } from '../log/log.ts';
import { sweepTemporaryFiles, writeFileAtomic } from '../platform/atomic-file.ts';
import { directoryBytes } from '../platform/directory-bytes.ts';
import { failpoint } from '../platform/failpoint.ts';
import { hasErrno } from '../platform/libc.ts';
import { type MountFlag, mount, unmountIfMounted } from '../platform/mount.ts';
import { removeTree } from '../platform/remove-tree.ts';
import type { VolumeService } from './volume-service.ts';

const NAME_PATTERN = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const RECORD = 'volume.json';
/** Before a name, which cannot begin with a dot: a volume nobody was told of yet, one nobody is to see again. */
const CREATING = '.creating-';
const REMOVING = '.removing-';

const strings = z.record(z.string(), z.string());
const recordSchema = z.object({
  name: z.string(),
  created: z.string(),
  labels: strings,
  options: strings,
  /** Docker gave it its name. */
  anonymous: z.boolean(),
});

type VolumeRecord = Readonly<z.infer<typeof recordSchema>>;

interface Held {
  readonly record: VolumeRecord;
  readonly users: Set<string>;
  readonly mountedFor: Set<string>;
}

export interface VolumeServiceOptions {
  readonly dataRoot: string;
  readonly events: Pick<EventBus, 'publish'>;
  readonly log: Log;
}

export async function createVolumeService(
  options: VolumeServiceOptions,
): Promise<LocalVolumeService> {
  const service = new LocalVolumeService(options);
  await service.load();
  return service;
}

export class LocalVolumeService implements VolumeService {
  readonly #root: string;
  readonly #options: VolumeServiceOptions;
  readonly #volumes = new Map<string, Held>();

  constructor(options: VolumeServiceOptions) {
    this.#options = options;
    this.#root = join(options.dataRoot, 'volumes');
  }

  async load(): Promise<void> {
    await mkdir(this.#root, { recursive: true, mode: 0o701 });
    for (const entry of await readdir(this.#root, { withFileTypes: true })) {
      const { name } = entry;
      if (name.startsWith(CREATING) || name.startsWith(REMOVING))
        await removeTree(join(this.#root, name));
      else if (entry.isDirectory()) await this.#loadOne(name);
      else this.#options.log.warn('no volume, left alone', { path: join(this.#root, name) });
    }
  }

  async #loadOne(name: string): Promise<void> {
    const directory = join(this.#root, name);
    try {
      const content: unknown = JSON.parse(await readFile(join(directory, RECORD), 'utf8'));
      const record = { ...recordSchema.parse(content), name };
      // Without it nothing can be mounted into a container.
      await mkdir(this.#dataPath(name), { recursive: true, mode: 0o755 });
      await sweepTemporaryFiles(directory);
      this.#volumes.set(name, held(record));
    } catch (error) {
      await this.#adopt(name, error);
    }
  }

  /** The record is lost or broken; the data is the user's, so the volume goes on without options. */
  async #adopt(name: string, error: unknown): Promise<void> {
    if (!NAME_PATTERN.test(name)) return;
    const path = join(this.#root, name, RECORD);
    if (!hasErrno(error, 'ENOENT')) await rename(path, `${path}.broken-${Date.now()}`);
    this.#options.log.warn('volume record cannot be read; the volume is kept without options', {
      volume: name,
      error: errorMessage(error),
    });
    await mkdir(this.#dataPath(name), { recursive: true, mode: 0o755 });
    this.#volumes.set(
      name,
      held({ name, created: new Date().toISOString(), labels: {}, options: {}, anonymous: false }),
    );
  }

  #dataPath(name: string): string {
    return join(this.#root, name, '_data');
  }

  #find(name: string): Held {
    const volume = this.#volumes.get(name);
    if (!volume) throw notFound(`get ${name}: no such volume`);
    return volume;
  }

  #wire({ record }: Held): Volume {
    return {
      CreatedAt: record.created,
      Driver: 'local',
      Labels: Object.keys(record.labels).length > 0 ? { ...record.labels } : null,
      Mountpoint: this.#dataPath(record.name),
      Name: record.name,
      Options: Object.keys(record.options).length > 0 ? { ...record.options } : null,
      Scope: 'local',
    };
  }

  async list(
    filters: Readonly<Record<string, readonly string[]>>,
  ): Promise<{ Volumes: Volume[]; Warnings: string[] | null }> {
    const chosen = [...this.#volumes.values()].filter((volume) => accepts(volume, filters));
    return { Volumes: chosen.map((volume) => this.#wire(volume)), Warnings: null };
  }

  async inspect(name: string): Promise<Volume> {
    return this.#wire(this.#find(name));
  }

  async create(request: Parameters<VolumeService['create']>[0]): Promise<Volume> {
    const { Driver: driver = 'local' } = request;
    const anonymous = !request.Name;
    const name = request.Name || randomBytes(32).toString('hex');
    if (driver !== '' && driver !== 'local')
      throw notFound(`error looking up volume plugin ${driver}: plugin "${driver}" not found`);
    const present = this.#volumes.get(name);
    if (present) return this.#wire(present);
    if (!NAME_PATTERN.test(name))
      throw invalidArgument(
        `create ${name}: "${name}" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path`,
      );
    const record: VolumeRecord = {
      name,
      created: new Date().toISOString().replace(/\.\d+Z$/, 'Z'),
      labels: { ...request.Labels },
      options: checkedOptions(request.DriverOpts ?? {}),
      anonymous: anonymous || /^[0-9a-f]{64}$/.test(name),
    };
    await this.#make(record);
    failpoint('volume create: recorded');
    // Somebody else may have made it while the disk was busy.
    const volume = this.#volumes.get(name) ?? held(record);
    this.#volumes.set(name, volume);
    this.#publish('create', name);
    return this.#wire(volume);
  }

  /** Its directory is there whole or not at all. */
  async #make(record: VolumeRecord): Promise<void> {
    const building = join(
      this.#root,
      `${CREATING}${record.name}-${randomBytes(6).toString('hex')}`,
    );
    try {
      await mkdir(join(building, '_data'), { recursive: true, mode: 0o755 });
      failpoint('volume create: directory made');
      await writeFileAtomic(join(building, RECORD), JSON.stringify(record), { sync: false });
      await rename(building, join(this.#root, record.name));
    } catch (error) {
      await rm(building, { recursive: true, force: true });
      if (!hasErrno(error, 'ENOTEMPTY', 'EEXIST') || !this.#volumes.has(record.name)) throw error;
    }
  }

  async remove(name: string, force: boolean): Promise<void> {
    const volume = this.#volumes.get(name);
    if (!volume) {
      if (force) return;
      throw notFound(`get ${name}: no such volume`);
    }
    if (volume.users.size > 0)
      throw conflict(`remove ${name}: volume is in use - [${[...volume.users].join(', ')}]`);
    this.#volumes.delete(name);
    unmountIfMounted(this.#dataPath(name));
    failpoint('volume remove: begun');
    const doomed = join(this.#root, `${REMOVING}${name}-${randomBytes(6).toString('hex')}`);
    try {
      await rename(join(this.#root, name), doomed);
    } catch (error) {
      // Somebody deleted it by hand: what was wanted.
      if (!hasErrno(error, 'ENOENT')) throw error;
    }
    failpoint('volume remove: removed');
    await removeTree(doomed);
    this.#publish('destroy', name);
  }

  async prune(
    filters: Readonly<Record<string, readonly string[]>>,
  ): Promise<{ VolumesDeleted: string[] | null; SpaceReclaimed: number }> {
    const deleted: string[] = [];
    let reclaimed = 0;
    for (const [name, volume] of this.#volumes) {
      const isWanted = accepts(volume, pickLabels(filters));
      if (volume.users.size > 0 || !isWanted) continue;
      reclaimed += await directoryBytes(this.#dataPath(name));
      await this.remove(name, false);
      deleted.push(name);
    }
    return { VolumesDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: reclaimed };
  }

  acquire(name: string, containerId: string): void {
    this.#volumes.get(name)?.users.add(containerId);
  }

  release(name: string, containerId: string): void {
    this.#volumes.get(name)?.users.delete(containerId);
  }

  async mount(name: string, containerId: string): Promise<string> {
    const volume = this.#find(name);
    const path = this.#dataPath(name);
    if (volume.mountedFor.size === 0 && hasMount(volume.record))
      this.#mountOptions(volume.record, path);
    volume.mountedFor.add(containerId);
    this.#publish('mount', name, containerId);
    return path;
  }

  #mountOptions(record: VolumeRecord, path: string): void {
    const { type = '', device = '', o = '' } = record.options;
    const words = o.split(',').filter(Boolean);
    const flags = words.filter(isFlag);
    const data = words.filter((word) => !isFlag(word) && word !== 'rw').join(',');
    unmountIfMounted(path);
    mount({
      source: device,
      target: path,
      type: flags.includes('bind') || type === 'none' ? '' : type,
      flags,
      data,
    });
  }

  async unmount(name: string, containerId: string): Promise<void> {
    const volume = this.#volumes.get(name);
    if (!volume?.mountedFor.delete(containerId)) return;
    if (volume.mountedFor.size === 0 && hasMount(volume.record))
      unmountIfMounted(this.#dataPath(name));
    this.#publish('unmount', name, containerId);
  }

  adopt(name: string, containerId: string): void {
    this.#volumes.get(name)?.mountedFor.add(containerId);
  }

  unmountUnused(): void {
    for (const [name, volume] of this.#volumes) {
      if (volume.mountedFor.size === 0 && hasMount(volume.record))
        unmountIfMounted(this.#dataPath(name));
    }
  }

  /** Name → bytes, for `system df`. */
  async sizes(): Promise<ReadonlyMap<string, { bytes: number; users: number }>> {
    const rows = await Promise.all(
      [...this.#volumes].map(
        async ([name, { users }]) =>
          [name, { bytes: await directoryBytes(this.#dataPath(name)), users: users.size }] as const,
      ),
    );
    return new Map(rows);
  }

  #publish(action: string, name: string, containerId?: string): void {
    this.#options.events.publish('volume', action, {
      id: name,
      attributes: {
        driver: 'local',
        ...(containerId === undefined ? {} : { container: containerId }),
      },
    });
  }
}

const held = (record: VolumeRecord): Held => ({ record, users: new Set(), mountedFor: new Set() });
const hasMount = ({ options }: VolumeRecord): boolean =>
  options['device'] !== undefined || options['type'] === 'tmpfs';
const FLAGS: readonly string[] = [
  'ro',
  'nosuid',
  'nodev',
  'noexec',
  'noatime',
  'nodiratime',
  'bind',
  'rbind',
  'relatime',
];
const isFlag = (word: string): word is MountFlag => FLAGS.includes(word);

function checkedOptions(
  options: Readonly<Record<string, string>>,
): Readonly<Record<string, string>> {
  const unknown = Object.keys(options).find(
    (name) => !['type', 'o', 'device', 'size'].includes(name),
  );
  if (unknown !== undefined) throw invalidArgument(`invalid option: "${unknown}"`);
  if (options['device'] !== undefined && !options['type'])
    throw invalidArgument('missing required option: "type"');
  return { ...options };
}

const pickLabels = (
  filters: Readonly<Record<string, readonly string[]>>,
): Readonly<Record<string, readonly string[]>> =>
  Object.fromEntries(
    Object.entries(filters).filter(([name]) => name === 'label' || name === 'label!'),
  );

function accepts(volume: Held, filters: Readonly<Record<string, readonly string[]>>): boolean {
  const { name, labels } = volume.record;
  const hasLabel = (wanted: string): boolean => {
    const at = wanted.indexOf('=');
    return at < 0 ? wanted in labels : labels[wanted.slice(0, at)] === wanted.slice(at + 1);
  };
  return Object.entries(filters).every(([key, values]) => {
    switch (key) {
      case 'name':
        return values.length === 0 || values.some((value) => name.includes(value));
      case 'driver':
        return values.length === 0 || values.includes('local');
      case 'label':
        return values.every(hasLabel);
      case 'label!':
        return !values.some(hasLabel);
      case 'dangling':
        return values.every(
          (value) => (value === 'true' || value === '1') === (volume.users.size === 0),
        );
      default:
        throw invalidArgument(`Invalid filter '${key}'`);
    }
  });
}
