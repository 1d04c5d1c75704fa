/** btrfs: every layer is a subvolume, a child a snapshot of its parent (moby daemon/graphdriver/btrfs). */
import { existsSync, lstatSync, mkdirSync, rmSync, statfsSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { conflict, internal, invalidArgument } from '../../../shared/errors.ts';
import type { LayerChange } from '../layer/layer-store.ts';
import {
  createSubvolume,
  deleteSubvolume,
  enableQuotas,
  limitSubvolume,
  snapshotSubvolume,
} from '../platform/btrfs.ts';
import { parseBytes } from '../platform/go-values.ts';
import { hasErrno } from '../platform/libc.ts';
import { compareTrees } from './compare-trees.ts';
import { DriverRefusal } from './driver-refusal.ts';
import type { GraphDriver, GraphDriverCreateOptions } from './graphdriver.ts';
import { treeDiffSize } from './naive-diff.ts';
import { parseStorageOption } from './storage-options.ts';

const BTRFS_MAGIC = 0x9123683e;
/** Inode of every subvolume's root. */
const SUBVOLUME_INODE = 256;

export class BtrfsDriver implements GraphDriver {
  readonly name = 'btrfs';
  readonly #root: string;
  /** `btrfs.min_space`: no container may have less. 0 = no rule. */
  readonly #minSpaceBytes: number;

  private constructor(root: string, minSpaceBytes: number) {
    this.#root = root;
    this.#minSpaceBytes = minSpaceBytes;
  }

  /** Throws DriverRefusal when `root` is not on btrfs, invalidArgument for options it does not know. */
  static async open(root: string, options: readonly string[]): Promise<BtrfsDriver> {
    const place = existsSync(root) ? root : dirname(root);
    if (statfsSync(place).type !== BTRFS_MAGIC)
      throw new DriverRefusal('prerequisites', `${place} is not on a btrfs file system`);
    let minSpaceBytes = 0;
    for (const [key, value] of options.map(parseStorageOption)) {
      if (key !== 'btrfs.min_space') throw invalidArgument(`Unknown option ${key}`);
      minSpaceBytes = parseBytes(value);
    }
    for (const name of ['subvolumes', 'quotas'])
      mkdirSync(join(root, name), { recursive: true, mode: 0o710 });
    if (minSpaceBytes > 0) enableQuotas(root);
    return new BtrfsDriver(root, minSpaceBytes);
  }

  status(): readonly (readonly [string, string])[] {
    return [['Btrfs', '']];
  }

  #path(id: string): string {
    return join(this.#root, 'subvolumes', id);
  }

  async create(id: string, parent: string | undefined): Promise<void> {
    if (existsSync(this.#path(id))) throw conflict(`layer ${id} exists already`);
    if (parent === undefined) createSubvolume(this.#path(id));
    else snapshotSubvolume(await this.get(parent), this.#path(id));
  }

  async createReadWrite(
    id: string,
    parent: string | undefined,
    { storageOpt = {} }: GraphDriverCreateOptions = {},
  ): Promise<void> {
    let size: number | undefined;
    for (const [key, value] of Object.entries(storageOpt)) {
      if (key.toLowerCase() !== 'size') throw invalidArgument(`Unknown option ${key}`);
      size = this.#checkedSize(value);
    }
    await this.create(id, parent);
    if (size === undefined) return;
    try {
      enableQuotas(this.#root);
      limitSubvolume(this.#path(id), size);
      writeFileSync(join(this.#root, 'quotas', id), String(size));
    } catch (error) {
      await this.remove(id);
      throw error;
    }
  }

  #checkedSize(text: string): number {
    const size = parseBytes(text);
    if (size === 0) throw invalidArgument('btrfs: invalid storage size: 0B');
    if (size < this.#minSpaceBytes) {
      const least = humanSize(this.#minSpaceBytes);
      throw invalidArgument(`btrfs: storage size cannot be less than ${least}`);
    }
    return size;
  }

  async exists(id: string): Promise<boolean> {
    return existsSync(this.#path(id));
  }

  async remove(id: string): Promise<void> {
    rmSync(join(this.#root, 'quotas', id), { force: true });
    try {
      await removeSubvolume(this.#path(id));
    } catch (error) {
      if (!hasErrno(error, 'ENOENT')) throw error;
    }
  }

  async get(id: string): Promise<string> {
    if (!existsSync(this.#path(id))) throw internal(`layer ${id} does not exist`);
    return this.#path(id);
  }

  /** Nothing is mounted. */
  async put(): Promise<void> {
    return undefined;
  }

  async unpackTarget(id: string): Promise<{ directory: string; whiteouts: 'apply' }> {
    return { directory: this.#path(id), whiteouts: 'apply' };
  }

  async changes(id: string, parent: string | undefined): Promise<readonly LayerChange[]> {
    return compareTrees(this.#path(id), parent === undefined ? undefined : this.#path(parent));
  }

  async diffSize(id: string, parent: string | undefined): Promise<number> {
    return treeDiffSize(this.#path(id), parent === undefined ? undefined : this.#path(parent));
  }

  /** A snapshot has no directory of its own entries alone. */
  diffDirectory(): undefined {
    return undefined;
  }

  async metadata(): Promise<Readonly<Record<string, string>>> {
    return {};
  }

  async cleanup(): Promise<void> {
    return undefined;
  }
}

/** Those a container made inside go first. */
async function removeSubvolume(path: string): Promise<void> {
  try {
    deleteSubvolume(path);
  } catch (error) {
    if (!hasErrno(error, 'ENOTEMPTY')) throw error;
    await removeInner(path);
    deleteSubvolume(path);
  }
}

async function removeInner(directory: string): Promise<void> {
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    if (!entry.isDirectory()) continue;
    const path = join(directory, entry.name);
    if (lstatSync(path).ino === SUBVOLUME_INODE) await removeSubvolume(path);
    else await removeInner(path);
  }
}

/** go-units HumanSize. */
function humanSize(bytes: number): string {
  const units = ['B', 'kB', 'MB', 'GB', 'TB', 'PB'];
  let value = bytes;
  let unit = 0;
  while (value >= 1000 && unit < units.length - 1) {
    value /= 1000;
    unit++;
  }
  return `${Number(value.toPrecision(4))}${units[unit]}`;
}
