/** Everything that can be told of a file tree, for comparing two of them. */
import { createHash } from 'node:crypto';
import { lstatSync, readdirSync, readFileSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { getXattr, listXattrs } from '../../src-main/daemon/platform/xattr.ts';

/** Path → what it is. Hard links are named by the first path of their kind; overlay's own attributes are left out. */
export function treeFacts(root: string): Readonly<Record<string, string>> {
  const facts: Record<string, string> = {};
  const first = new Map<bigint, string>();
  const walk = (inside: string): void => {
    for (const name of readdirSync(join(root, inside)).sort()) {
      const path = `${inside}/${name}`;
      const host = join(root, path);
      const stat = lstatSync(host, { bigint: true, throwIfNoEntry: false });
      // A whiteout with nothing below it is listed by the kernel, and is not there.
      if (!stat) continue;
      const twin = stat.isDirectory() ? undefined : first.get(stat.ino);
      first.set(stat.ino, twin ?? path);
      facts[path] = [
        stat.mode.toString(8),
        `${stat.uid}:${stat.gid}`,
        stat.mtimeNs,
        stat.rdev,
        twin ?? '',
        ...listXattrs(host)
          .filter((name) => !name.startsWith('trusted.overlay.'))
          .sort()
          .map((name) => `${name}=${getXattr(host, name)?.toString('hex')}`),
        stat.isFile() ? createHash('sha256').update(readFileSync(host)).digest('hex') : '',
        stat.isSymbolicLink() ? readlinkSync(host) : '',
      ].join(' ');
      if (stat.isDirectory()) walk(path);
    }
  };
  walk('');
  return facts;
}
