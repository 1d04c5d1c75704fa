/** A directory of the root the thread is in, for a person who looks around: its entries, and their removal. */
import { lstatSync, readdirSync, rmSync, statSync } from 'node:fs';
import { posix } from 'node:path';
import type { DirectoryEntry, DirectoryListing } from '../../../shared/engine/windlass-api.ts';
import { bytePath, nativePath, textOfPath } from '../platform/byte-path.ts';
import { followLinks } from '../platform/follow-links.ts';
import type { RootMount } from '../platform/inside-root.ts';
import type { WriteRules } from './archive-jobs.ts';
import { asPathError } from './go-error.ts';
import { isInside, placeOf, readLinkText, requireWritable } from './place.ts';

/** More rows than a person reads; a directory of a million must not fill the answer. */
const MOST_ENTRIES = 5_000;

/** The entries of a directory by name, links followed to it. Throws when it is none. */
export function listDirectory(text: string): DirectoryListing {
  const path = followLinks(bytePath(text));
  const names = asPathError('readdir', path, () => readdirSync(nativePath(path), 'latin1'));
  const shown = names.sort().slice(0, MOST_ENTRIES);
  const base = path === '/' ? '' : path;
  return {
    entries: shown.flatMap((name) => entryOf(`${base}/${name}`) ?? []),
    total: names.length,
  };
}

/** Undefined when it went meanwhile. */
function entryOf(path: string): DirectoryEntry | undefined {
  const stat = lstatSync(nativePath(path), { throwIfNoEntry: false });
  if (!stat) return undefined;
  return {
    name: textOfPath(posix.basename(path)),
    size: stat.size,
    mode: stat.mode,
    uid: stat.uid,
    gid: stat.gid,
    modifiedMs: stat.mtimeMs,
    isDirectory: stat.isSymbolicLink() ? leadsToDirectory(path) : stat.isDirectory(),
    ...(stat.isSymbolicLink() && { linkTarget: readLinkText(path) }),
  };
}

function leadsToDirectory(path: string): boolean {
  try {
    return statSync(nativePath(path)).isDirectory();
  } catch {
    // It leads nowhere, or in a circle.
    return false;
  }
}

/** Removes a path and all below it; a link, not what it leads to. Throws for the root and where something is mounted. */
export function removePath(
  text: string,
  rules: WriteRules,
  mounts: readonly Pick<RootMount, 'destination'>[],
): void {
  const path = posix.normalize(placeOf(text).path).replace(/\/$/, '');
  if (path === '') throw new Error('the root of a container cannot be removed');
  const mounted = mounts.find(({ destination }) => isInside(path, bytePath(destination)));
  if (mounted) throw new Error(`${text} holds what is mounted at ${mounted.destination}`);
  requireWritable(posix.dirname(path), rules);
  asPathError('lstat', path, () => lstatSync(nativePath(path)));
  asPathError('unlinkat', path, () => rmSync(nativePath(path), { recursive: true }));
}
