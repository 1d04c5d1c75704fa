/**
 * Builds a container's OCI spec from plain data: what was asked, what was acquired. Pure but for
 * looking at the host's devices, mounts and sysctls. Follows moby daemon/oci_linux.go and oci/defaults.go.
 */

import { existsSync } from 'node:fs';
import { posix } from 'node:path';
import type { ContainerConfig, HostConfig } from '../../../shared/engine/engine-api.ts';
import { isInUserNamespace } from '../platform/user-namespace.ts';
import { capabilitiesFor } from './capabilities.ts';
import { rootPropagation } from './mount-propagation.ts';
import { ociDevices } from './oci-devices.ts';
import { INIT_IN_CONTAINER, type MountPlan, ociMounts } from './oci-mounts.ts';
import { containerProcess, type Ulimits } from './oci-process.ts';
import { ociResources } from './oci-resources.ts';
import type { OciNamespace, OciSpec } from './oci-types.ts';
import type { ResolvedUser } from './resolve-user.ts';
import { rootlessSpec } from './rootless-spec.ts';
import { seccompFor } from './seccomp.ts';
import { parseSecurityOptions } from './security-options.ts';

export interface SpecRequest {
  readonly containerId: string;
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
  readonly rootfs: string;
  readonly user: ResolvedUser;
  /** Executable and arguments. */
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly mounts: Omit<MountPlan, 'isPrivileged' | 'ipcMode'>;
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

function cgroupsPath(request: SpecRequest): string {
  const parent = request.hostConfig.CgroupParent || request.cgroup.parent;
  if (request.cgroup.usesSystemd)
    return `${parent || 'system.slice'}:docker:${request.containerId}`;
  return posix.join(parent || '/docker', request.containerId);
}

const hasSysctl = (name: string): boolean => existsSync(`/proc/sys/${name.replaceAll('.', '/')}`);

/** Low ports and ping for everyone in an own network namespace; the user's word wins. */
function sysctls({ config, hostConfig }: SpecRequest): Readonly<Record<string, string>> {
  const mode = hostConfig.NetworkMode ?? '';
  const hasOwnNetwork = mode !== 'host' && !mode.startsWith('container:');
  const defaults = Object.entries(OPEN_NETWORK).filter(
    ([name]) => hasOwnNetwork && hasSysctl(name),
  );
  return {
    ...(config.Domainname ? { 'kernel.domainname': config.Domainname } : {}),
    ...Object.fromEntries(defaults),
    ...hostConfig.Sysctls,
  };
}

const OPEN_NETWORK = {
  // A user namespace has not that many groups (moby daemon/oci_linux.go leaves it as well).
  ...(isInUserNamespace ? {} : { 'net.ipv4.ping_group_range': '0 2147483647' }),
  'net.ipv4.ip_unprivileged_port_start': '0',
} as const;

function ociLinux(request: SpecRequest): OciSpec['linux'] {
  const { hostConfig, namespaces } = request;
  const { devices, rules } = ociDevices(hostConfig);
  const seccomp = seccompFor({
    privileged: hostConfig.Privileged ?? false,
    option: parseSecurityOptions(hostConfig).seccomp,
    daemonProfile: request.daemonSeccompProfile,
    capabilities: capabilitiesFor(hostConfig),
  });
  const propagation = rootPropagation(request.mounts.mounts);
  return {
    namespaces: ociNamespaces(namespaces),
    devices,
    cgroupsPath: cgroupsPath(request),
    resources: { devices: rules, ...ociResources(hostConfig) },
    ...(propagation === undefined ? {} : { rootfsPropagation: propagation }),
    sysctl: sysctls(request),
    maskedPaths: hostConfig.MaskedPaths ?? [],
    readonlyPaths: hostConfig.ReadonlyPaths ?? [],
    ...(seccomp === undefined ? {} : { seccomp }),
  };
}

function withInit(request: SpecRequest): readonly string[] {
  return request.mounts.initPath === undefined
    ? request.args
    : [INIT_IN_CONTAINER, '--', ...request.args];
}

/** The spec. Throws EngineError for what the host does not have. */
export function buildOciSpec(request: SpecRequest): OciSpec {
  const spec = wholeSpec(request);
  return isInUserNamespace ? rootlessSpec(spec) : spec;
}

function wholeSpec(request: SpecRequest): OciSpec {
  const { config, hostConfig, namespaces } = request;
  const terminal = config.Tty ?? false;
  const cwd = config.WorkingDir ?? '';
  return {
    ociVersion: '1.0.2-dev',
    process: containerProcess({ ...request, args: withInit(request), terminal, cwd }, config),
    root: { path: request.rootfs, readonly: hostConfig.ReadonlyRootfs ?? false },
    ...(namespaces.uts === 'new' ? { hostname: config.Hostname ?? '' } : {}),
    mounts: ociMounts({
      ...request.mounts,
      isPrivileged: hostConfig.Privileged ?? false,
      ipcMode: hostConfig.IpcMode ?? '',
    }),
    linux: ociLinux(request),
  };
}
