/**
 * Copies what the image has at a volume's place into the empty volume, once, at create.
 * Follows moby daemon/create_unix.go (populateVolumes) and container_unix.go (CopyImagePathContent).
 */
import { readdir } from 'node:fs/promises';
import { internal, invalidArgument } from '../../../shared/errors.ts';
import type { ReadWriteLayer } from '../layer/layer-store.ts';
import type { SpanSink } from '../network/network-controller.ts';
import { copyTree } from '../platform/copy-tree.ts';
import { resolveInRoot } from '../platform/resolve-in-root.ts';
import type { VolumeService } from '../volume/volume-service.ts';
import type { ContainerMount } from './container.ts';

interface CopyUpRequest {
  readonly layer: ReadWriteLayer;
  readonly mounts: readonly ContainerMount[];
  readonly volumes: VolumeService;
  readonly containerId: string;
}

/** Fills every volume that asks for it; mounts the container's root only when one does. */
export async function copyUpVolumes(request: CopyUpRequest, span: SpanSink): Promise<void> {
  const asking = request.mounts.filter((mount) => mount.Type === 'volume' && mount.copyUp);
  if (asking.length === 0) return;
  await span('copy image content into volumes', async () => {
    const root = await request.layer.mount();
    try {
      for (const mount of asking) await copyUp(request, mount, root);
    } finally {
      await request.layer.unmount();
    }
  });
}

async function copyUp(request: CopyUpRequest, mount: ContainerMount, root: string): Promise<void> {
  const source = await resolveInRoot(root, mount.Destination);
  if (source.kind === 'missing') return;
  if (source.kind !== 'directory')
    // Two places in moby.
    throw mount.anonymous
      ? invalidArgument(`cannot mount volume over existing file, file exists ${source.path}`)
      : internal(`source ${source.path} is not directory`);
  const name = mount.Name ?? '';
  const target = await request.volumes.mount(name, request.containerId);
  try {
    if ((await readdir(target)).length === 0) await copyTree(source.path, target);
  } finally {
    await request.volumes.unmount(name, request.containerId, { quietly: true });
  }
}
