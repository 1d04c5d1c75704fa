/**
 * Image configs on disk, by the digest of their bytes (moby image/fs.go, image/store.go):
 * `imagedb/content/sha256/<hex>` and `imagedb/metadata/sha256/<hex>/{parent,lastUpdated}`.
 * All of them are small and are kept in memory.
 */
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage, internal } from '../../../shared/errors.ts';
import { digestOf, hexOf, isDigest } from '../distribution/digest.ts';
import type { Layer, LayerStore } from '../layer/layer-store.ts';
import type { Log } from '../log/log.ts';
import { setAside, sweepTemporaryFiles, writeFileAtomic } from '../platform/atomic-file.ts';
import { failpoint } from '../platform/failpoint.ts';
import { hasErrno } from '../platform/libc.ts';
import { SerialLock } from '../platform/serial-lock.ts';
import { chainIdsOf, parseImageConfig } from './image-config.ts';
import type { Image } from './image-service.ts';

interface StoredImage {
  readonly image: Image;
  parent: string | undefined;
  lastTagged: string | undefined;
}

export interface ImageStoreOptions {
  /** `<data-root>/image/<driver>/imagedb` */
  readonly directory: string;
  readonly layers: LayerStore;
  readonly log: Log;
}

const HEX = /^[a-f0-9]{64}$/;
const isTime = (text: string): boolean => !Number.isNaN(Date.parse(text));

export class ImageStore {
  readonly #directory: string;
  readonly #layers: LayerStore;
  readonly #log: Log;
  readonly #images = new Map<string, StoredImage>();
  /** One change at a time: an image made again while it is being deleted must not lose the layers it took. */
  readonly #changing = new SerialLock();

  private constructor({ directory, layers, log }: ImageStoreOptions) {
    this.#directory = directory;
    this.#layers = layers;
    this.#log = log;
  }

