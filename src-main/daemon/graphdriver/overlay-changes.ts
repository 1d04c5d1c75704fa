/** What an overlay's upper directory changed against the directories below it (moby pkg/archive/changes_linux.go). */
import { lstatSync, type Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { LayerChange } from '../layer/layer-store.ts';
import { hasErrno } from '../platform/libc.ts';
import { getXattr } from '../platform/xattr.ts';

const OPAQUE_XATTR = 'trusted.overlay.opaque';
export const OPAQUE_FILE = '.wh..wh..opq';

/** fuse-overlayfs marks opaque directories with an entry as well. */
export const isOpaqueMark = (name: string): boolean => name === OPAQUE_FILE || name === '.wh..opq';

const isWhiteout = (stat: Stats): boolean => stat.isCharacterDevice() && stat.rdev === 0;

export const isOpaque = (directory: string): boolean =>
  getXattr(directory, OPAQUE_XATTR)?.toString() === 'y';

function existsBelow(lowers: readonly string[], path: string): boolean {
  for (const lower of lowers) {
    try {
      return !isWhiteout(lstatSync(join(lower, path)));
    } catch (error) {
      if (!hasErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    }
  }
  return false;
}

/** Changes sorted by path. A directory copied up only because of what is in it counts as modified, as Docker has it. */
export async function overlayChanges(
  upper: string,
  lowers: readonly string[],
): Promise<readonly LayerChange[]> {
  const changes: LayerChange[] = [];
  const walk = async (path: string): Promise<void> => {
    for (const name of await readdir(join(upper, path))) {
      if (isOpaqueMark(name)) continue;
      const inside = `${path}/${name}`;
      const stat = await lstat(join(upper, inside));
      if (isWhiteout(stat)) {
        changes.push({ path: inside, kind: 2 });
        continue;
      }
      changes.push({ path: inside, kind: existsBelow(lowers, inside) ? 0 : 1 });
      if (stat.isDirectory()) await walk(inside);
    }
  };
  await walk('');
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}
