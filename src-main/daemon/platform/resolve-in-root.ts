/**
 * Resolves a container's path inside its root file system: symlinks are followed as the container
 * would follow them, `..` never leaves the root (moby pkg/symlink FollowSymlinkInScope).
 * The root must not be changed by a hostile process meanwhile; callers that write hold it unmounted
 * or paused, or use descriptors.
 */
import { lstat, readlink } from 'node:fs/promises';
import { join, posix } from 'node:path';
import { hasErrno } from './libc.ts';

const MAX_SYMLINKS = 255;

export interface ResolvedPath {
  /** Path on the host. For a missing one: where it would be. */
  readonly path: string;
  readonly kind: 'file' | 'directory' | 'other' | 'missing';
}

/** `followLast: false` answers a symlink itself (kind `other`). Throws on more than 255 links. */
export async function resolveInRoot(
  root: string,
  path: string,
  options: { readonly followLast?: boolean } = {},
): Promise<ResolvedPath> {
  const pending = posix.normalize(`/${path}`).split('/').filter(Boolean);
  const walked: string[] = [];
  let links = 0;
  let kind: ResolvedPath['kind'] = 'directory';
  while (pending.length > 0) {
    const name = pending.shift() ?? '';
    if (name === '..') {
      walked.pop();
      kind = 'directory';
      continue;
    }
    walked.push(name);
    const host = join(root, ...walked);
    const stat = await lstatIfPresent(host);
    if (!stat) return { path: join(host, ...pending), kind: 'missing' };
    const isLastKept = pending.length === 0 && options.followLast === false;
    if (stat.isSymbolicLink() && !isLastKept) {
      if (++links > MAX_SYMLINKS) throw new Error(`too many symbolic links in ${path}`);
      const target = await readlink(host);
      walked.pop();
      if (target.startsWith('/')) walked.length = 0;
      pending.unshift(...target.split('/').filter((part) => part !== '' && part !== '.'));
      kind = 'directory';
      continue;
    }
    kind = stat.isDirectory() ? 'directory' : stat.isFile() ? 'file' : 'other';
  }
  return { path: join(root, ...walked), kind };
}

async function lstatIfPresent(
  path: string,
): Promise<Awaited<ReturnType<typeof lstat>> | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}
