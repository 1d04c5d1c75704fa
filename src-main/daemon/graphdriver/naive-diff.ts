/** What layers of whole trees changed against their parents' trees (moby daemon/graphdriver/fsdiff.go). */
import { lstat } from 'node:fs/promises';
import { join } from 'node:path';
import { directoryBytes } from '../platform/directory-bytes.ts';
import { hasErrno } from '../platform/libc.ts';
import { compareTrees } from './compare-trees.ts';

/** Bytes of what is new or changed, symlinks' targets too, hard links counted once. */
export async function treeDiffSize(tree: string, parent: string | undefined): Promise<number> {
  if (parent === undefined) return directoryBytes(tree);
  const seen = new Set<number>();
  let bytes = 0;
  for (const { path, kind } of await compareTrees(tree, parent)) {
    if (kind !== 2) bytes += await fileBytes(join(tree, path), seen);
  }
  return bytes;
}

async function fileBytes(path: string, seen: Set<number>): Promise<number> {
  try {
    const stat = await lstat(path);
    if (stat.isDirectory() || (stat.nlink > 1 && seen.has(stat.ino))) return 0;
    seen.add(stat.ino);
    return stat.size;
  } catch (error) {
    // A running container deleted it meanwhile.
    if (hasErrno(error, 'ENOENT')) return 0;
    throw error;
  }
}
