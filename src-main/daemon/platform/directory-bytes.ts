/** Bytes of what is below a directory, symlinks' targets too, hard links counted once (moby pkg/directory). */
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hasErrno } from './libc.ts';

export async function directoryBytes(root: string): Promise<number> {
  const seen = new Set<number>();
  const sizeOf = async (directory: string): Promise<number> => {
    let total = 0;
    for (const entry of await readdir(directory, { withFileTypes: true })) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) total += await sizeOf(path);
      else total += await fileSize(path, seen);
    }
    return total;
  };
  return sizeOf(root);
}

async function fileSize(path: string, seen: Set<number>): Promise<number> {
  try {
    const stat = await lstat(path);
    if (stat.nlink > 1 && seen.has(stat.ino)) return 0;
    seen.add(stat.ino);
    return stat.size;
  } catch (error) {
    // A running container deleted it meanwhile.
    if (hasErrno(error, 'ENOENT')) return 0;
    throw error;
  }
}
