/** What an overlay's upper directory changed against the directories below it (moby pkg/archive/changes_linux.go). */
import type { Stats } from 'node:fs';
import { lstat, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import type { LayerChange } from '../layer/layer-store.ts';
import type { LibcPath } from '../platform/byte-path.ts';
import { OPAQUE_XATTR } from '../platform/user-namespace.ts';
import { getXattr } from '../platform/xattr.ts';

export const OPAQUE_FILE = '.wh..wh..opq';

/** fuse-overlayfs marks opaque directories with an entry as well. */
export const isOpaqueMark = (name: string): boolean => name === OPAQUE_FILE || name === '.wh..opq';

const isWhiteout = (stat: Stats): boolean => stat.isCharacterDevice() && stat.rdev === 0;

export const isOpaque = (directory: LibcPath): boolean =>
  getXattr(directory, OPAQUE_XATTR)?.toString() === 'y';

/** Entries of a directory as the layers below show it: name → the directories it is made of, none for a file. */
type Below = ReadonlyMap<string, readonly string[]>;

/** Merges what the directories, topmost first, have under one name, as overlay does. */
async function mergeBelow(directories: readonly string[]): Promise<Below> {
  const merged = new Map<string, string[]>();
  /** Names that lower directories add nothing to any more. */
  const settled = new Set<string>();
  for (const directory of directories) {
    for (const name of await readdir(directory)) {
      if (settled.has(name) || isOpaqueMark(name)) continue;
      const path = join(directory, name);
      const stat = await lstat(path);
      const known = merged.get(name);
      if (!stat.isDirectory() || isOpaque(path)) settled.add(name);
      if (isWhiteout(stat)) continue;
      if (stat.isDirectory()) merged.set(name, [...(known ?? []), path]);
      else if (!known) merged.set(name, []);
    }
  }
  return merged;
}

/** Changes sorted by path. A directory copied up only because of what is in it counts as modified, as Docker has it. */
export async function overlayChanges(
  upper: string,
  lowers: readonly string[],
): Promise<readonly LayerChange[]> {
  const changes: LayerChange[] = [];
  const walk = async (path: string, directories: readonly string[]): Promise<void> => {
    const names = (await readdir(join(upper, path))).filter((name) => !isOpaqueMark(name));
    const below = await mergeBelow(directories);
    if (path !== '' && isOpaque(join(upper, path))) {
      for (const name of below.keys())
        if (!names.includes(name)) changes.push({ path: `${path}/${name}`, kind: 2 });
    }
    for (const name of names) {
      const inside = `${path}/${name}`;
      const stat = await lstat(join(upper, inside));
      const under = below.get(name);
      if (isWhiteout(stat)) {
        if (under) changes.push({ path: inside, kind: 2 });
        continue;
      }
      changes.push({ path: inside, kind: under ? 0 : 1 });
      if (stat.isDirectory()) await walk(inside, under ?? []);
    }
  };
  await walk('', lowers);
  return changes.sort((a, b) => (a.path < b.path ? -1 : 1));
}
