/**
 * Unpacks an archive onto a directory of the root the thread is in, as `docker cp` does: what is there already is
 * replaced, directories are merged. Links in the way are followed inside the root. Follows moby
 * pkg/archive Unpack and createTarFile.
 */
import {
  chmodSync,
  closeSync,
  ftruncateSync,
  lchownSync,
  linkSync,
  lstatSync,
  mkdirSync,
  openSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeSync,
} from 'node:fs';
import { posix } from 'node:path';
import { SparsePieces } from '../layer/sparse-pieces.ts';
import type { TarEntry, TarSink } from '../layer/tar-reader.ts';
import { cPath, nativePath, textOfPath } from '../platform/byte-path.ts';
import { hasErrno } from '../platform/libc.ts';
import { makeNode, setTimes } from '../platform/special-files.ts';
import { isInUserNamespace } from '../platform/user-namespace.ts';
import { setXattr } from '../platform/xattr.ts';
import { asPathError } from './go-error.ts';

export interface ExtractOptions {
  /** A directory and something else never take each other's place. */
  readonly noOverwriteDirNonDir: boolean;
  /** Everything belongs to this user, whatever the archive says. */
  readonly owner?: { readonly uid: number; readonly gid: number };
}

interface OpenFile {
  readonly fd: number;
  readonly path: string;
  readonly entry: TarEntry;
  readonly sparse: SparsePieces | undefined;
}

const quoted = (path: string): string => JSON.stringify(textOfPath(path));

export class TreeExtractor implements TarSink {
  readonly #directory: string;
  readonly #options: ExtractOptions;
  /** Their times are set at the end: files made in them would change them. */
  readonly #directories: TarEntry[] = [];
  #open: OpenFile | undefined;

  /** `directory`: a byte path that exists. */
  constructor(directory: string, options: ExtractOptions) {
    this.#directory = directory;
    this.#options = options;
  }

  raw(): void {
    // Only who puts the archive together again needs it.
  }

