/**
 * What a run stands on: the mounted root, the network sandbox, the mounted volumes. Acquired side by
 * side for a start, released together after the exit; releasing what is gone is harmless, so that
 * shutdown, failure and clean-up after a crash are the same path.
 */
import { mkdir } from 'node:fs/promises';
import { conflict, invalidArgument } from '../../../shared/errors.ts';
import type { SandboxRequest, SandboxState, SpanSink } from '../network/network-controller.ts';
import { hasErrno } from '../platform/libc.ts';
import type { Container, ContainerMount } from './container.ts';
import type { ContainerContext } from './container-context.ts';
import { isLive } from './container-state.ts';
import { linkHosts, tellParents } from './links.ts';
import { mountShm, unmountShm } from './shm.ts';

export interface RunResources {
  readonly rootfs: string;
  /** null when the network is another container's. */
  readonly sandbox: SandboxState | null;
  readonly mounts: readonly ContainerMount[];
  /** Host directory for /dev/shm when it is shared between containers. */
  readonly shmPath?: string;
}

interface Work {
  readonly span: SpanSink;
  readonly undo: AsyncDisposableStack;
}

/** Acquires all; whatever succeeded is undone through `undo` when a part fails. */
export async function prepareRun(
  context: ContainerContext,
  container: Container,
  work: Work,
): Promise<RunResources> {
  const { span, undo } = work;
  undo.defer(() => releaseRun(context, container));
  const parts = await Promise.allSettled([
    span('mount read-write layer', () => mountRoot(context, container)),
    span('network sandbox', () => createSandbox(context, container, span)),
    prepareMounts(context, container, span),
    mountShm(container),
  ]);
  const failed = parts.find((part) => part.status === 'rejected');
  if (failed) throw failed.reason;
  const [rootfs, sandbox, mounts, shmPath] = parts.map((part) =>
    part.status === 'fulfilled' ? part.value : undefined,
  ) as [string, SandboxState | null, readonly ContainerMount[], string | undefined];
  return { rootfs, sandbox, mounts, ...(shmPath === undefined ? {} : { shmPath }) };
}

async function mountRoot(context: ContainerContext, container: Container): Promise<string> {
  const layer = context.layers.getReadWrite(container.id);
  if (!layer)
    throw conflict(
      `the read-write layer of container ${container.id} is missing; the container can only be removed`,
    );
  return layer.mount();
}

/** The request a sandbox is made, and later restored, from. */
export function sandboxRequestOf(container: Container): SandboxRequest {
  const { config, hostConfig, name, id, endpoints } = container.record;
  const mode = hostConfig.NetworkMode ?? 'default';
  return {
    containerId: id,
    containerName: name,
    networkMode: mode === 'default' ? 'bridge' : mode,
    hostname: config.Hostname ?? '',
    domainname: config.Domainname ?? '',
    endpoints,
    exposedPorts: Object.keys(config.ExposedPorts ?? {}),
    portBindings: normalizedBindings(hostConfig.PortBindings),
    publishAllPorts: hostConfig.PublishAllPorts ?? false,
    ...(config.MacAddress ? { macAddress: config.MacAddress } : {}),
    dns: hostConfig.Dns ?? [],
    dnsSearch: hostConfig.DnsSearch ?? [],
    dnsOptions: hostConfig.DnsOptions ?? [],
    extraHosts: hostConfig.ExtraHosts ?? [],
    filesDirectory: container.directory,
  };
}

function normalizedBindings(
  bindings: Container['record']['hostConfig']['PortBindings'],
): SandboxRequest['portBindings'] {
  return Object.fromEntries(
    Object.entries(bindings ?? {}).map(([port, hosts]) => [
      port,
      hosts?.map((host) => ({ HostIp: host.HostIp ?? '', HostPort: host.HostPort ?? '' })) ?? null,
    ]),
  );
}

async function createOwnSandbox(
  context: ContainerContext,
  container: Container,
  span: SpanSink,
): Promise<SandboxState> {
  const request = sandboxRequestOf(container);
  const extraHosts = [...request.extraHosts, ...linkHosts(context, container)];
  const sandbox = await context.network.createSandbox({ ...request, extraHosts }, span);
  await tellParents(context, container, sandbox);
  return sandbox;
}

async function createSandbox(
  context: ContainerContext,
  container: Container,
  span: SpanSink,
): Promise<SandboxState | null> {
  const mode = container.record.hostConfig.NetworkMode ?? '';
  if (!mode.startsWith('container:')) return createOwnSandbox(context, container, span);
  const peer = context.registry.find(mode.slice('container:'.length));
  if (!isLive(peer.state))
    throw conflict(`cannot join network of a non running container: ${peer.id}`);
  return null;
}

async function prepareMounts(
  context: ContainerContext,
  container: Container,
  span: SpanSink,
): Promise<readonly ContainerMount[]> {
  const { mounts } = container.record;
  if (mounts.length === 0) return mounts;
  return span('mount volumes', () =>
    Promise.all(mounts.map((mount) => prepareMount(context, mount, container.id))),
  );
}

/** A mount with its source made ready; a volume is held for `holder`. */
export async function prepareMount(
  context: ContainerContext,
  mount: ContainerMount,
  holder: string,
): Promise<ContainerMount> {
  if (mount.Type === 'volume')
    return {
      ...mount,
      Source: await context.volumes.mount(mount.Name ?? '', holder, {
        destination: mount.Destination,
        propagation: mount.Propagation,
        readWrite: mount.RW,
      }),
    };
  if (mount.Type === 'bind' && mount.createSource) await createBindSource(mount.Source);
  return mount;
}

/** `-v /missing:/x` makes the directory on the host, as Docker does. */
async function createBindSource(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o755 });
  } catch (error) {
    if (hasErrno(error, 'EEXIST')) return;
    throw invalidArgument(`error while creating mount source path '${path}': mkdir ${path}`, {
      cause: error,
    });
  }
}

/** Releases all of a run. Every part is tried; what fails is logged, never thrown. */
export async function releaseRun(context: ContainerContext, container: Container): Promise<void> {
  await Promise.all([releaseShared(context, container), unmountRoot(context, container)]);
}

/** Releases what others may want next: addresses, ports, volumes. */
export async function releaseShared(
  context: ContainerContext,
  container: Container,
): Promise<void> {
  const attempt = attempts(context, container);
  await Promise.all([
    attempt('network sandbox', () => context.network.releaseSandbox(container.id)),
    attempt('shared memory', () => unmountShm(container)),
    ...container.record.mounts
      .filter((mount) => mount.Type === 'volume')
      .map((mount) =>
        attempt('volume', () => context.volumes.unmount(mount.Name ?? '', container.id)),
      ),
  ]);
}

/** What was written is brought to disk by it, which nobody needs to wait for. */
export async function unmountRoot(context: ContainerContext, container: Container): Promise<void> {
  await attempts(context, container)('read-write layer', async () =>
    context.layers.getReadWrite(container.id)?.unmount(),
  );
}

const attempts =
  (context: ContainerContext, container: Container) =>
  async (what: string, work: () => Promise<void>): Promise<void> => {
    try {
      await work();
    } catch (error) {
      context.log.warn(`cleanup: ${what}`, { container: container.id, error: String(error) });
    }
  };
