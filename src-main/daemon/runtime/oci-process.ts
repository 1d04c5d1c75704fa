/** The process of a container, or of an exec in it (moby daemon/oci_linux.go, exec_linux.go). */
import { posix } from 'node:path';
import type { ContainerConfig, HostConfig } from '../../../shared/engine/engine-api.ts';
import { appArmorProfile } from './apparmor.ts';
import { ALL_CAPABILITIES, capabilitiesFor } from './capabilities.ts';
import type { OciCapabilities, OciProcess } from './oci-types.ts';
import type { ResolvedUser } from './resolve-user.ts';
import { parseSecurityOptions } from './security-options.ts';

export type Ulimits = HostConfig['Ulimits'];

/** What any process in a container is made of. */
export interface ProcessRequest {
  readonly hostConfig: HostConfig;
  readonly user: ResolvedUser;
  /** Executable and arguments. */
  readonly args: readonly string[];
  readonly env: readonly string[];
  readonly terminal: boolean;
  /** Working directory; '' = `/`. */
  readonly cwd: string;
  readonly defaultUlimits: Ulimits;
  /** `--no-new-privileges` of the daemon. */
  readonly noNewPrivileges: boolean;
}

/**
 * Nothing is inheritable or ambient; a user other than root holds none before it executes something
 * that grants them, as execve would have it (moby 20.10.14 on).
 */
function capabilitySets(names: readonly string[], uid: number): OciCapabilities {
  const held = uid === 0 ? names : [];
  return { bounding: names, effective: held, permitted: held, inheritable: [], ambient: [] };
}

function rlimits(own: Ulimits, defaults: Ulimits): NonNullable<OciProcess['rlimits']> {
  const byName = new Map(
    [...(defaults ?? []), ...(own ?? [])].map((limit) => [limit.Name ?? '', limit]),
  );
  return [...byName.values()].map((limit) => ({
    type: `RLIMIT_${(limit.Name ?? '').toUpperCase()}`,
    soft: limit.Soft ?? 0,
    hard: limit.Hard ?? 0,
  }));
}

function withLimits(request: ProcessRequest, capabilities: OciCapabilities): OciProcess {
  const { hostConfig, user } = request;
  const profile = appArmorProfile(hostConfig);
  return {
    terminal: request.terminal,
    user: { uid: user.uid, gid: user.gid, additionalGids: user.additionalGids },
    args: request.args,
    env: request.env,
    cwd: posix.resolve('/', request.cwd),
    capabilities,
    rlimits: rlimits(hostConfig.Ulimits, request.defaultUlimits),
    noNewPrivileges: parseSecurityOptions(hostConfig).noNewPrivileges ?? request.noNewPrivileges,
    oomScoreAdj: hostConfig.OomScoreAdj ?? 0,
    ...(profile === undefined ? {} : { apparmorProfile: profile }),
  };
}

/** The init process. */
export function containerProcess(request: ProcessRequest, config: ContainerConfig): OciProcess {
  const capabilities = capabilitySets(capabilitiesFor(request.hostConfig), request.user.uid);
  const [height = 0, width = 0] = request.hostConfig.ConsoleSize ?? [];
  return {
    ...withLimits(request, capabilities),
    ...(config.Tty && height && width ? { consoleSize: { height, width } } : {}),
  };
}

/** A further process: what confines the container confines it too, unless it is privileged itself. */
export function execProcess(request: ProcessRequest, isPrivileged: boolean): OciProcess {
  const names = isPrivileged ? ALL_CAPABILITIES : capabilitiesFor(request.hostConfig);
  const uid = isPrivileged ? 0 : request.user.uid;
  // As it was asked for: the runtime refuses a relative one.
  return { ...withLimits(request, capabilitySets(names, uid)), cwd: request.cwd };
}
