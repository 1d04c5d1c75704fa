/**
 * A file tree as a tar, written as it is read: for copies out of a container and export. Everything is
 * synchronous: it runs in a worker thread that is inside the tree's root. What cannot be read because it is
 * changing under us is left out, as Docker does. Follows moby pkg/archive TarWithOptions.
 */
import {
  type BigIntStats,
  closeSync,
  constants,
  lstatSync,
  openSync,
  readdirSync,
  readlinkSync,
  readSync,
} from 'node:fs';
import type { TarEntry } from '../layer/tar-reader.ts';
import { cPath, nativePath } from '../platform/byte-path.ts';
import { deviceNumbers } from '../platform/device.ts';
import { hasErrno } from '../platform/libc.ts';
import { getXattr, listXattrs } from '../platform/xattr.ts';
import { END_OF_ARCHIVE, encodeEntry, padding } from './tar-writer.ts';

const CHUNK_BYTES = 256 * 1024;
const NO_XATTRS: ReadonlyMap<string, Buffer> = new Map();

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
  readonly #buffer = Buffer.allocUnsafe(CHUNK_BYTES);
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
    const entry = attempt(() => this.#entryOf(path, name, stat));
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
    const entry = attempt(() => this.#entryOf(path, name, stat));
    if (!entry) return;
    const prefix = name.endsWith('/') ? name : `${name}/`;
    this.#header({ ...entry, name: prefix });
    this.#children(path, prefix);
  }

  #entryOf(path: string, name: string, stat: BigIntStats): TarEntry {
    const type = typeOf(stat);
    const isDevice = type === 'char' || type === 'block';
    return {
      ...numbersOf(stat),
      name,
      type,
      mode: Number(stat.mode) & 0o7777,
      size: type === 'file' ? Number(stat.size) : 0,
      linkName: type === 'symlink' ? readlinkSync(nativePath(path), 'latin1') : '',
      ...(isDevice ? deviceNumbers(Number(stat.rdev)) : { major: 0, minor: 0 }),
      xattrs: keptXattrs(path),
    };
  }

  /** The content as long as the header says: a file that shrinks is filled up, one that grows is cut. */
  #addFile(path: string, entry: TarEntry): boolean {
    const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
    const fd = attempt(() => openSync(nativePath(path), flags));
    if (fd === undefined) return false;
    try {
      this.#header(entry);
      let left = entry.size;
      while (left > 0) {
        const room = this.#buffer.subarray(0, Math.min(left, CHUNK_BYTES));
        const length = attempt(() => readSync(fd, room)) ?? 0;
        if (length === 0) break;
        this.#options.write(room.subarray(0, length));
        left -= length;
      }
      this.#fill(left);
      this.#options.write(padding(entry.size));
    } finally {
      closeSync(fd);
    }
    return true;
  }

  #fill(length: number): void {
    for (let left = length; left > 0; left -= CHUNK_BYTES)
      this.#options.write(Buffer.alloc(Math.min(left, CHUNK_BYTES)));
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

function numbersOf(
  stat: BigIntStats,
): Pick<TarEntry, 'uid' | 'gid' | 'mtimeSeconds' | 'mtimeNanoseconds'> {
  return {
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    mtimeSeconds: Number(stat.mtimeNs / 1_000_000_000n),
    mtimeNanoseconds: 0,
  };
}

function typeOf(stat: BigIntStats): TarEntry['type'] {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  return stat.isBlockDevice() ? 'block' : 'char';
}

/** Attributes that belong to the files, not to overlay's bookkeeping or this machine. */
function keptXattrs(path: string): ReadonlyMap<string, Buffer> {
  try {
    const names = listXattrs(cPath(path)).filter(
      (name) =>
        name === 'security.capability' ||
        (name.startsWith('user.') && !name.startsWith('user.overlay.')),
    );
    if (names.length === 0) return NO_XATTRS;
    return new Map(names.map((name) => [name, getXattr(cPath(path), name) ?? Buffer.alloc(0)]));
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'EACCES', 'EPERM')) return NO_XATTRS;
    throw error;
  }
}
