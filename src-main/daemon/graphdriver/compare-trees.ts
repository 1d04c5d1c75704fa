/** What one tree changed against another, by looking at both (moby pkg/archive/changes_other.go). */
import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { LayerChange } from '../layer/layer-store.ts';
import { hasErrno } from '../platform/libc.ts';

async function statOf(path: string): Promise<Stats | undefined> {
  try {
    return await lstat(path);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return undefined;
    throw error;
  }
}

/** Same owner, mode, type, and for what is no directory same time and size. */
const isSame = (a: Stats, b: Stats): boolean =>
  a.mode === b.mode &&
  a.uid === b.uid &&
  a.gid === b.gid &&
  a.rdev === b.rdev &&
  (a.isDirectory() || (Math.floor(a.mtimeMs) === Math.floor(b.mtimeMs) && a.size === b.size));

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return [];
    throw error;
  }
}

/** Changes sorted by path; a directory in which something changed counts as modified. */
export async function compareTrees(
  newer: string,
  older: string | undefined,
): Promise<readonly LayerChange[]> {
  const changes: LayerChange[] = [];
  /** Answers whether anything below changed. */
  const walk = async (path: string): Promise<boolean> => {
    const inNew = new Set(await namesIn(join(newer, path)));
    const inOld = older === undefined ? [] : await namesIn(join(older, path));
    const before = changes.length;
    for (const name of inOld) {
      if (!inNew.has(name)) changes.push({ path: `${path}/${name}`, kind: 2 });
    }
    for (const name of inNew) await compareOne(`${path}/${name}`);
    return changes.length > before;
  };
  const compareOne = async (path: string): Promise<void> => {
    const now = await statOf(join(newer, path));
    const then = older === undefined ? undefined : await statOf(join(older, path));
    if (!now) return;
    const below = now.isDirectory() ? await walk(path) : false;
    if (!then) changes.push({ path, kind: 1 });
    else if (below || !isSame(now, then)) changes.push({ path, kind: 0 });
  };
  await walk('');
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}
