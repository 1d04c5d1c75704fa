/**
 * Where a path asked for lies in the root the thread is in (moby container/archive.go ResolvePath, StatPath).
 * The host's root is put before paths in messages, as Docker does.
 */
import { type BigIntStats, lstatSync, readlinkSync } from 'node:fs';
import { posix } from 'node:path';
import { bytePath, nativePath, textOfPath } from '../platform/byte-path.ts';
import { followLinks } from '../platform/follow-links.ts';
import type { PathStat, WriteRules } from './archive-jobs.ts';
import { asPathError } from './go-error.ts';

export interface Place {
  /** Byte path; a final slash or `/.` is kept, so that only a directory will do. */
  readonly path: string;
  /** As asked, absolute. */
  readonly asked: string;
}

const endsInDot = (path: string): boolean => /(^|\/)\.\/*$/.test(path);

/** The asked path made absolute and clean; a final `/` or `/.` stays. */
function absolute(path: string): string {
  const clean = posix.normalize(`/${path}`).replace(/(?<=.)\/$/, '');
  if (endsInDot(path)) return clean.endsWith('/') ? `${clean}.` : `${clean}/.`;
  return path.endsWith('/') && !clean.endsWith('/') ? `${clean}/` : clean;
}

/** Links are followed but for the last part. */
export function placeOf(text: string): Place {
  const asked = absolute(bytePath(text));
  const at = asked.lastIndexOf('/');
  const directory = followLinks(asked.slice(0, at));
  return { path: `${directory === '/' ? '' : directory}/${asked.slice(at + 1)}`, asked };
}

/** Last part of a path without final slashes; "." stays. */
export function baseName(path: string): string {
  return posix.basename(path) || '/';
}

export function lstatPlace(root: string, path: string): BigIntStats {
  return asPathError('lstat', `${bytePath(root)}${path}`, () => {
    const options = { bigint: true } as const;
    return lstatSync(nativePath(path), options);
  });
}

export function statOf(root: string, { path, asked }: Place): PathStat {
  const stat = lstatPlace(root, path);
  return {
    name: textOfPath(baseName(asked)),
    size: Number(stat.size),
    mode: goMode(Number(stat.mode)),
    mtime: goTime(stat.mtimeNs),
    linkTarget: stat.isSymbolicLink() ? textOfPath(followLinks(asked)) : '',
  };
}

const GO_TYPES: Readonly<Record<number, number>> = {
  0o040000: 2 ** 31,
  0o120000: 2 ** 27,
  0o060000: 2 ** 26,
  0o010000: 2 ** 25,
  0o140000: 2 ** 24,
  0o020000: 2 ** 26 + 2 ** 21,
};

/** st_mode as Go's os.FileMode. */
export function goMode(mode: number): number {
  const type = GO_TYPES[mode & 0o170000] ?? 0;
  const bit = (flag: number, value: number): number => (mode & flag ? value : 0);
  return type + bit(0o4000, 2 ** 23) + bit(0o2000, 2 ** 22) + bit(0o1000, 2 ** 20) + (mode & 0o777);
}

/** RFC 3339 with the nanoseconds that are not zero. */
function goTime(nanoseconds: bigint): string {
  const billion = 1_000_000_000n;
  const rest = ((nanoseconds % billion) + billion) % billion;
  const seconds = (nanoseconds - rest) / billion;
  const fraction = String(rest).padStart(9, '0').replace(/0+$/, '');
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${whole}${fraction === '' ? '' : `.${fraction}`}Z`;
}

/** The directory to unpack into, all links followed. Throws when it is none or may not be written. */
export function writablePlace(root: string, text: string, rules: WriteRules): string {
  const path = followLinks(absolute(bytePath(text)));
  if (!lstatPlace(root, path).isDirectory()) throw new Error('extraction point is not a directory');
  requireWritable(path, rules);
  return path;
}

/** Throws when nothing may be written into the directory. */
export function requireWritable(path: string, rules: WriteRules): void {
  const volume = rules.volumes.find(({ destination }) => isInside(bytePath(destination), path));
  if (volume?.isReadOnly) throw new Error('mounted volume is marked read-only');
  if (!volume && rules.isRootReadOnly) throw new Error('container rootfs is marked read-only');
}

/** Where a link leads, as it is written. */
export const readLinkText = (path: string): string =>
  textOfPath(readlinkSync(nativePath(path), 'latin1'));

export const isInside = (directory: string, path: string): boolean =>
  path === directory || path.startsWith(directory.endsWith('/') ? directory : `${directory}/`);
