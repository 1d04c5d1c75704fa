/**
 * Builds a container's OCI spec from plain data: what was asked, what was acquired. Pure but for
 * looking at the host's devices. Follows moby daemon/oci_linux.go and oci/defaults.go.
 */
import { posix } from 'node:path';
import type { ContainerConfig, HostConfig } from '../../../shared/engine/engine-api.ts';
import { invalidArgument } from '../../../shared/errors.ts';
import { ALL_CAPABILITIES, capabilitiesFor } from './capabilities.ts';
import { ociDevices } from './oci-devices.ts';
import { INIT_IN_CONTAINER, type MountPlan, ociMounts } from './oci-mounts.ts';
import { ociResources } from './oci-resources.ts';
import type { OciCapabilities, OciNamespace, OciProcess, OciSpec } from './oci-types.ts';
import type { ResolvedUser } from './resolve-user.ts';
import { seccompFor } from './seccomp.ts';

type Ulimits = HostConfig['Ulimits'];

export interface SpecRequest {
  readonly containerId: string;
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  readonly rootfs: string;
  readonly user: ResolvedUser;
  /** Executable and arguments. */
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly mounts: Omit<MountPlan, 'isPrivileged' | 'sharesIpcWithHost' | 'hasCgroupNamespace'>;
  readonly namespaces: NamespacePlan;
  readonly cgroup: { readonly parent: string; readonly usesSystemd: boolean };
  readonly defaultUlimits: Ulimits;
  readonly daemonSeccompProfile: string | undefined;
  readonly noNewPrivileges: boolean;
}

/** Paths of namespaces to join; 'new' = an own one; 'host' = the host's. */
export interface NamespacePlan {
  readonly network: string;
  readonly pid: string;
  readonly ipc: string;
  readonly uts: string;
  readonly cgroup: string;
}

const NAMESPACE_ORDER = ['network', 'pid', 'ipc', 'uts', 'cgroup'] as const;

function ociNamespaces(plan: NamespacePlan): readonly OciNamespace[] {
  const chosen = NAMESPACE_ORDER.flatMap((type): OciNamespace[] => {
    const value = plan[type];
    if (value === 'host') return [];
    return value === 'new' ? [{ type }] : [{ type, path: value }];
  });
  return [{ type: 'mount' }, ...chosen];
}

/** The five sets: all alike, but nothing is inheritable or ambient (moby 20.10.14 on). */
export function capabilitySets(names: readonly string[]): OciCapabilities {
  return { bounding: names, effective: names, permitted: names, inheritable: [], ambient: [] };
}

/** Security options: `name=value` and `name:value` are both in use. */
export function securityOption(hostConfig: HostConfig, name: string): string | undefined {
  for (const option of hostConfig.SecurityOpt ?? []) {
    const match = /^([a-z-]+)[=:](.*)$/s.exec(option);
    if (match?.[1] === name) return match[2];
  }
  return undefined;
}

function hasNoNewPrivileges(hostConfig: HostConfig, byDefault: boolean): boolean {
  if (hostConfig.SecurityOpt?.includes('no-new-privileges')) return true;
  const value = securityOption(hostConfig, 'no-new-privileges');
  return value === undefined ? byDefault : value === 'true';
}

function rlimits(own: Ulimits, defaults: Ulimits): OciProcess['rlimits'] {
  const byName = new Map(
    [...(defaults ?? []), ...(own ?? [])].map((limit) => [limit.Name ?? '', limit]),
  );
  return [...byName.values()].map((limit) => ({
    type: `RLIMIT_${(limit.Name ?? '').toUpperCase()}`,
    soft: limit.Soft ?? 0,
    hard: limit.Hard ?? 0,
  }));
}

function ociProcess(request: SpecRequest, capabilities: readonly string[]): OciProcess {
  const { config, hostConfig, user } = request;
  const size = hostConfig.ConsoleSize;
  const [height = 0, width = 0] = size ?? [];
  const init = request.mounts.initPath === undefined ? [] : [INIT_IN_CONTAINER, '--'];
  return {
    terminal: config.Tty ?? false,
    ...(config.Tty && height && width ? { consoleSize: { height, width } } : {}),
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    args: [...init, ...request.args],
    env: request.env,
    cwd: config.WorkingDir ? posix.normalize(config.WorkingDir) : '/',
    capabilities: capabilitySets(capabilities),
    rlimits: rlimits(hostConfig.Ulimits, request.defaultUlimits) ?? [],
    noNewPrivileges: hasNoNewPrivileges(hostConfig, request.noNewPrivileges),
    oomScoreAdj: hostConfig.OomScoreAdj ?? 0,
  };
}

