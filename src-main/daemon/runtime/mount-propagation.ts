/** What `shared` and `slave` bind mounts need of the host and of the root (moby daemon/oci_linux.go withMounts). */
import { readFileSync, realpathSync } from 'node:fs';
import { internal } from '../../../shared/errors.ts';
import type { ResolvedMount } from './oci-mounts.ts';

interface MountRow {
  readonly mountPoint: string;
  /** `shared:1 master:2` and the like. */
  readonly optional: string;
}

function mountRows(): readonly MountRow[] {
  const rows = readFileSync('/proc/self/mountinfo', 'utf8').trim().split('\n');
  return rows.map((row) => {
    const [head = ''] = row.split(' - ');
    const fields = head.split(' ');
    const mountPoint = (fields[4] ?? '').replace(/\\([0-7]{3})/g, (_, octal: string) =>
      String.fromCharCode(Number.parseInt(octal, 8)),
    );
    return { mountPoint, optional: fields.slice(6).join(' ') };
  });
}

const holds = (mountPoint: string, path: string): boolean =>
  mountPoint === '/' || path === mountPoint || path.startsWith(`${mountPoint}/`);

/** The mount a path lies on. */
function mountOf(path: string): MountRow {
  const real = realpathSync(path);
  const rows = mountRows().filter(({ mountPoint }) => holds(mountPoint, real));
  // The deepest; of several on one place, the last is on top.
  const row = rows.reduce<MountRow | undefined>(
    (best, one) => (!best || one.mountPoint.length >= best.mountPoint.length ? one : best),
    undefined,
  );
  if (!row) throw internal(`Can't find mount point of ${path}`);
  return row;
}

function requireShared(source: string, allowed: readonly string[], what: string): void {
  const { mountPoint, optional } = mountOf(source);
  if (optional.split(' ').some((word) => allowed.some((prefix) => word.startsWith(prefix)))) return;
  throw internal(`path ${source} is mounted on ${mountPoint} but it is not a ${what} mount`);
}

/**
 * Propagation the root needs so that the mounts' own works; undefined = the runtime's default.
 * Throws when a source's mount does not propagate at all.
 */
export function rootPropagation(mounts: readonly ResolvedMount[]): string | undefined {
  let wanted: string | undefined;
  for (const { propagation, source } of mounts) {
    if (propagation === 'shared' || propagation === 'rshared') {
      requireShared(source, ['shared:'], 'shared');
      wanted = 'shared';
    } else if (propagation === 'slave' || propagation === 'rslave') {
      requireShared(source, ['shared:', 'master:'], 'shared or slave');
      wanted ??= 'rslave';
    }
  }
  return wanted;
}
