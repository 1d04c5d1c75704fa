/** What a container's spec must leave out when the daemon is root in its user namespace only (moby rootless/specconv). */
import { readFileSync } from 'node:fs';
import type { OciSpec } from './oci-types.ts';

const ownOomScore = (): number => Number(readFileSync('/proc/self/oom_score_adj', 'utf8'));

/**
 * No cgroups, which belong to somebody else; no OOM score below our own, which the kernel refuses; the /proc
 * that is there where the processes of the host are to be seen.
 */
export function rootlessSpec(spec: OciSpec, oomScore: number = ownOomScore()): OciSpec {
  const hasOwnProcesses = spec.linux.namespaces.some(({ type }) => type === 'pid');
  const asked = spec.process.oomScoreAdj;
  return {
    ...spec,
    process: {
      ...spec.process,
      ...(asked !== undefined && { oomScoreAdj: Math.max(asked, oomScore) }),
    },
    mounts: spec.mounts.map((mount) =>
      mount.destination === '/proc' && !hasOwnProcesses
        ? {
            ...mount,
            type: 'none',
            source: '/proc',
            options: ['rbind', 'nosuid', 'noexec', 'nodev'],
          }
        : mount,
    ),
    linux: { ...spec.linux, cgroupsPath: '', resources: {} },
  };
}