function cgroupsPath(request: SpecRequest): string {
  const parent = request.hostConfig.CgroupParent || request.cgroup.parent;
  if (request.cgroup.usesSystemd)
    return `${parent || 'system.slice'}:docker:${request.containerId}`;
  return posix.join(parent || '/docker', request.containerId);
}

const SYSCTL_NAMESPACES: readonly (readonly [RegExp, keyof NamespacePlan])[] = [
  [/^(kernel\.(msg|sem|shm)|fs\.mqueue\.)/, 'ipc'],
  [/^net\./, 'network'],
];

function checkedSysctls(request: SpecRequest): Readonly<Record<string, string>> {
  const sysctls = request.hostConfig.Sysctls ?? {};
  for (const name of Object.keys(sysctls)) {
    const rule = SYSCTL_NAMESPACES.find(([pattern]) => pattern.test(name));
    if (!rule) throw invalidArgument(`sysctl "${name}" is not in a separate kernel namespace`);
    if (request.namespaces[rule[1]] === 'host')
      throw invalidArgument(`sysctl "${name}" not allowed in host ${rule[1]} namespace`);
  }
  return sysctls;
}

/** Unprivileged ports and ping for everyone with an own network namespace, as 20.10 sets them. */
function sysctls(request: SpecRequest): Readonly<Record<string, string>> {
  const asked = checkedSysctls(request);
  const hasOwnNetwork = request.namespaces.network !== 'host';
  const isOpen = hasOwnNetwork && !request.hostConfig.Privileged;
  return {
    ...(isOpen ? { 'net.ipv4.ip_unprivileged_port_start': '0' } : {}),
    ...(isOpen ? { 'net.ipv4.ping_group_range': '0 2147483647' } : {}),
    ...asked,
  };
}

/** What mounts the root must propagate to, so that shared and slave mounts work. */
function rootPropagation(mounts: MountPlan['mounts']): string {
  const wanted = new Set(mounts.map(({ propagation }) => propagation.replace(/^r/, '')));
  if (wanted.has('shared')) return 'shared';
  return wanted.has('slave') ? 'rslave' : 'rprivate';
}

/** The spec. Throws invalidArgument for what the user asked wrongly. */
export function buildOciSpec(request: SpecRequest): OciSpec {
  const { hostConfig, namespaces } = request;
  const isPrivileged = hostConfig.Privileged ?? false;
  const capabilities = isPrivileged ? ALL_CAPABILITIES : capabilitiesFor(hostConfig);
  const { devices, rules } = ociDevices(hostConfig);
  const hostname = request.config.Hostname ?? '';
  const seccomp = seccompFor({
    privileged: isPrivileged,
    option: securityOption(hostConfig, 'seccomp'),
    daemonProfile: request.daemonSeccompProfile,
    capabilities,
  });
  return {
    ociVersion: '1.0.2-dev',
    process: ociProcess(request, capabilities),
    root: { path: request.rootfs, readonly: hostConfig.ReadonlyRootfs ?? false },
    ...(namespaces.uts === 'new' ? { hostname } : {}),
    mounts: ociMounts({
      ...request.mounts,
      isPrivileged,
      sharesIpcWithHost: namespaces.ipc === 'host',
      hasCgroupNamespace: namespaces.cgroup === 'new',
    }),
    linux: {
      namespaces: ociNamespaces(namespaces),
      devices,
      cgroupsPath: cgroupsPath(request),
      resources: { devices: rules, ...ociResources(hostConfig) },
      rootfsPropagation: rootPropagation(request.mounts.mounts),
      sysctl: sysctls(request),
      maskedPaths: hostConfig.MaskedPaths ?? [],
      readonlyPaths: hostConfig.ReadonlyPaths ?? [],
      ...(seccomp === undefined ? {} : { seccomp }),
    },
  };
}