  entry(entry: TarEntry): void {
    const name = posix.normalize(entry.name).replace(/(?<=.)\/$/, '');
    const path = posix.join(this.#directory, name);
    if (name === '..' || name.startsWith('../'))
      throw new Error(`${quoted(name)} is outside of ${quoted(this.#directory)}`);
    this.#makeParent(name);
    if (this.#clear(path, name, entry)) this.#create(path, { ...entry, name });
  }

  data(bytes: Buffer): void {
    const file = this.#open;
    if (!file) return;
    if (file.sparse) file.sparse.push(bytes);
    else writeAll(file.fd, bytes, null);
  }

  entryEnd(): void {
    const file = this.#open;
    if (!file) return;
    this.#open = undefined;
    file.sparse?.finish();
    if (file.entry.sparse) ftruncateSync(file.fd, file.entry.sparse.realSize);
    closeSync(file.fd);
    this.#finish(file.path, file.entry);
  }

  /** Sets the times of directories. */
  finish(): void {
    for (const entry of this.#directories) {
      const path = posix.join(this.#directory, entry.name);
      setTimes(cPath(path), entry.mtimeSeconds, entry.mtimeNanoseconds);
    }
  }

  /** Closes what a failure left open. */
  abort(): void {
    if (this.#open) closeSync(this.#open.fd);
    this.#open = undefined;
  }

  #makeParent(name: string): void {
    const parent = posix.join(this.#directory, posix.dirname(name));
    if (lstatOf(parent)) return;
    asPathError('mkdir', parent, () =>
      mkdirSync(nativePath(parent), { recursive: true, mode: 0o755 }),
    );
  }

  /** Removes what is in the way; false when there is nothing to make. */
  #clear(path: string, name: string, entry: TarEntry): boolean {
    const present = lstatOf(path);
    if (!present) return true;
    const isDirectory = entry.type === 'directory';
    if (this.#options.noOverwriteDirNonDir && present.isDirectory() !== isDirectory) {
      const [was, is] = isDirectory
        ? ['non-directory', 'directory']
        : ['directory', 'non-directory'];
      throw new Error(
        `cannot overwrite ${was} ${quoted(path)} with ${is} ${quoted(this.#directory)}`,
      );
    }
    if (!present.isDirectory() || !isDirectory) {
      if (present.isDirectory() && name === '.') return false;
      // Node's rmSync of what is busy (a mount point) fails without a code.
      asPathError('unlinkat', path, () => {
        if (present.isDirectory()) rmSync(nativePath(path), { recursive: true, force: true });
        else unlinkSync(nativePath(path));
      });
      return true;
    }
    return name !== '.';
  }

  #create(path: string, entry: TarEntry): void {
    switch (entry.type) {
      case 'directory':
        if (!lstatOf(path))
          asPathError('mkdir', path, () => mkdirSync(nativePath(path), { mode: 0o700 }));
        this.#directories.push(entry);
        break;
      case 'file':
        this.#open = this.#openFile(path, entry);
        return;
      case 'hardlink':
        this.#link(path, entry);
        this.#own(path, entry);
        return;
      case 'symlink':
        this.#checkSymlink(path, entry);
        asPathError('symlink', path, () =>
          symlinkSync(nativePath(entry.linkName), nativePath(path)),
        );
        break;
      case 'char':
      case 'block':
      case 'fifo':
        // Nobody but real root makes devices (moby pkg/archive does the same).
        if (isInUserNamespace && entry.type !== 'fifo') return;
        asPathError('mknod', path, () =>
          makeNode(cPath(path), entry.type as 'char', { ...entry, mode: entry.mode }),
        );
        break;
    }
    this.#finish(path, entry);
  }

  #openFile(path: string, entry: TarEntry): OpenFile {
    const fd = asPathError('open', path, () => openSync(nativePath(path), 'wx', 0o600));
    const sparse =
      entry.sparse &&
      new SparsePieces(entry.sparse, (bytes, position) => writeAll(fd, bytes, position));
    return { fd, path, entry, sparse };
  }

  #link(path: string, entry: TarEntry): void {
    const target = posix.join(this.#directory, entry.linkName);
    if (!target.startsWith(this.#directory))
      throw new Error(`invalid hardlink ${quoted(target)} -> ${quoted(entry.linkName)}`);
    asPathError('link', target, () => linkSync(nativePath(target), nativePath(path)));
  }

  #checkSymlink(path: string, entry: TarEntry): void {
    const target = posix.join(posix.dirname(path), entry.linkName);
    if (!target.startsWith(this.#directory))
      throw new Error(`invalid symlink ${quoted(path)} -> ${quoted(entry.linkName)}`);
  }

  #own(path: string, entry: TarEntry): void {
    const { uid, gid } = this.#options.owner ?? entry;
    asPathError('lchown', path, () => lchownSync(nativePath(path), uid, gid));
  }

  /** In this order: chown clears setuid bits and capabilities. */
  #finish(path: string, entry: TarEntry): void {
    this.#own(path, entry);
    for (const [name, value] of entry.xattrs) setXattrIfKept(path, name, value);
    if (entry.type !== 'symlink')
      asPathError('chmod', path, () => chmodSync(nativePath(path), entry.mode));
    setTimes(cPath(path), entry.mtimeSeconds, entry.mtimeNanoseconds);
  }
}

function writeAll(fd: number, bytes: Buffer, position: number | null): void {
  for (let at = 0; at < bytes.length; )
    at += writeSync(fd, bytes, at, bytes.length - at, position === null ? null : position + at);
}

function lstatOf(path: string): ReturnType<typeof lstatSync> | undefined {
  return asPathError('lstat', path, () => lstatSync(nativePath(path), { throwIfNoEntry: false }));
}

function setXattrIfKept(path: string, name: string, value: Buffer): void {
  // An archive must not forge overlay's whiteouts and redirects.
  if (name.startsWith('trusted.overlay.') || name.startsWith('user.overlay.')) return;
  try {
    setXattr(cPath(path), name, value);
  } catch (error) {
    // The file system keeps none of this kind; Docker goes on as well.
    if (!hasErrno(error, 'EOPNOTSUPP', 'ENOTSUP', 'EPERM')) throw error;
  }
}
