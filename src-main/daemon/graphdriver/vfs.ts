/** vfs: every layer is a full copy. Slow and exact, works anywhere (moby daemon/graphdriver/vfs). */
import { existsSync, mkdirSync } from 'node:fs';
import { readdir, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { conflict, internal, invalidArgument, unavailable } from '../../../shared/errors.ts';
import type { LayerChange } from '../layer/layer-store.ts';
import { copyTree } from '../platform/copy-tree.ts';
import { hasErrno } from '../platform/libc.ts';
import { removeTree } from '../platform/remove-tree.ts';
import { compareTrees } from './compare-trees.ts';
import type { GraphDriver, GraphDriverCreateOptions } from './graphdriver.ts';
import { treeDiffSize } from './naive-diff.ts';
import { parseStorageOption } from './storage-options.ts';

const REMOVING = '.removing-';
/** moby has quotas here on xfs with project quotas only. */
const NO_QUOTA = 'Filesystem does not support, or has not enabled quotas';

export class VfsDriver implements GraphDriver {
  readonly name = 'vfs';
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  /** Throws invalidArgument for options it does not know, or cannot keep to. */
  static async open(root: string, options: readonly string[]): Promise<VfsDriver> {
    for (const [key] of options.map(parseStorageOption))
      throw key === 'size'
        ? unavailable(NO_QUOTA)
        : invalidArgument(`unknown option ${key} for vfs`);
    mkdirSync(join(root, 'dir'), { recursive: true, mode: 0o710 });
    for (const name of await readdir(join(root, 'dir'))) {
      if (name.startsWith(REMOVING)) await removeTree(join(root, 'dir', name));
    }
    return new VfsDriver(root);
  }

  status(): readonly (readonly [string, string])[] {
    return [];
  }

  #path(id: string): string {
    return join(this.#root, 'dir', id);
  }

  async create(id: string, parent: string | undefined): Promise<void> {
    if (existsSync(this.#path(id))) throw conflict(`layer ${id} exists already`);
    // Copied under another name first: a cut-off copy never looks like a layer.
    const building = this.#path(`${REMOVING}${id}`);
    mkdirSync(building, { mode: 0o755 });
    try {
      if (parent !== undefined) await copyTree(await this.get(parent), building);
      await rename(building, this.#path(id));
    } catch (error) {
      await removeTree(building);
      throw error;
    }
  }

  async createReadWrite(
    id: string,
    parent: string | undefined,
    options: GraphDriverCreateOptions = {},
  ): Promise<void> {
    for (const key of Object.keys(options.storageOpt ?? {})) {
      throw invalidArgument(key === 'size' ? NO_QUOTA : `Storage opt ${key} not supported`, {
        status: 500,
      });
    }
    await this.create(id, parent);
  }

  async exists(id: string): Promise<boolean> {
    return existsSync(this.#path(id));
  }

  async remove(id: string): Promise<void> {
    const doomed = this.#path(`${REMOVING}${id}-${Date.now()}`);
    try {
      await rename(this.#path(id), doomed);
    } catch (error) {
      if (hasErrno(error, 'ENOENT')) return;
      throw error;
    }
    await removeTree(doomed);
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

  /** A full copy has no directory of its own entries alone. */
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
