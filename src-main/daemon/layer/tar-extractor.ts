/**
 * Writes tar entries below one directory and nowhere else. Symlinks in a path are followed as the
 * container would follow them, inside the directory; nothing else may write there meanwhile.
 * Order that keeps metadata: content, owner, mode (chown clears setuid), xattrs (chown clears
 * security.capability), times; directories' times last. Follows moby pkg/archive (createTarFile, UnpackLayer).
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
  readdirSync,
  readlinkSync,
  rmSync,
  type Stats,
  symlinkSync,
  writeSync,
} from 'node:fs';
import { posix } from 'node:path';
import { hasErrno } from '../platform/libc.ts';
import { makeNode, makeWhiteout, setTimes } from '../platform/special-files.ts';
import { isInUserNamespace, OPAQUE_XATTR } from '../platform/user-namespace.ts';
import { setXattr } from '../platform/xattr.ts';
import { SparsePieces } from './sparse-pieces.ts';
import type { TarEntry } from './tar-reader.ts';

export type WhiteoutStyle = 'overlay' | 'apply';

const WHITEOUT_PREFIX = '.wh.';
/** aufs' own bookkeeping, which some old layers carry. */
const WHITEOUT_META_PREFIX = '.wh..wh.';
const WHITEOUT_OPAQUE = '.wh..wh..opq';
const MAX_SYMLINKS = 40;

/** The archive tries to reach outside; nothing was written for the entry. */
class BreakoutError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'BreakoutError';
  }
}

interface OpenFile {
  readonly fd: number;
  readonly path: string;
  readonly entry: TarEntry;
  readonly sparse?: SparsePieces;
}

export class TarExtractor {
  readonly #root: string;
  readonly #whiteouts: WhiteoutStyle;
  /** Archive directory → host directory, for directories known to be real. */
  readonly #directories = new Map<string, string>();
  /** Directories whose times are set at the end. */
  readonly #directoryTimes = new Map<string, TarEntry>();
  /** Paths this archive wrote; an opaque marker spares them. */
  readonly #written = new Set<string>();
  #open: OpenFile | undefined;
  /** Bytes of regular files and of symlinks' targets, as Docker counts a layer's size. */
  sizeBytes = 0;
  /** Called before a regular file written by this very archive is replaced. */
  onReplace: (path: string) => void = () => undefined;

  constructor(root: string, whiteouts: WhiteoutStyle) {
    this.#root = root;
    this.#whiteouts = whiteouts;
  }

