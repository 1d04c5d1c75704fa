/**
 * Where a path leads in the root the thread is in, symbolic links followed. What does not exist is taken as
 * it is written (moby pkg/symlink evalSymlinksInScope).
 */
import { lstatSync, readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { nativePath } from './byte-path.ts';
import { hasErrno } from './libc.ts';

const MAX_SYMLINKS = 255;

/** A byte path, absolute and clean, without links as far as it exists. Throws on more than 255 links and on a file in the way. */
export function followLinks(path: string): string {
  const pending = posix.normalize(`/${path}`).split('/').filter(Boolean);
  let walked: string[] = [];
  let links = 0;
  for (let name = pending.shift(); name !== undefined; name = pending.shift()) {
    if (name === '..') {
      walked.pop();
      continue;
    }
    const target = linkTarget(`/${[...walked, name].join('/')}`);
    if (target === undefined) {
      walked.push(name);
      continue;
    }
    if (++links > MAX_SYMLINKS) throw new Error(`evalSymlinksInScope: too many links in ${path}`);
    if (target.startsWith('/')) walked = [];
    pending.unshift(...target.split('/').filter((part) => part !== '' && part !== '.'));
  }
  return `/${walked.join('/')}`;
}

/** undefined when it is no link, or is not there. */
function linkTarget(path: string): string | undefined {
  try {
    if (!lstatSync(nativePath(path)).isSymbolicLink()) return undefined;
    return readlinkSync(nativePath(path), 'latin1');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
