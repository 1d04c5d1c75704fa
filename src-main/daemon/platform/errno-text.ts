/** What the C library says of an errno, as Go's messages end (strerror(3)). */
import { getSystemErrorMap } from 'node:util';

const GO_WORDS: Readonly<Record<string, string>> = {
  EACCES: 'permission denied',
  EBUSY: 'device or resource busy',
  EDQUOT: 'disk quota exceeded',
  EEXIST: 'file exists',
  EINVAL: 'invalid argument',
  EIO: 'input/output error',
  EISDIR: 'is a directory',
  ELOOP: 'too many levels of symbolic links',
  EMLINK: 'too many links',
  ENAMETOOLONG: 'file name too long',
  ENOENT: 'no such file or directory',
  ENOSPC: 'no space left on device',
  ENOTDIR: 'not a directory',
  ENOTEMPTY: 'directory not empty',
  EOPNOTSUPP: 'operation not supported',
  EPERM: 'operation not permitted',
  EPIPE: 'broken pipe',
  EROFS: 'read-only file system',
  EXDEV: 'invalid cross-device link',
};

/** The text for an errno name ("ENOENT"); the name itself when nothing is known. */
export function errnoText(code: string): string {
  const known = GO_WORDS[code];
  if (known !== undefined) return known;
  const found = [...getSystemErrorMap().values()].find(([name]) => name === code);
  return found?.[1] ?? code;
}