  /** Starts an entry; answers where its content will be, for a regular file. */
  begin(entry: TarEntry): string | undefined {
    const name = posix.normalize(`/${entry.name}`).replace(/\/$/, '') || '/';
    if (posix.normalize(entry.name).startsWith('../'))
      throw new BreakoutError(`"${entry.name}" is outside of "${this.#root}"`);
    if (name === '/') {
      this.#applyMetadata(this.#root, entry);
      this.#directoryTimes.set(this.#root, entry);
      return undefined;
    }
    const base = posix.basename(name);
    if (name.includes(`/${WHITEOUT_META_PREFIX}`) && base !== WHITEOUT_OPAQUE) return undefined;
    if (base.startsWith(WHITEOUT_PREFIX)) {
      this.#whiteout(posix.dirname(name), base);
      return undefined;
    }
    const path = posix.join(this.#directory(posix.dirname(name)), base);
    this.#clear(path, entry);
    this.#written.add(path);
    return this.#create(path, entry);
  }

  write(bytes: Buffer): void {
    const file = this.#open;
    if (!file) return;
    if (file.sparse) file.sparse.push(bytes);
    else writeAll(file.fd, bytes);
    if (!file.sparse) this.sizeBytes += bytes.length;
  }

  end(): void {
    const file = this.#open;
    if (!file) return;
    try {
      file.sparse?.finish();
      if (file.entry.sparse) {
        ftruncateSync(file.fd, file.entry.sparse.realSize);
        this.sizeBytes += file.entry.sparse.realSize;
      }
    } finally {
      this.#open = undefined;
      closeSync(file.fd);
    }
    this.#finishNode(file.path, file.entry);
  }

  /** Sets directory times, deepest first. */
  finish(): void {
    for (const [path, entry] of [...this.#directoryTimes].reverse()) setEntryTimes(path, entry);
  }

  /** Closes what a failure left open. */
  abort(): void {
    if (this.#open) closeSync(this.#open.fd);
    this.#open = undefined;
  }

  #create(path: string, entry: TarEntry): string | undefined {
    switch (entry.type) {
      case 'directory':
        if (!lstatIfPresent(path)) mkdirSync(path, { mode: 0o700 });
        this.#applyMetadata(path, entry);
        this.#directoryTimes.set(path, entry);
        return undefined;
      case 'file':
        this.#open = openFile(path, entry);
        return path;
      case 'hardlink':
        linkSync(this.#hardlinkTarget(entry), path);
        // Docker gives what is linked the later entry's owner, mode and time; of a symlink the owner alone.
        if (lstatSync(path).isSymbolicLink()) lchownSync(path, entry.uid, entry.gid);
        else this.#finishNode(path, entry);
        return undefined;
      case 'symlink':
        this.#checkSymlink(path, entry);
        symlinkSync(entry.linkName, path);
        this.sizeBytes += Buffer.byteLength(entry.linkName);
        break;
      case 'char':
      case 'block':
      case 'fifo':
        // Nobody but real root makes devices; an image goes without (moby pkg/archive does the same).
        if (isInUserNamespace && entry.type !== 'fifo') return undefined;
        makeNode(path, entry.type, { mode: entry.mode, major: entry.major, minor: entry.minor });
        break;
    }
    this.#finishNode(path, entry);
    return undefined;
  }

  #finishNode(path: string, entry: TarEntry): void {
    this.#applyMetadata(path, entry);
    setEntryTimes(path, entry);
  }

  #applyMetadata(path: string, entry: TarEntry): void {
    lchownSync(path, entry.uid, entry.gid);
    if (entry.type !== 'symlink') chmodSync(path, entry.mode);
    for (const [name, value] of entry.xattrs) setXattrIfKept(path, name, value);
  }

  #checkSymlink(path: string, entry: TarEntry): void {
    const target = posix.join(posix.dirname(path), entry.linkName);
    if (!isInside(this.#root, target))
      throw new BreakoutError(`invalid symlink "${path}" -> "${entry.linkName}"`);
  }

  #hardlinkTarget(entry: TarEntry): string {
    const lexical = posix.join(this.#root, entry.linkName);
    if (!isInside(this.#root, lexical))
      throw new BreakoutError(`invalid hardlink "${lexical}" -> "${entry.linkName}"`);
    const name = posix.normalize(`/${entry.linkName}`);
    return posix.join(this.#directory(posix.dirname(name)), posix.basename(name));
  }

  /** Removes what stands in an entry's place, unless a directory meets a directory. */
  #clear(path: string, entry: TarEntry): void {
    const present = lstatIfPresent(path);
    if (!present) return;
    if (present.isDirectory() && entry.type === 'directory') return;
    this.#remove(path, present);
  }

  #remove(path: string, stat: Stats): void {
    if (this.#written.has(path)) this.#replace(path, stat);
    if (stat.isDirectory()) this.#replaceBelow(path);
    // A directory or link that goes may have been the way to others.
    if (stat.isDirectory() || stat.isSymbolicLink()) this.#directories.clear();
    rmSync(path, { recursive: true, force: true });
    for (const known of this.#directoryTimes.keys()) {
      if (known === path || known.startsWith(`${path}/`)) this.#directoryTimes.delete(known);
    }
  }

  /** The files of this archive in a directory that goes. */
  #replaceBelow(directory: string): void {
    for (const path of this.#written) {
      if (!path.startsWith(`${directory}/`)) continue;
      const stat = lstatIfPresent(path);
      if (stat) this.#replace(path, stat);
      this.#written.delete(path);
    }
  }

  #replace(path: string, stat: Stats): void {
    if (stat.isFile()) this.onReplace(path);
    if (!stat.isDirectory() && stat.nlink === 1) this.sizeBytes -= stat.size;
  }

  #whiteout(directoryName: string, base: string): void {
    const directory = this.#directory(directoryName);
    if (base === WHITEOUT_OPAQUE) {
      this.#makeOpaque(directory);
      return;
    }
    const name = base.slice(WHITEOUT_PREFIX.length);
    if (name === '' || name === '.' || name === '..')
      throw new BreakoutError(`invalid whiteout "${directoryName}/${base}"`);
    const path = posix.join(directory, name);
    const present = lstatIfPresent(path);
    if (present) this.#remove(path, present);
    if (this.#whiteouts === 'overlay') makeWhiteout(path);
  }

  #makeOpaque(directory: string): void {
    if (this.#whiteouts === 'overlay') {
      setXattr(directory, OPAQUE_XATTR, Buffer.from('y'));
      return;
    }
    const kept = this.#writtenBelow(directory);
    for (const name of readdirSync(directory)) this.#removeOlder(posix.join(directory, name), kept);
  }

  /** What this archive wrote below a directory, with the directories on the way. */
  #writtenBelow(directory: string): ReadonlySet<string> {
    const kept = new Set<string>();
    for (const written of this.#written) {
      let path = written;
      while (path.startsWith(`${directory}/`) && !kept.has(path)) {
        kept.add(path);
        path = posix.dirname(path);
      }
    }
    return kept;
  }

  /** Removes what is older than this archive; a written directory keeps what was written in it. */
  #removeOlder(path: string, kept: ReadonlySet<string>): void {
    const stat = lstatSync(path);
    if (!kept.has(path)) this.#remove(path, stat);
    else if (stat.isDirectory())
      for (const name of readdirSync(path)) this.#removeOlder(posix.join(path, name), kept);
  }

