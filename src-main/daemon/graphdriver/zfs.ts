/** zfs: every layer is a dataset, a child the clone of a snapshot of its parent (moby daemon/graphdriver/zfs). */
import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { accessSync, constants, mkdirSync, rmdirSync, statfsSync, statSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { conflict, errorMessage, internal, invalidArgument } from '../../../shared/errors.ts';
import type { LayerChange } from '../layer/layer-store.ts';
import { hasErrno } from '../platform/libc.ts';
import { listMounts, mount, unmountIfMounted } from '../platform/mount.ts';
import { compareTrees } from './compare-trees.ts';
import { DriverRefusal } from './driver-refusal.ts';
import type { GraphDriver, GraphDriverCreateOptions, UnpackPlace } from './graphdriver.ts';
import { treeDiffSize } from './naive-diff.ts';
import { parseStorageOption } from './storage-options.ts';

const run = promisify(execFile);
const ZFS_MAGIC = 0x2fc12fc1;

async function zfs(...args: readonly string[]): Promise<string> {
  try {
    return (await run('zfs', [...args])).stdout;
  } catch (error) {
    throw internal(`zfs ${args.join(' ')}: ${errorMessage(error)}`, { cause: error });
  }
}

export class ZfsDriver implements GraphDriver {
  readonly name = 'zfs';
  readonly #root: string;
  readonly #dataset: string;
  readonly #datasets: Set<string>;
  readonly #counts = new Map<string, number>();
  #status: readonly (readonly [string, string])[] = [];

  private constructor(root: string, dataset: string, datasets: Set<string>) {
    this.#root = root;
    this.#dataset = dataset;
    this.#datasets = datasets;
  }

  /** Throws DriverRefusal without the command, the module, or a zfs below `root`. */
  static async open(root: string, options: readonly string[]): Promise<ZfsDriver> {
    try {
      await run('zfs', ['version']);
      accessSync('/dev/zfs', constants.R_OK | constants.W_OK);
    } catch (error) {
      throw new DriverRefusal('prerequisites', `zfs is not available: ${errorMessage(error)}`);
    }
    let named: string | undefined;
    for (const [key, value] of options.map(parseStorageOption)) {
      if (key !== 'zfs.fsname') throw invalidArgument(`Unknown option ${key}`);
      named = value;
    }
    const dataset = named ?? datasetAt(dirname(root));
    const list = await zfs('list', '-rHp', '-t', 'filesystem', '-o', 'name', dataset);
    mkdirSync(join(root, 'graph'), { recursive: true, mode: 0o710 });
    const driver = new ZfsDriver(root, dataset, new Set(list.split('\n').filter(Boolean)));
    driver.#status = await statusOf(dataset);
    return driver;
  }

  status(): readonly (readonly [string, string])[] {
    return this.#status;
  }

  #name(id: string): string {
    return `${this.#dataset}/${id}`;
  }

  #path(id: string): string {
    return join(this.#root, 'graph', id);
  }

  async create(id: string, parent: string | undefined): Promise<void> {
    const name = this.#name(id);
    if (this.#datasets.has(name)) throw conflict(`layer ${id} exists already`);
    if (parent === undefined) await zfs('create', '-o', 'mountpoint=legacy', name);
    else await this.#clone(this.#name(parent), name);
    this.#datasets.add(name);
  }

  async #clone(parent: string, name: string): Promise<void> {
    const snapshot = `${parent}@${randomBytes(8).toString('hex')}`;
    await zfs('snapshot', snapshot);
    try {
      await zfs('clone', '-o', 'mountpoint=legacy', snapshot, name);
    } finally {
      // Deferred: the snapshot goes with its last clone.
      await zfs('destroy', '-d', snapshot);
    }
  }

  async createReadWrite(
    id: string,
    parent: string | undefined,
    { storageOpt = {} }: GraphDriverCreateOptions = {},
  ): Promise<void> {
    let quota: string | undefined;
    for (const [key, value] of Object.entries(storageOpt)) {
      if (key.toLowerCase() !== 'size') throw invalidArgument(`Unknown option ${key}`);
      quota = value;
    }
    await this.create(id, parent);
    if (quota === undefined) return;
    try {
      await zfs('set', `quota=${quota}`, this.#name(id));
    } catch (error) {
      await this.remove(id);
      throw error;
    }
  }

  async exists(id: string): Promise<boolean> {
    return this.#datasets.has(this.#name(id));
  }

  async remove(id: string): Promise<void> {
    if (!this.#datasets.has(this.#name(id))) return;
    this.#counts.delete(id);
    this.#unmount(id);
    await zfs('destroy', '-r', this.#name(id));
    this.#datasets.delete(this.#name(id));
  }

  async get(id: string): Promise<string> {
    const path = this.#path(id);
    if (!this.#datasets.has(this.#name(id))) throw internal(`layer ${id} does not exist`);
    const count = this.#counts.get(id) ?? 0;
    if (count === 0 && !listMounts().some(({ mountPoint }) => mountPoint === path)) {
      mkdirSync(path, { recursive: true, mode: 0o755 });
      mount({ source: this.#name(id), target: path, type: 'zfs' });
    }
    this.#counts.set(id, count + 1);
    return path;
  }

  async put(id: string): Promise<void> {
    const count = (this.#counts.get(id) ?? 1) - 1;
    if (count > 0) {
      this.#counts.set(id, count);
      return;
    }
    this.#counts.delete(id);
    this.#unmount(id);
  }

  #unmount(id: string): void {
    if (!unmountIfMounted(this.#path(id))) return;
    try {
      rmdirSync(this.#path(id));
    } catch (error) {
      // Busy elsewhere; it is an empty directory and is used again.
      if (!hasErrno(error, 'ENOENT', 'EBUSY')) throw error;
    }
  }

  async unpackTarget(id: string): Promise<UnpackPlace> {
    const directory = await this.get(id);
    return { directory, whiteouts: 'apply', release: () => this.put(id) };
  }

  async changes(id: string, parent: string | undefined): Promise<readonly LayerChange[]> {
    return this.#withTrees(id, parent, compareTrees);
  }

  async diffSize(id: string, parent: string | undefined): Promise<number> {
    return this.#withTrees(id, parent, treeDiffSize);
  }

  async #withTrees<T>(
    id: string,
    parent: string | undefined,
    look: (tree: string, parent: string | undefined) => Promise<T>,
  ): Promise<T> {
    await using held = new AsyncDisposableStack();
    const hold = async (one: string): Promise<string> => {
      const path = await this.get(one);
      held.defer(() => this.put(one));
      return path;
    };
    return look(await hold(id), parent === undefined ? undefined : await hold(parent));
  }

  /** A clone has no directory of its own entries alone. */
  diffDirectory(): undefined {
    return undefined;
  }

  async metadata(id: string): Promise<Readonly<Record<string, string>>> {
    return { Dataset: this.#name(id), Mountpoint: this.#path(id) };
  }

  async cleanup(): Promise<void> {
    for (const name of this.#datasets) {
      const id = name.slice(this.#dataset.length + 1);
      if (id !== '' && !this.#counts.has(id)) this.#unmount(id);
    }
  }
}

/** The dataset a directory lies on. */
function datasetAt(directory: string): string {
  if (statfsSync(directory).type !== ZFS_MAGIC)
    throw new DriverRefusal('prerequisites', `${directory} is not on a zfs file system`);
  const wanted = statSync(directory).dev;
  const found = listMounts().find(
    ({ type, mountPoint }) => type === 'zfs' && statSync(mountPoint).dev === wanted,
  );
  if (!found)
    throw internal(`Failed to find zfs dataset mounted on '${directory}' in /proc/mounts`);
  return found.source;
}

async function statusOf(dataset: string): Promise<readonly (readonly [string, string])[]> {
  const [pool = ''] = dataset.split('/');
  const properties = 'used,available,quota,compression';
  const values = (await zfs('get', '-Hp', '-o', 'value', properties, dataset)).split('\n');
  const [used = '', available = '', quota = '', compression = ''] = values;
  const { stdout: health } = await run('zpool', ['list', '-H', '-o', 'health', pool]);
  return [
    ['Zpool', pool],
    ['Zpool Health', health.trim()],
    ['Parent Dataset', dataset],
    ['Space Used By Parent', used],
    ['Space Available', available],
    ['Parent Quota', quota === '0' ? 'no' : quota],
    ['Compression', compression],
  ];
}
