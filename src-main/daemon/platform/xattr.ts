/** Extended attributes, never following a symlink (lsetxattr(2) and companions). */
import { type LibcPath, shownPath } from './byte-path.ts';
import { checked, hasErrno, libcFunction } from './libc.ts';

const setC = libcFunction(
  'int lsetxattr(const char *path, const char *name, const void *value, size_t size, int flags)',
);
const getC = libcFunction(
  'int64 lgetxattr(const char *path, const char *name, void *value, size_t size)',
);
const listC = libcFunction('int64 llistxattr(const char *path, void *list, size_t size)');
const MAX_BYTES = 64 * 1024;
const scratch = Buffer.alloc(MAX_BYTES);

export function setXattr(path: LibcPath, name: string, value: Uint8Array): void {
  checked('lsetxattr', `${name} of ${shownPath(path)}`, setC, path, name, value, value.length, 0);
}

/** The value; undefined when it has none, or the file system keeps none. */
export function getXattr(path: LibcPath, name: string): Buffer | undefined {
  try {
    const size = checked('lgetxattr', shownPath(path), getC, path, name, scratch, MAX_BYTES);
    return Buffer.from(scratch.subarray(0, size));
  } catch (error) {
    if (hasErrno(error, 'ENODATA', 'EOPNOTSUPP', 'ENOTSUP')) return undefined;
    throw error;
  }
}

export function listXattrs(path: LibcPath): readonly string[] {
  try {
    const size = checked('llistxattr', shownPath(path), listC, path, scratch, MAX_BYTES);
    return scratch.toString('utf8', 0, size).split('\0').filter(Boolean);
  } catch (error) {
    if (hasErrno(error, 'EOPNOTSUPP', 'ENOTSUP')) return [];
    throw error;
  }
}
