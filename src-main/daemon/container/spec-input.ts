/** Gathers what the OCI spec of a container, or the process of an exec, is built from. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { HostConfig } from '../../../shared/engine/engine-api.ts';
import { conflict, EngineError, internal, toEngineError } from '../../../shared/errors.ts';
import { writeFileAtomic } from '../platform/atomic-file.ts';
import type { ResolvedMount } from '../runtime/oci-mounts.ts';
import { execProcess } from '../runtime/oci-process.ts';
import { ociResources } from '../runtime/oci-resources.ts';
import { buildOciSpec, type NamespacePlan } from '../runtime/oci-spec.ts';
import type { OciProcess, OciResources, OciSpec } from '../runtime/oci-types.ts';
import { resolveUser } from '../runtime/resolve-user.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './container-context.ts';
import type { ExecCreateRequest } from './container-service.ts';
import { isLive } from './container-state.ts';
import { linkEnvironment } from './links.ts';
import { replaceOrAppendEnv } from './merge-config.ts';
import type { RunResources } from './run-resources.ts';
import { shmPathOf } from './shm.ts';

/** The spec of the last start, kept in the container's directory for the glass box. */
export const SPEC_FILE = 'config.json';
const DEFAULT_PATH = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** `container:<name>` of a mode; undefined when it is another mode. */
const peerName = (mode: string | undefined): string | undefined =>
  mode?.startsWith('container:') ? mode.slice('container:'.length) : undefined;

function pidOfRunning(peer: Container): number {
  if (!isLive(peer.state)) throw conflict(`container ${peer.id} is not running`);
  return peer.state.pid;
}

/** How to find the process of each kind of namespace, with dockerd's words for why it cannot be joined. */
const PEER_PID = {
  net(context: ContainerContext, name: string): number {
    const peer = context.registry.find(name);
    if (!isLive(peer.state))
      throw conflict(`cannot join network of a non running container: ${peer.id}`);
    return peer.state.pid;
  },
  pid(context: ContainerContext, name: string): number {
    return pidOfRunning(
      explained(`cannot join PID of a non running container: ${name}`, () =>
        context.registry.find(name),
      ),
    );
  },
  ipc(context: ContainerContext, name: string): number {
    return explained(`can't join IPC of container ${name}`, () => {
      const peer = context.registry.find(name);
      const pid = pidOfRunning(peer);
      if (!existsSync(shmPathOf(peer)))
        throw internal('non-shareable IPC (hint: use IpcMode:shareable for the donor container)');
      return pid;
    });
  },
};

/** Puts what was tried before the reason. */
function explained<T>(what: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code, message } = toEngineError(error);
    throw new EngineError(code, `${what}: ${message}`, { cause: error });
  }
}

function namespacePath(
  context: ContainerContext,
  mode: string | undefined,
  kind: keyof typeof PEER_PID,
): string {
  if (mode === 'host') return 'host';
  const peer = peerName(mode);
  if (peer === undefined) return 'new';
  return `/proc/${PEER_PID[kind](context, peer)}/ns/${kind}`;
}

function networkPath(
  context: ContainerContext,
  container: Container,
  resources: RunResources,
): string {
  const mode = container.record.hostConfig.NetworkMode;
  if (resources.sandbox) return resources.sandbox.key === '' ? 'host' : resources.sandbox.key;
  return namespacePath(context, mode, 'net');
}

function namespacesOf(
  context: ContainerContext,
  container: Container,
  resources: RunResources,
): NamespacePlan {
  const { hostConfig } = container.record;
  return {
    network: networkPath(context, container, resources),
    pid: namespacePath(context, hostConfig.PidMode, 'pid'),
    ipc: namespacePath(context, hostConfig.IpcMode, 'ipc'),
    uts: hostConfig.UTSMode === 'host' ? 'host' : 'new',
    cgroup: hostConfig.CgroupnsMode === 'private' ? 'new' : 'host',
  };
}

function networkFilesOf(
  context: ContainerContext,
  container: Container,
  resources: RunResources,
): { hosts: string; hostname: string; resolvConf: string } {
  const peer = peerName(container.record.hostConfig.NetworkMode);
  const sandbox =
    peer === undefined ? resources.sandbox : context.registry.find(peer).progress.sandbox;
  return {
    hosts: sandbox?.hostsPath ?? '',
    hostname: sandbox?.hostnamePath ?? '',
    resolvConf: sandbox?.resolvConfPath ?? '',
  };
}