  /** The real directory for a path inside; missing ones are made, symlinks followed within the root. */
  #directory(name: string): string {
    const known = this.#directories.get(name);
    if (known !== undefined) return known;
    const found = this.#walk(name);
    this.#directories.set(name, found);
    return found;
  }

  #walk(name: string): string {
    const pending = name.split('/').filter(Boolean);
    let walked: string[] = [];
    let links = 0;
    while (pending.length > 0) {
      const part = pending.shift() ?? '';
      if (part === '..') {
        walked.pop();
        continue;
      }
      const path = posix.join(this.#root, ...walked, part);
      const stat = lstatIfPresent(path);
      if (stat?.isSymbolicLink()) {
        if (++links > MAX_SYMLINKS) throw new BreakoutError(`too many symbolic links in "${name}"`);
        const target = readlinkSync(path);
        if (target.startsWith('/')) walked = [];
        pending.unshift(...target.split('/').filter((one) => one !== '' && one !== '.'));
        continue;
      }
      if (!stat) mkdirSync(path, { mode: 0o755 });
      else if (!stat.isDirectory()) throw new BreakoutError(`"${path}" is not a directory`);
      walked.push(part);
    }
    return posix.join(this.#root, ...walked);
  }
}

function writeAll(fd: number, bytes: Buffer): void {
  let at = 0;
  while (at < bytes.length) at += writeSync(fd, bytes, at);
}

function openFile(path: string, entry: TarEntry): OpenFile {
  const fd = openSync(path, 'wx', 0o600);
  if (!entry.sparse) return { fd, path, entry };
  const sparse = new SparsePieces(entry.sparse, (bytes, position) => {
    let at = 0;
    while (at < bytes.length) at += writeSync(fd, bytes, at, bytes.length - at, position + at);
  });
  return { fd, path, entry, sparse };
}

/** The last second Go can tell in nanoseconds. */
const LAST_SECOND = 9_223_372_036;

/** Times before 1970 and beyond the last count as 1970, but for symlinks (moby pkg/system Chtimes). */
function setEntryTimes(path: string, entry: TarEntry): void {
  const { mtimeSeconds: seconds, mtimeNanoseconds } = entry;
  const isBound = entry.type === 'symlink' || (seconds >= 0 && seconds < LAST_SECOND);
  if (isBound) setTimes(path, seconds, mtimeNanoseconds);
  else setTimes(path, 0, 0);
}

const isInside = (root: string, path: string): boolean =>
  path === root || path.startsWith(`${root}/`);

/** Overlay's own attributes in an archive could forge whiteouts and redirects; they are left out. */
function setXattrIfKept(path: string, name: string, value: Buffer): void {
  if (name.startsWith('trusted.overlay.') || name.startsWith('user.overlay.')) return;
  try {
    setXattr(path, name, value);
  } catch (error) {
    // The file system keeps none of this kind; moby goes on as well.
    if (!hasErrno(error, 'EOPNOTSUPP', 'ENOTSUP', 'EPERM')) throw error;
  }
}

function lstatIfPresent(path: string): Stats | undefined {
  return lstatSync(path, { throwIfNoEntry: false });
}
