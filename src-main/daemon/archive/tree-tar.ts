/**
 * A file tree as a tar, written as it is read: for copies out of a container and export. Everything is
 * synchronous: it runs in a worker thread that is inside the tree's root. What cannot be read because it is
 * changing under us is left out, as Docker does. Follows moby pkg/archive TarWithOptions.
 */
import { type BigIntStats, lstatSync, readdirSync } from 'node:fs';
import { contentOf, entryOf } from '../layer/file-entry.ts';
import type { TarEntry } from '../layer/tar-reader.ts';
import { END_OF_ARCHIVE, encodeEntry } from '../layer/tar-writer.ts';
import { nativePath } from '../platform/byte-path.ts';

export interface TreeTarOptions {
  /** What to walk, a byte path. */
  readonly path: string;
  /** Name of its own entry (a directory's gets a slash); undefined: it has none, only what is in it. */
  readonly name: string | undefined;
  /** Takes all of it before it answers. */
  readonly write: (bytes: Buffer) => void;
}

/** Writes a whole archive. Throws only what `write` throws. */
export function writeTreeTar(options: TreeTarOptions): void {
  new TreeTar(options).run();
}

class TreeTar {
  readonly #options: TreeTarOptions;
  /** Device and inode → first name. */
  readonly #links = new Map<string, string>();

  constructor(options: TreeTarOptions) {
    this.#options = options;
  }

  run(): void {
    const { path, name, write } = this.#options;
    if (name === undefined) this.#children(path, '');
    else this.#add(path, name);
    write(END_OF_ARCHIVE);
  }

  #children(path: string, prefix: string): void {
    const names = attempt(() => readdirSync(nativePath(path), 'latin1')) ?? [];
    const base = path === '/' ? '' : path;
    for (const name of names.sort(byBytes)) this.#add(`${base}/${name}`, `${prefix}${name}`);
  }

  #add(path: string, name: string): void {
    const stat = attempt(() => lstatSync(nativePath(path), { bigint: true }));
    if (!stat || stat.isSocket()) return;
    if (stat.isDirectory()) return this.#addDirectory(path, name, stat);
    const entry = attempt(() => entryOf(path, name, stat));
    if (!entry) return;
    const id = `${stat.dev}:${stat.ino}`;
    const first = stat.nlink > 1n ? this.#links.get(id) : undefined;
    if (first !== undefined) {
      this.#header({ ...entry, type: 'hardlink', linkName: first, size: 0 });
      return;
    }
    if (entry.type !== 'file') this.#header(entry);
    else if (!this.#addFile(path, entry)) return;
    if (stat.nlink > 1n) this.#links.set(id, name);
  }

  #header(entry: TarEntry): void {
    this.#options.write(encodeEntry(entry));
  }

  #addDirectory(path: string, name: string, stat: BigIntStats): void {
    const entry = attempt(() => entryOf(path, name, stat));
    if (!entry) return;
    const prefix = name.endsWith('/') ? name : `${name}/`;
    this.#header({ ...entry, name: prefix });
    this.#children(path, prefix);
  }

  #addFile(path: string, entry: TarEntry): boolean {
    using content = attempt(() => contentOf(path, entry.size));
    if (!content) return false;
    this.#header(entry);
    for (const piece of content) this.#options.write(piece);
    return true;
  }
}

const byBytes = (a: string, b: string): number => (a < b ? -1 : 1);

/** undefined when the file has gone or cannot be read. */
function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && 'code' in error) return undefined;
    throw error;
  }
}
