/** The working directory of a config, made in the container's own layer at create (moby container/container.go SetupWorkingDirectory). */
import { mkdir } from 'node:fs/promises';
import { posix } from 'node:path';
import { internal } from '../../../shared/errors.ts';
import type { ReadWriteLayer } from '../layer/layer-store.ts';
import type { SpanSink } from '../network/network-controller.ts';
import { resolveInRoot } from '../platform/resolve-in-root.ts';

/** Mounts the layer only when there is something to make. Throws internal where a file is in the way. */
export async function makeWorkingDirectory(
  layer: ReadWriteLayer,
  workingDirectory: string,
  span: SpanSink,
): Promise<void> {
  if (posix.resolve('/', workingDirectory) === '/') return;
  await span('working directory', async () => {
    const root = await layer.mount();
    try {
      const { path, kind } = await resolveInRoot(root, workingDirectory);
      if (kind === 'missing') await mkdir(path, { recursive: true, mode: 0o755 });
      else if (kind !== 'directory')
        throw internal(`Cannot mkdir: ${workingDirectory} is not a directory`);
    } finally {
      await layer.unmount();
    }
  });
}
