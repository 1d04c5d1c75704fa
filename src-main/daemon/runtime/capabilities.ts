/** Capability names and Docker's default set (moby oci/caps). */
import { readFileSync } from 'node:fs';
import { invalidArgument } from '../../../shared/errors.ts';

/** In the order of their numbers (capability.h). */
const KNOWN_CAPABILITIES: readonly string[] =
  'CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE'
    .split(' ')
    .map((name) => `CAP_${name}`);

/** What the daemon has itself, and so can give: less than all where it runs confined. */
function ownCapabilities(): bigint {
  const match = /^CapEff:\s+([0-9a-f]+)$/m.exec(readFileSync('/proc/self/status', 'utf8'));
  return BigInt(`0x${match?.[1] ?? '0'}`);
}

const own = ownCapabilities();

/** "All" as privileged containers get it. */
export const ALL_CAPABILITIES: readonly string[] = KNOWN_CAPABILITIES.filter(
  (_, number) => (own >> BigInt(number)) & 1n,
);

const DEFAULT_CAPABILITIES: readonly string[] = [
  'CAP_CHOWN',
  'CAP_DAC_OVERRIDE',
  'CAP_FSETID',
  'CAP_FOWNER',
  'CAP_MKNOD',
  'CAP_NET_RAW',
  'CAP_SETGID',
  'CAP_SETUID',
  'CAP_SETFCAP',
  'CAP_SETPCAP',
  'CAP_NET_BIND_SERVICE',
  'CAP_SYS_CHROOT',
  'CAP_KILL',
  'CAP_AUDIT_WRITE',
];

const ALL = 'ALL';

/** `net_admin`, `CAP_NET_ADMIN`, `all` → full names. Throws `invalid CapAdd: unknown capability: "x"`. */
export function normalizeCapabilities(
  names: readonly string[] | null | undefined,
  field: 'CapAdd' | 'CapDrop',
): readonly string[] {
  return (names ?? []).map((name) => {
    const upper = name.toUpperCase();
    if (upper === ALL) return ALL;
    const full = upper.startsWith('CAP_') ? upper : `CAP_${upper}`;
    if (!KNOWN_CAPABILITIES.includes(full))
      throw invalidArgument(`invalid ${field}: unknown capability: "${full}"`);
    return full;
  });
}

/** The container's capabilities (moby oci/caps TweakCapabilities). */
export function capabilitiesFor(hostConfig: {
  readonly Privileged?: boolean;
  readonly CapAdd?: readonly string[] | null;
  readonly CapDrop?: readonly string[] | null;
}): readonly string[] {
  if (hostConfig.Privileged) return ALL_CAPABILITIES;
  const add = normalizeCapabilities(hostConfig.CapAdd, 'CapAdd');
  const drop = normalizeCapabilities(hostConfig.CapDrop, 'CapDrop');
  if (add.includes(ALL)) return ALL_CAPABILITIES.filter((name) => !drop.includes(name));
  const base = drop.includes(ALL)
    ? []
    : DEFAULT_CAPABILITIES.filter((name) => !drop.includes(name));
  return [...new Set([...base, ...add])];
}
