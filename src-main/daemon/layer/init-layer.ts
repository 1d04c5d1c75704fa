/**
 * The init layer: mount points every container needs, between the image and its read-write layer, so that
 * they never show as changes (moby daemon/initlayer/setup_unix.go).
 */
import { closeSync, lstatSync, mkdirSync, openSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';

const DIRECTORIES = ['dev/pts', 'dev/shm', 'proc', 'sys'];
const FILES = ['.dockerenv', 'etc/resolv.conf', 'etc/hosts', 'etc/hostname', 'dev/console'];
const MTAB = 'etc/mtab';

/** Makes what is missing below the mounted root. What the image has stays; a symlinked parent is not followed out. */
export function setUpInitLayer(root: string): void {
  for (const path of DIRECTORIES) ensureDirectory(root, path);
  for (const path of FILES) {
    if (exists(join(root, path)) || !ensureDirectory(root, dirname(path))) continue;
    closeSync(openSync(join(root, path), 'wx', 0o755));
  }
  if (!exists(join(root, MTAB)) && ensureDirectory(root, dirname(MTAB)))
    symlinkSync('/proc/mounts', join(root, MTAB));
}

const exists = (path: string): boolean => lstatSync(path, { throwIfNoEntry: false }) !== undefined;

/** False when a part of the path is something else than a directory, such as a symlink to elsewhere. */
function ensureDirectory(root: string, path: string): boolean {
  let current = root;
  for (const part of path === '.' ? [] : path.split('/')) {
    current = join(current, part);
    const stat = lstatSync(current, { throwIfNoEntry: false });
    if (!stat) mkdirSync(current, { mode: 0o755 });
    else if (!stat.isDirectory()) return false;
  }
  return true;
}