  /** Reads every image and takes its layers; what cannot be used is put aside with a log line. */
  static async open(options: ImageStoreOptions): Promise<ImageStore> {
    const store = new ImageStore(options);
    for (const kind of ['content', 'metadata']) {
      await mkdir(join(options.directory, kind, 'sha256'), { recursive: true, mode: 0o700 });
    }
    const content = join(options.directory, 'content', 'sha256');
    await sweepTemporaryFiles(content);
    const names = await readdir(content);
    await Promise.all(names.filter((name) => HEX.test(name)).map((hex) => store.#restore(hex)));
    await store.#sweepMetadata(new Set([...names, ...(await store.#namesAside())]));
    return store;
  }

  /** Images that could not be read, at this start or an earlier one, need layers that nobody else names. */
  async hasImagesAside(): Promise<boolean> {
    return (await this.#namesAside()).some((hex) => !this.#images.has(`sha256:${hex}`));
  }

  get size(): number {
    return this.#images.size;
  }

  get(id: string): Image | undefined {
    return this.#images.get(id)?.image;
  }

  list(): Image[] {
    return [...this.#images.values()].map(({ image }) => image);
  }

  parentOf(id: string): string | undefined {
    return this.#images.get(id)?.parent;
  }

  childrenOf(id: string): readonly string[] {
    return [...this.#images].filter(([, { parent }]) => parent === id).map(([child]) => child);
  }

  /** RFC 3339, or undefined when the image was never tagged here. */
  lastTaggedOf(id: string): string | undefined {
    return this.#images.get(id)?.lastTagged;
  }

  /** The one id that begins with the hex digits (with or without `sha256:`), if just one does. */
  search(prefix: string): string | undefined {
    const hex = prefix.startsWith('sha256:') ? prefix : `sha256:${prefix}`;
    if (hex === 'sha256:') return undefined;
    const matches = [...this.#images.keys()].filter((id) => id.startsWith(hex));
    return matches.length === 1 ? matches[0] : undefined;
  }

  /** The config as stored, byte for byte. */
  readConfig(id: string): Promise<Buffer> {
    return readFile(this.#contentPath(id));
  }

  /** Stores a config, whose layers must be present, and holds them. Answers the image's id. */
  create(bytes: Uint8Array): Promise<string> {
    return this.#changing.run(() => this.#create(bytes));
  }

  async #create(bytes: Uint8Array): Promise<string> {
    const config = parseImageConfig(bytes);
    const id = digestOf(bytes);
    if (this.#images.has(id)) return id;
    const chainId = chainIdsOf(config.rootfs.diff_ids).at(-1);
    if (chainId !== undefined && !this.#layers.acquire(chainId, id)) {
      throw internal(`failed to get layer ${chainId}: layer does not exist`);
    }
    // Known from here on: a second create of the same image must not take the layers again.
    const image: Image = { id, config, chainId };
    this.#images.set(id, { image, parent: undefined, lastTagged: undefined });
    try {
      failpoint('image: layers held');
      await writeFileAtomic(this.#contentPath(id), bytes);
      failpoint('image: config written');
    } catch (error) {
      this.#images.delete(id);
      if (chainId !== undefined) await this.#layers.release(chainId, id);
      throw error;
    }
    return id;
  }

  /** Forgets the image and answers the layers that went with it. */
  delete(id: string): Promise<readonly Layer[]> {
    return this.#changing.run(() => this.#delete(id));
  }

  async #delete(id: string): Promise<readonly Layer[]> {
    const stored = this.#images.get(id);
    if (!stored) throw internal(`unrecognized image ID ${id}`);
    for (const child of this.childrenOf(id)) {
      const row = this.#images.get(child);
      if (row) row.parent = undefined;
      await rm(join(this.#metadataPath(child), 'parent'), { force: true });
    }
    this.#images.delete(id);
    await rm(this.#metadataPath(id), { recursive: true, force: true });
    failpoint('image remove: metadata removed');
    await rm(this.#contentPath(id), { force: true });
    failpoint('image remove: config removed');
    const { chainId } = stored.image;
    return chainId === undefined ? [] : this.#layers.release(chainId, id);
  }

  setParent(id: string, parent: string): Promise<void> {
    return this.#changing.run(() => this.#setParent(id, parent));
  }

  async #setParent(id: string, parent: string): Promise<void> {
    const stored = this.#images.get(id);
    if (!stored || !this.#images.has(parent)) {
      throw internal(`unknown parent image ID ${parent}`);
    }
    await this.#writeMetadata(id, 'parent', parent);
    stored.parent = parent;
  }

  markTagged(id: string): Promise<void> {
    return this.#changing.run(() => this.#markTagged(id));
  }

  async #markTagged(id: string): Promise<void> {
    const stored = this.#images.get(id);
    if (!stored) return;
    const now = new Date().toISOString();
    await this.#writeMetadata(id, 'lastUpdated', now);
    stored.lastTagged = now;
  }

  /** Metadata of images that are no more goes; of those set aside it stays, it is needed when they come back. */
  async #sweepMetadata(contents: ReadonlySet<string>): Promise<void> {
    const directory = join(this.#directory, 'metadata', 'sha256');
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (contents.has(entry.name) && entry.isDirectory()) await sweepTemporaryFiles(path);
      else if (HEX.test(entry.name)) await rm(path, { recursive: true, force: true });
    }
  }

  #contentPath(id: string): string {
    return join(this.#directory, 'content', 'sha256', hexOf(id));
  }

  #metadataPath(id: string): string {
    return join(this.#directory, 'metadata', 'sha256', hexOf(id));
  }

  async #writeMetadata(id: string, name: string, value: string): Promise<void> {
    const path = join(this.#metadataPath(id), name);
    await mkdir(this.#metadataPath(id), { recursive: true, mode: 0o700 });
    try {
      await writeFileAtomic(path, value);
    } catch (error) {
      if (!hasErrno(error, 'EISDIR')) throw error;
      await setAside(path);
      await writeFileAtomic(path, value);
    }
  }

  async #readMetadata(
    id: string,
    name: string,
    isValid: (text: string) => boolean,
  ): Promise<string | undefined> {
    try {
      const text = (await readFile(join(this.#metadataPath(id), name), 'utf8')).trim();
      return isValid(text) ? text : undefined;
    } catch (error) {
      // What this machine knows beside the image is worth less than the image.
      if (!hasErrno(error, 'ENOENT', 'ENOTDIR', 'EISDIR')) throw error;
      return undefined;
    }
  }

  async #restore(hex: string): Promise<void> {
    const id = `sha256:${hex}`;
    try {
      const bytes = await this.readConfig(id);
      if (digestOf(bytes) !== id) throw internal(`failed to verify: ${id}`);
      const config = parseImageConfig(bytes);
      const chainId = chainIdsOf(config.rootfs.diff_ids).at(-1);
      const parent = await this.#readMetadata(id, 'parent', isDigest);
      const lastTagged = await this.#readMetadata(id, 'lastUpdated', isTime);
      if (chainId !== undefined && !this.#layers.acquire(chainId, id)) {
        throw internal(`layer does not exist: ${chainId}`);
      }
      this.#images.set(id, { image: { id, config, chainId }, parent, lastTagged });
    } catch (error) {
      this.#log.error('image put aside', { image: id, error: errorMessage(error) });
      await this.#quarantine(hex);
    }
  }

  async #namesAside(): Promise<readonly string[]> {
    try {
      return await readdir(join(this.#directory, 'quarantine'));
    } catch (error) {
      if (hasErrno(error, 'ENOENT')) return [];
      throw error;
    }
  }

  /** Kept for the one who wants to look; out of the way of the next pull of the same image. */
  async #quarantine(hex: string): Promise<void> {
    const aside = join(this.#directory, 'quarantine');
    await mkdir(aside, { recursive: true, mode: 0o700 });
    await rename(this.#contentPath(hex), join(aside, hex));
  }
}
