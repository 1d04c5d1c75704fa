/** A file as an entry of a tar: what the header says of it, and its content. Synchronous, for worker threads. */
import { type BigIntStats, closeSync, constants, openSync, readlinkSync, readSync } from 'node:fs';
import { cPath, nativePath } from '../platform/byte-path.ts';
import { deviceNumbers } from '../platform/device.ts';
import { hasErrno } from '../platform/libc.ts';
import { getXattr, listXattrs } from '../platform/xattr.ts';
import type { TarEntry } from './tar-reader.ts';
import { padding } from './tar-writer.ts';

const CHUNK_BYTES = 256 * 1024;
const NO_XATTRS: ReadonlyMap<string, Buffer> = new Map();

/** Path and name are byte paths. Throws what readlink does. */
export function entryOf(path: string, name: string, stat: BigIntStats): TarEntry {
  const type = typeOf(stat);
  const isDevice = type === 'char' || type === 'block';
  return {
    name,
    type,
    mode: Number(stat.mode) & 0o7777,
    uid: Number(stat.uid),
    gid: Number(stat.gid),
    size: type === 'file' ? Number(stat.size) : 0,
    mtimeSeconds: Number(stat.mtimeNs / 1_000_000_000n),
    mtimeNanoseconds: 0,
    linkName: type === 'symlink' ? readlinkSync(nativePath(path), 'latin1') : '',
    ...(isDevice ? deviceNumbers(Number(stat.rdev)) : { major: 0, minor: 0 }),
    xattrs: keptXattrs(path),
  };
}

function typeOf(stat: BigIntStats): TarEntry['type'] {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  if (stat.isSymbolicLink()) return 'symlink';
  if (stat.isFIFO()) return 'fifo';
  return stat.isBlockDevice() ? 'block' : 'char';
}

/** Attributes that belong to the files, not to an overlay's bookkeeping or this machine. */
function keptXattrs(path: string): ReadonlyMap<string, Buffer> {
  try {
    const names = listXattrs(cPath(path)).filter(
      (name) =>
        name === 'security.capability' ||
        (name.startsWith('user.') && !/^user\.(overlay|fuseoverlayfs)\./.test(name)),
    );
    if (names.length === 0) return NO_XATTRS;
    return new Map(names.map((name) => [name, getXattr(cPath(path), name) ?? Buffer.alloc(0)]));
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'EACCES', 'EPERM')) return NO_XATTRS;
    throw error;
  }
}

/** An open file's bytes, each piece gone when the next is asked for. */
interface FileContent extends Iterable<Buffer>, Disposable {}

/**
 * Opens a regular file; its content as long as the header says, then the padding: a file that shrinks is filled
 * up, one that grows is cut. Throws what open does.
 */
export function contentOf(path: string, size: number): FileContent {
  const flags = constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK;
  const fd = openSync(nativePath(path), flags);
  return {
    [Symbol.iterator]: () => piecesOf(fd, size),
    [Symbol.dispose]: () => closeSync(fd),
  };
}

function* piecesOf(fd: number, size: number): Generator<Buffer> {
  const buffer = Buffer.allocUnsafe(Math.min(size, CHUNK_BYTES));
  let left = size;
  while (left > 0) {
    const room = buffer.subarray(0, Math.min(left, CHUNK_BYTES));
    const length = readOrEnd(fd, room);
    if (length === 0) break;
    yield room.subarray(0, length);
    left -= length;
  }
  for (; left > 0; left -= CHUNK_BYTES) yield Buffer.alloc(Math.min(left, CHUNK_BYTES));
  yield padding(size);
}

/** What cannot be read reads as its end. */
function readOrEnd(fd: number, room: Buffer): number {
  try {
    return readSync(fd, room);
  } catch (error) {
    if (error instanceof Error && 'code' in error) return 0;
    throw error;
  }
}
