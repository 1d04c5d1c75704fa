/**
 * A container's file system held for a while: its root mounted, its volumes at hand, as an archive job needs them
 * (moby daemon/archive.go mountVolumes). Whether the container runs makes no difference.
 */
import { randomUUID } from 'node:crypto';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { conflict } from '../../../shared/errors.ts';
import type { ArchiveRoot } from '../archive/archive-jobs.ts';
import type { RootMount } from '../platform/inside-root.ts';
import type { Container, ContainerMount } from './container.ts';
import type { ContainerContext } from './container-context.ts';
import { prepareMount } from './run-resources.ts';

/** What is held; disposing lets go of it. */
export interface HeldFileSystem extends ArchiveRoot, AsyncDisposable {}

/** Mounts the root, and with `withVolumes` what the container mounts there. */
export async function holdFileSystem(
  context: ContainerContext,
  container: Container,
  options: { readonly withVolumes: boolean },
): Promise<HeldFileSystem> {
  await using undo = new AsyncDisposableStack();
  const layer = context.layers.getReadWrite(container.id);
  if (!layer) throw conflict(`the read-write layer of container ${container.id} is missing`);
  const root = await layer.mount();
  undo.defer(() => layer.unmount());
  const mounts = options.withVolumes ? await volumeMounts(context, container, undo) : [];
  const held = undo.move();
  return { root, mounts, [Symbol.asyncDispose]: () => held.disposeAsync() };
}

async function volumeMounts(
  context: ContainerContext,
  container: Container,
  undo: AsyncDisposableStack,
): Promise<readonly RootMount[]> {
  const { hostConfig, mounts } = container.record;
  // A hold of its own: the container may stop, and let go of its volumes, meanwhile.
  const holder = `${container.id}:archive:${randomUUID()}`;
  const mounted: RootMount[] = [];
  for (const mount of mounts.filter(({ Type }) => Type !== 'tmpfs')) {
    const { Source } = await prepareMount(context, mount, holder);
    if (mount.Type === 'volume')
      undo.defer(() => context.volumes.unmount(mount.Name ?? '', holder));
    mounted.push(rootMount(mount, Source));
  }
  const taken = new Set(mounts.map(({ Destination }) => Destination));
  const files = networkFiles(context, container)
    .filter(({ destination }) => !taken.has(destination))
    .map((file) => ({
      ...file,
      isReadOnly: hostConfig.ReadonlyRootfs ?? false,
      isRecursive: false,
    }));
  const byDepth = mounted.sort((a, b) => (a.destination < b.destination ? -1 : 1));
  return [...byDepth, ...files];
}

const rootMount = (mount: ContainerMount, source: string): RootMount => ({
  source,
  destination: mount.Destination,
  isReadOnly: !mount.RW,
  isRecursive: !mount.nonRecursive,
});

/** The files the daemon writes for a container, once it has been started. */
function networkFiles(
  context: ContainerContext,
  container: Container,
): { source: string; destination: string }[] {
  const mode = container.record.hostConfig.NetworkMode ?? '';
  const owner = mode.startsWith('container:')
    ? context.registry.get(mode.slice('container:'.length))
    : container;
  if (!owner) return [];
  return ['resolv.conf', 'hostname', 'hosts']
    .map((name) => ({ source: join(owner.directory, name), destination: `/etc/${name}` }))
    .filter(({ source }) => existsSync(source));
}
