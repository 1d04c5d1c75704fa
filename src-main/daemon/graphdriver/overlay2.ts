/**
 * overlay2, laid out as moby's: `<id>/{diff,link,lower,work,merged}` and short links in `l/`, so that
 * long chains fit into a mount's options. Follows moby daemon/graphdriver/overlay2.
 */
import { randomBytes } from 'node:crypto';
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { readdir, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { conflict, internal, invalidArgument } from '../../../shared/errors.ts';
import type { LayerChange } from '../layer/layer-store.ts';
import { directoryBytes } from '../platform/directory-bytes.ts';
import { hasErrno } from '../platform/libc.ts';
import { listMounts, mount, unmountAside } from '../platform/mount.ts';
import { removeTree } from '../platform/remove-tree.ts';
import type { GraphDriver, GraphDriverCreateOptions } from './graphdriver.ts';
import { overlayChanges } from './overlay-changes.ts';

/** The kernel takes more, moby does not: a daemon of either kind must be able to use the image. */
const MAX_DEPTH = 128;
/** Mount options must fit a page with their final NUL. */
const MAX_OPTIONS_BYTES = 4095;
const LINK_ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const LINK_LENGTH = 26;
const LINK = /^[A-Z2-7]{26}$/;
const REMOVING = '.removing-';

const shortLink = (): string =>
  Array.from(randomBytes(LINK_LENGTH), (byte) => LINK_ALPHABET[byte % 32]).join('');

export interface Overlay2Options {
  readonly root: string;
  readonly name: 'overlay2' | 'fuse-overlayfs';
  /** Rows for `docker info`. */
  readonly status: readonly (readonly [string, string])[];
  /** `index=off` is understood by this kernel. */
  readonly canDisableIndex: boolean;
  /** What overlay notes is noted in `user.` attributes: in a user namespace there are no others. */
  readonly usesUserXattr?: boolean;
  /** Mounts in place of the kernel; paths are relative to the root where absolute ones are too long. */
  readonly mount?: (target: string, options: string) => Promise<void>;
  /** Brings what was written below a mount point into the layer's directory. */
  readonly flush?: (mountPoint: string) => void;
}

export class Overlay2Driver implements GraphDriver {
  readonly name: string;
  readonly #options: Overlay2Options;
  /** Mounted ids with how often each was asked for. */
  readonly #counts = new Map<string, number>();
  readonly #mounted: Set<string>;
  readonly #mounting = new Map<string, Promise<void>>();
  readonly #unmounting = new Map<string, Promise<void>>();
  readonly #removals = new Set<Promise<void>>();

  private constructor(options: Overlay2Options) {
    this.#options = options;
    this.name = options.name;
    this.#mounted = new Set(
      listMounts()
        .filter(({ mountPoint }) => mountPoint.startsWith(`${options.root}/`))
        .map(({ mountPoint }) => basename(join(mountPoint, '..'))),
    );
  }

  static async open(options: Overlay2Options): Promise<Overlay2Driver> {
    mkdirSync(join(options.root, 'l'), { recursive: true, mode: 0o710 });
    const driver = new Overlay2Driver(options);
    await driver.#tidy();
    return driver;
  }

  /** Ends removals that were cut off, and makes short links again that somebody deleted. */
  async #tidy(): Promise<void> {
    const { root } = this.#options;
    const names = await readdir(root);
    const doomed = names.filter((name) => name.startsWith(REMOVING));
    for (const name of doomed) this.#removeInBackground(join(root, name));
    const layers = names.length - doomed.length - 1;
    if ((await readdir(join(root, 'l'))).length >= layers) return;
    for (const id of names) {
      const link = textIn(this.#path(id, 'link')) ?? '';
      if (!LINK.test(link) || doomed.includes(id)) continue;
      if (lstatSync(join(root, 'l', link), { throwIfNoEntry: false })) continue;
      symlinkSync(join('..', id, 'diff'), join(root, 'l', link));
    }
  }

  status(): readonly (readonly [string, string])[] {
    return this.#options.status;
  }

  #path(id: string, ...parts: readonly string[]): string {
    return join(this.#options.root, id, ...parts);
  }

  async create(id: string, parent: string | undefined): Promise<void> {
    this.#create(id, parent);
  }

  async createReadWrite(
    id: string,
    parent: string | undefined,
    options: GraphDriverCreateOptions = {},
  ): Promise<void> {
    const names = Object.keys(options.storageOpt ?? {}).map((name) => name.toLowerCase());
    const unknown = names.includes('size') ? undefined : names[0];
    if (unknown !== undefined && this.name === 'overlay2')
      throw invalidArgument(`Unknown option ${unknown}`, { status: 500 });
    if (names.length > 0) {
      throw invalidArgument(
        this.name === 'overlay2'
          ? "--storage-opt is supported only for overlay over xfs with 'pquota' mount option"
          : '--storage-opt is not supported',
        // Docker calls it its own failure.
        { status: 500 },
      );
    }
    this.#create(id, parent);
  }

  #create(id: string, parent: string | undefined): void {
    if (existsSync(this.#path(id))) throw conflict(`layer ${id} exists already`);
    const lower = parent === undefined ? undefined : this.#lowerOf(parent);
    mkdirSync(this.#path(id), { mode: 0o710 });
    try {
      mkdirSync(this.#path(id, 'diff'), { mode: 0o755 });
      const link = shortLink();
      // Written first: whoever removes a half-made layer finds its link.
      writeFileSync(this.#path(id, 'link'), link, { mode: 0o644 });
      symlinkSync(join('..', id, 'diff'), join(this.#options.root, 'l', link));
      if (lower !== undefined) this.#putOn(id, lower);
    } catch (error) {
      rmSync(this.#path(id), { recursive: true, force: true });
      throw error;
    }
  }

  #putOn(id: string, lower: string): void {
    mkdirSync(this.#path(id, 'work'), { mode: 0o700 });
    writeFileSync(this.#path(id, 'lower'), lower, { mode: 0o644 });
  }

  async stack(id: string, parent: string): Promise<void> {
    this.#putOn(id, this.#lowerOf(parent));
  }

  /** `l/PARENT:l/GRANDPARENT:…` for a child of `parent`. */
  #lowerOf(parent: string): string {
    const link = this.#recordedLink(parent);
    if (link === undefined) throw internal(`layer ${parent} is damaged: it has no short link`);
    const lowers = [`l/${link}`, ...this.#lowers(parent)];
    if (lowers.length > MAX_DEPTH) throw internal('max depth exceeded');
    return lowers.join(':');
  }

  /** The name of its link in `l/`, by its file or, when that is broken, by where the links lead. */
  #recordedLink(id: string): string | undefined {
    const link = textIn(this.#path(id, 'link')) ?? '';
    return LINK.test(link) ? link : this.#linkTo(id);
  }

  #linkTo(id: string): string | undefined {
    const links = join(this.#options.root, 'l');
    const target = join('..', id, 'diff');
    return readdirSync(links).find((name) => readlinkSync(join(links, name)) === target);
  }

  #lowers(id: string): readonly string[] {
    const text = textIn(this.#path(id, 'lower'));
    // Only what lies on another layer has a place to work in.
    if (text === undefined && !existsSync(this.#path(id, 'work'))) return [];
    const lowers = text?.split(':') ?? [];
    if (lowers.length === 0 || !lowers.every((lower) => LINK.test(lower.replace(/^l\//, ''))))
      throw internal(`layer ${id} is damaged: what it lies on is not known`);
    return lowers;
  }

  async exists(id: string): Promise<boolean> {
    return existsSync(this.#path(id, 'diff'));
  }

  async remove(id: string): Promise<void> {
    await this.#unmount(id);
    this.#counts.delete(id);
    const doomed = join(this.#options.root, `${REMOVING}${id}-${shortLink()}`);
    const link = this.#recordedLink(id);
    // Half-made: the link was not there yet.
    if (link !== undefined) rmSync(join(this.#options.root, 'l', link), { force: true });
    try {
      renameSync(this.#path(id), doomed);
    } catch (error) {
      if (hasErrno(error, 'ENOENT')) return;
      throw error;
    }
    this.#removeInBackground(doomed);
  }

  /** The id is free at once; deleting many files need not be waited for. Finished at the next start if cut off. */
  #removeInBackground(path: string): void {
    const removal: Promise<void> = removeTree(path)
      .catch(() => undefined)
      .finally(() => this.#removals.delete(removal));
    this.#removals.add(removal);
  }

  async get(id: string): Promise<string> {
    await this.#unmounting.get(id);
    const lowers = this.#lowers(id);
    if (lowers.length === 0) {
      if (!existsSync(this.#path(id, 'diff'))) throw internal(`layer ${id} does not exist`);
      return this.#path(id, 'diff');
    }
    const merged = this.#path(id, 'merged');
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
    if (this.#mounted.has(id)) return merged;
    let mounting = this.#mounting.get(id);
    if (!mounting) {
      mounting = this.#mountMerged(id, lowers).finally(() => this.#mounting.delete(id));
      this.#mounting.set(id, mounting);
    }
    await mounting;
    return merged;
  }

  async #mountMerged(id: string, lowers: readonly string[]): Promise<void> {
    try {
      mkdirSync(this.#path(id, 'merged'), { recursive: true, mode: 0o700 });
      await this.#mountOverlay(id, lowers);
      this.#mounted.add(id);
    } catch (error) {
      this.#counts.delete(id);
      throw error;
    }
  }

  async #mountOverlay(id: string, lowers: readonly string[]): Promise<void> {
    const { root, canDisableIndex, usesUserXattr } = this.#options;
    const options = (base: string): string =>
      [
        ...(canDisableIndex ? ['index=off'] : []),
        ...(usesUserXattr ? ['userxattr'] : []),
        `lowerdir=${lowers.map((lower) => `${base}${lower}`).join(':')}`,
        `upperdir=${base}${id}/diff`,
        `workdir=${base}${id}/work`,
      ].join(',');
    const absolute = options(`${root}/`);
    const merged = this.#path(id, 'merged');
    if (this.#options.mount) {
      await this.#options.mount(merged, options(''));
      return;
    }
    if (Buffer.byteLength(absolute) <= MAX_OPTIONS_BYTES) {
      mount({ source: 'overlay', target: merged, type: 'overlay', data: absolute });
      return;
    }
    // Relative paths are shorter. The working directory is the process's, but nothing else runs between
    // these lines, and the daemon uses absolute paths everywhere.
    const before = process.cwd();
    process.chdir(root);
    try {
      mount({ source: 'overlay', target: `${id}/merged`, type: 'overlay', data: options('') });
    } finally {
      process.chdir(before);
    }
  }

  async put(id: string): Promise<void> {
    const count = (this.#counts.get(id) ?? 1) - 1;
    if (count > 0) {
      this.#counts.set(id, count);
      return;
    }
    this.#counts.delete(id);
    await this.#unmount(id);
  }

  /** Answers when it is not mounted any more; one unmount an id at a time. */
  #unmount(id: string): Promise<void> {
    const present = this.#unmounting.get(id);
    if (present || !this.#mounted.has(id)) return present ?? Promise.resolve();
    const unmounting = this.#unmountMerged(id).finally(() => this.#unmounting.delete(id));
    this.#unmounting.set(id, unmounting);
    return unmounting;
  }

  async #unmountMerged(id: string): Promise<void> {
    const merged = this.#path(id, 'merged');
    await unmountAside(merged);
    this.#mounted.delete(id);
    try {
      // In the pool: the kernel takes it off other mount namespaces first, and waits for all processors.
      await rmdir(merged);
    } catch (error) {
      // Busy: a process still has its root here; the directory is empty and goes with the layer.
      if (!hasErrno(error, 'ENOENT', 'EBUSY', 'ENOTEMPTY')) throw error;
    }
  }

  async unpackTarget(id: string): Promise<{ directory: string; whiteouts: 'overlay' }> {
    return { directory: this.#path(id, 'diff'), whiteouts: 'overlay' };
  }

  #flush(id: string): void {
    if (this.#mounted.has(id)) this.#options.flush?.(this.#path(id, 'merged'));
  }

  async changes(id: string): Promise<readonly LayerChange[]> {
    this.#flush(id);
    return overlayChanges(
      this.#path(id, 'diff'),
      this.#lowers(id).map((lower) => this.#resolveLower(lower)),
    );
  }

  #resolveLower(lower: string): string {
    const { root } = this.#options;
    return join(root, 'l', readlinkSync(join(root, lower)));
  }

  async diffSize(id: string): Promise<number> {
    this.#flush(id);
    return directoryBytes(this.#path(id, 'diff'));
  }

  diffDirectory(id: string): string {
    this.#flush(id);
    return this.#path(id, 'diff');
  }

  async metadata(id: string): Promise<Readonly<Record<string, string>>> {
    const lowers = this.#lowers(id);
    if (lowers.length === 0) return { UpperDir: this.#path(id, 'diff') };
    return {
      LowerDir: lowers.map((lower) => this.#resolveLower(lower)).join(':'),
      MergedDir: this.#path(id, 'merged'),
      UpperDir: this.#path(id, 'diff'),
      WorkDir: this.#path(id, 'work'),
    };
  }

  async cleanup(): Promise<void> {
    for (const id of [...this.#mounted]) {
      if (!this.#counts.has(id)) await this.#unmount(id);
    }
    await Promise.all(this.#unmounting.values());
    await Promise.all(this.#removals);
  }
}

/** Undefined when there is no such file, or something else in its place. */
function textIn(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR', 'EISDIR')) return undefined;
    throw error;
  }
}
