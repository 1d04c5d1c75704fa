/** The mounts of a container, shallow before deep (moby oci/defaults.go, daemon/oci_linux.go withMounts). */
import { posix } from 'node:path';
import type { OciMount } from './oci-types.ts';
import { tmpfsOptions } from './tmpfs-options.ts';

/** A user's mount, resolved: where from, where to, how. */
export interface ResolvedMount {
  readonly type: 'bind' | 'tmpfs';
  readonly source: string;
  readonly destination: string;
  readonly readWrite: boolean;
  /** `rprivate` when empty. */
  readonly propagation: string;
  /** With what is mounted below the source (default). */
  readonly isRecursive?: boolean;
  /** tmpfs only. */
  readonly tmpfsOptions?: readonly string[];
}

export interface MountPlan {
  readonly mounts: readonly ResolvedMount[];
  readonly tmpfs: Readonly<Record<string, string>>;
  /** The three network files; '' = the image's own. */
  readonly networkFiles: {
    readonly hosts: string;
    readonly hostname: string;
    readonly resolvConf: string;
  };
  /** Host directory for /dev/shm, or undefined for a private tmpfs of `shmSizeBytes`. */
  readonly shmPath: string | undefined;
  readonly shmSizeBytes: number;
  readonly isPrivileged: boolean;
  /** `none` has no /dev/shm at all, `host` the host's. */
  readonly ipcMode: string;
  /** docker-init's path, to be seen at /sbin/docker-init. */
  readonly initPath: string | undefined;
  readonly readOnlyRootfs: boolean;
}

export const INIT_IN_CONTAINER = '/sbin/docker-init';

function defaultMounts(plan: MountPlan): OciMount[] {
  const sysAccess = plan.isPrivileged ? [] : ['ro'];
  return [
    { destination: '/proc', type: 'proc', source: 'proc', options: ['nosuid', 'noexec', 'nodev'] },
    {
      destination: '/dev',
      type: 'tmpfs',
      source: 'tmpfs',
      options: ['nosuid', 'strictatime', 'mode=755', 'size=65536k'],
    },
    {
      destination: '/dev/pts',
      type: 'devpts',
      source: 'devpts',
      options: ['nosuid', 'noexec', 'newinstance', 'ptmxmode=0666', 'mode=0620', 'gid=5'],
    },
    {
      destination: '/sys',
      type: 'sysfs',
      source: 'sysfs',
      options: ['nosuid', 'noexec', 'nodev', ...sysAccess],
    },
    {
      destination: '/sys/fs/cgroup',
      type: 'cgroup',
      source: 'cgroup',
      options: [...sysAccess, 'nosuid', 'noexec', 'nodev'],
    },
    {
      destination: '/dev/mqueue',
      type: 'mqueue',
      source: 'mqueue',
      options: ['nosuid', 'noexec', 'nodev'],
    },
    ...privateShm(plan),
  ];
}

function privateShm(plan: MountPlan): OciMount[] {
  if (plan.ipcMode === 'none') return [];
  return [
    {
      destination: '/dev/shm',
      type: 'tmpfs',
      source: 'shm',
      options: ['nosuid', 'noexec', 'nodev', 'mode=1777', `size=${plan.shmSizeBytes}`],
    },
  ];
}

/** A /dev/shm that is the host's, or one that containers share. */
function sharedShm(plan: MountPlan): OciMount[] {
  const source = plan.ipcMode === 'host' ? '/dev/shm' : plan.shmPath;
  return source === undefined ? [] : [bind(source, '/dev/shm', true)];
}

const bind = (
  source: string,
  destination: string,
  readWrite: boolean,
  propagation = 'rprivate',
): OciMount => ({
  destination,
  type: 'bind',
  source,
  options: ['rbind', ...(readWrite ? [] : ['ro']), propagation],
});

function networkFileMounts(plan: MountPlan): OciMount[] {
  const { hosts, hostname, resolvConf } = plan.networkFiles;
  const files: readonly (readonly [string, string])[] = [
    [resolvConf, '/etc/resolv.conf'],
    [hostname, '/etc/hostname'],
    [hosts, '/etc/hosts'],
  ];
  return files
    .filter(([source]) => source !== '')
    .map(([source, destination]) => bind(source, destination, !plan.readOnlyRootfs));
}

function userMount(mount: ResolvedMount): OciMount {
  if (mount.type === 'tmpfs') return tmpfsMount(mount.destination, mount.tmpfsOptions ?? []);
  const made = bind(
    mount.source,
    mount.destination,
    mount.readWrite,
    mount.propagation || 'rprivate',
  );
  return mount.isRecursive === false
    ? { ...made, options: ['bind', ...made.options.slice(1)] }
    : made;
}

const tmpfsMount = (destination: string, options: readonly string[]): OciMount => ({
  destination,
  type: 'tmpfs',
  source: 'tmpfs',
  options: tmpfsOptions(options),
});

const depth = (path: string): number => posix.normalize(path).split('/').filter(Boolean).length;

/** All mounts in the order the runtime makes them. A user's mount replaces a default one at its place. */
export function ociMounts(plan: MountPlan): readonly OciMount[] {
  const users = [
    ...plan.mounts.map(userMount),
    ...Object.entries(plan.tmpfs).map(([path, text]) => tmpfsMount(path, text.split(','))),
  ];
  const taken = new Set(users.map((mount) => mount.destination));
  const own = [...networkFileMounts(plan), ...sharedShm(plan)].filter(
    ({ destination }) => !taken.has(destination),
  );
  for (const { destination } of own) taken.add(destination);
  const hidesDev = taken.has('/dev');
  const defaults = defaultMounts(plan).filter(
    ({ destination }) => !taken.has(destination) && !(hidesDev && destination.startsWith('/dev/')),
  );
  const sorted = [...users, ...own].sort((a, b) => depth(a.destination) - depth(b.destination));
  return [...defaults, ...initMount(plan.initPath), ...sorted];
}

function initMount(path: string | undefined): OciMount[] {
  if (path === undefined) return [];
  const options = ['bind', 'ro'];
  return [{ destination: INIT_IN_CONTAINER, type: 'bind', source: path, options }];
}