const resolvedMounts = (resources: RunResources): readonly ResolvedMount[] =>
  resources.mounts.map((mount) => ({
    type: mount.Type === 'tmpfs' ? 'tmpfs' : 'bind',
    source: mount.Source,
    destination: mount.Destination,
    readWrite: mount.RW,
    propagation: mount.Propagation,
    isRecursive: !mount.nonRecursive,
    ...(mount.tmpfsOptions ? { tmpfsOptions: mount.tmpfsOptions } : {}),
  }));

function shmPath(
  context: ContainerContext,
  container: Container,
  own: string | undefined,
): string | undefined {
  const peer = peerName(container.record.hostConfig.IpcMode);
  return peer === undefined ? own : shmPathOf(context.registry.find(peer));
}

/** PATH, HOSTNAME, TERM and HOME as Docker sets them, links' variables, then the container's own. */
function environmentOf(context: ContainerContext, container: Container, home: string): string[] {
  const { config } = container.record;
  const base = [
    DEFAULT_PATH,
    `HOSTNAME=${config.Hostname ?? ''}`,
    ...(config.Tty ? ['TERM=xterm'] : []),
    ...linkEnvironment(context, container),
  ];
  const merged = replaceOrAppendEnv(base, config.Env ?? []);
  return merged.some((entry) => entry.startsWith('HOME=')) ? merged : [...merged, `HOME=${home}`];
}

/** Builds the spec of a start and keeps a copy. */
export async function specFor(
  context: ContainerContext,
  container: Container,
  resources: RunResources,
): Promise<OciSpec> {
  const { settings } = context;
  const { config, hostConfig, path, args } = container.record;
  const user = await resolveUser(resources.rootfs, config.User ?? '', hostConfig.GroupAdd ?? []);
  const usesInit = (hostConfig.Init ?? settings.initByDefault) && hostConfig.PidMode !== 'host';
  const spec = buildOciSpec({
    containerId: container.id,
    config,
    hostConfig,
    rootfs: resources.rootfs,
    user,
    args: [path, ...args],
    env: environmentOf(context, container, user.home),
    mounts: {
      mounts: resolvedMounts(resources),
      tmpfs: hostConfig.Tmpfs ?? {},
      networkFiles: networkFilesOf(context, container, resources),
      shmPath: shmPath(context, container, resources.shmPath),
      shmSizeBytes: hostConfig.ShmSize ?? settings.defaultShmSizeBytes,
      initPath: usesInit ? requireInit(settings.initPath) : undefined,
      readOnlyRootfs: hostConfig.ReadonlyRootfs ?? false,
    },
    namespaces: namespacesOf(context, container, resources),
    cgroup: { parent: settings.cgroupParent, usesSystemd: settings.usesSystemdCgroup },
    defaultUlimits: settings.defaultUlimits,
    daemonSeccompProfile: settings.seccompProfile,
    noNewPrivileges: settings.noNewPrivileges,
  });
  await writeFileAtomic(join(container.directory, SPEC_FILE), JSON.stringify(spec), {
    mode: 0o600,
    sync: false,
  });
  return spec;
}

function requireInit(path: string | undefined): string {
  if (path === undefined)
    throw conflict(
      '--init needs docker-init (Debian package tini or docker.io), which is not on PATH',
    );
  return path;
}

/** The process of an exec: the container's own process with what the exec changes. */
export async function execProcessFor(
  context: ContainerContext,
  container: Container,
  request: ExecCreateRequest,
): Promise<OciProcess> {
  const { config, hostConfig } = container.record;
  const rootfs = isLive(container.state) ? `/proc/${container.state.pid}/root` : '/nonexistent';
  const user = await resolveUser(
    rootfs,
    request.User || config.User || '',
    hostConfig.GroupAdd ?? [],
  );
  const base = environmentOf(context, container, user.home).filter(
    (entry) => request.Tty || config.Tty || !entry.startsWith('TERM='),
  );
  const terminal =
    request.Tty && !base.some((entry) => entry.startsWith('TERM=')) ? ['TERM=xterm'] : [];
  return execProcess(
    {
      hostConfig,
      user,
      args: request.Cmd ?? [],
      env: replaceOrAppendEnv([...base, ...terminal], request.Env ?? []),
      terminal: request.Tty ?? false,
      cwd: request.WorkingDir || config.WorkingDir || '/',
      defaultUlimits: context.settings.defaultUlimits,
      noNewPrivileges: context.settings.noNewPrivileges,
    },
    request.Privileged ?? false,
  );
}

/** Limits for a live update. */
export const resourcesFor = (hostConfig: HostConfig): OciResources => ociResources(hostConfig);
