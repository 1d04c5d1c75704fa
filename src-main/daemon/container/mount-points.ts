/**
 * From a create request to the container's mounts: volumes-from, then `-v`, then `--mount`, then the
 * image's volumes; volumes are made and held for the container. Follows moby daemon/volumes.go
 * (registerMountPoints) and create_unix.go (createContainerOSSpecificSettings).
 */
import type { ContainerConfig, HostConfig } from '../../../shared/engine/engine-api.ts';
import { errorMessage, invalidArgument } from '../../../shared/errors.ts';
import type { VolumeService } from '../volume/volume-service.ts';
import type { ContainerMount } from './container.ts';
import type { ContainerRegistry } from './container-registry.ts';
import type { ContainerStore } from './container-store.ts';
import { anonymousVolume, parseBind, parseMount, parseVolumesFrom } from './mount-spec.ts';

export interface MountRequest {
  readonly containerId: string;
  readonly config: ContainerConfig;
  readonly hostConfig: HostConfig;
}

interface MountDeps {
  readonly registry: ContainerRegistry;
  readonly store: ContainerStore;
  readonly volumes: VolumeService;
}

/** Resolves every mount; on failure the volumes held so far are let go (`undo`). */
export async function registerMounts(
  deps: MountDeps,
  request: MountRequest,
  undo: AsyncDisposableStack,
): Promise<readonly ContainerMount[]> {
  const { config, hostConfig, containerId } = request;
  const chosen = new Map<string, ContainerMount>();
  for (const mount of mountsOfOthers(deps.registry, hostConfig)) {
    chosen.set(mount.Destination, mount);
  }
  const explicit = new Set<string>();
  for (const mount of requestedMounts(hostConfig)) {
    // A tmpfs twice is one; the runtime gets the later.
    const isTmpfs = mount.Type !== 'tmpfs' && hostConfig.Tmpfs?.[mount.Destination] !== undefined;
    if (explicit.has(mount.Destination) || isTmpfs)
      throw invalidArgument(`Duplicate mount point: ${mount.Destination}`);
    explicit.add(mount.Destination);
    chosen.set(mount.Destination, mount);
  }
  for (const destination of Object.keys(config.Volumes ?? {})) {
    const mount = anonymousVolume(destination, hostConfig.VolumeDriver ?? '');
    if (!chosen.has(mount.Destination)) chosen.set(mount.Destination, mount);
  }
  await noteAnonymous(deps.store, { containerId, mounts: [...chosen.values()] }, undo);
  const held: ContainerMount[] = [];
  for (const mount of chosen.values()) {
    held.push(await hold(deps.volumes, { mount, containerId, hostConfig }, undo));
  }
  return held;
}

async function noteAnonymous(
  store: ContainerStore,
  { containerId, mounts }: { containerId: string; mounts: readonly ContainerMount[] },
  undo: AsyncDisposableStack,
): Promise<void> {
  // A container's own: what it takes from others (--volumes-from) is there already.
  const names = mounts.flatMap(({ anonymous, Name, Source }) =>
    anonymous && Name !== undefined && Source === '' ? [Name] : [],
  );
  if (names.length === 0) return;
  undo.defer(() => store.abandon(containerId));
  await store.noteVolumes(containerId, names);
}

function* requestedMounts(hostConfig: HostConfig): Generator<ContainerMount> {
  for (const raw of hostConfig.Binds ?? []) yield parseBind(raw, hostConfig.VolumeDriver ?? '');
  for (const mount of hostConfig.Mounts ?? []) yield parseMount(mount);
}

function* mountsOfOthers(
  registry: ContainerRegistry,
  hostConfig: HostConfig,
): Generator<ContainerMount> {
  for (const text of hostConfig.VolumesFrom ?? []) {
    const { container, readWrite } = parseVolumesFrom(text);
    for (const mount of mountsOf(registry, container)) {
      yield { ...mount, Mode: '', RW: mount.RW && readWrite, copyUp: false };
    }
  }
}

function mountsOf(registry: ContainerRegistry, name: string): readonly ContainerMount[] {
  try {
    return registry.find(name).record.mounts;
  } catch (error) {
    // Not "not found": a client would take that for the image.
    throw invalidArgument(errorMessage(error));
  }
}

async function hold(
  volumes: VolumeService,
  request: { mount: ContainerMount; containerId: string; hostConfig: HostConfig },
  undo: AsyncDisposableStack,
): Promise<ContainerMount> {
  const { mount, containerId, hostConfig } = request;
  if (mount.Type !== 'volume' || mount.Name === undefined) return mount;
  const asked = hostConfig.Mounts?.find((one) => one.Target === mount.Destination)?.VolumeOptions;
  const volume = await volumes.create({
    Name: mount.Name,
    Driver: mount.Driver ?? '',
    DriverOpts: asked?.DriverConfig?.Options ?? null,
    Labels: asked?.Labels ?? null,
  });
  volumes.acquire(volume.Name, containerId);
  undo.defer(() => releaseMounts(volumes, containerId, { mounts: [mount], deleteAnonymous: true }));
  return { ...mount, Name: volume.Name, Driver: volume.Driver, Source: volume.Mountpoint };
}

/** Lets go of a container's volumes; anonymous ones are deleted when asked (`rm -v`, `--rm`). */
export async function releaseMounts(
  volumes: VolumeService,
  containerId: string,
  options: { mounts: readonly ContainerMount[]; deleteAnonymous: boolean },
): Promise<void> {
  for (const mount of options.mounts) {
    if (mount.Type !== 'volume' || mount.Name === undefined) continue;
    volumes.release(mount.Name, containerId);
    if (!options.deleteAnonymous || !mount.anonymous) continue;
    try {
      await volumes.remove(mount.Name, false);
    } catch {
      // Another container took it by --volumes-from; it lives on with that one.
    }
  }
}
