/**
 * /dev/shm that other containers may join (`--ipc shareable`): a tmpfs in the container's directory.
 * A private one is mounted by the runtime itself. Follows moby daemon/container_operations_unix.go setupIpcDirs.
 */
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { hasErrno } from '../platform/libc.ts';
import { mount, unmount } from '../platform/mount.ts';
import type { Container } from './container.ts';

export const shmPathOf = (container: Container): string => join(container.directory, 'mounts/shm');

const isShareable = (container: Container): boolean =>
  container.record.hostConfig.IpcMode === 'shareable';

/** Mounts it when the container's ipc mode asks for one; answers where. */
export async function mountShm(container: Container): Promise<string | undefined> {
  if (!isShareable(container)) return undefined;
  const path = shmPathOf(container);
  await mkdir(path, { recursive: true, mode: 0o700 });
  const size = container.record.hostConfig.ShmSize ?? 64 * 1024 * 1024;
  mount({
    source: 'shm',
    target: path,
    type: 'tmpfs',
    flags: ['noexec', 'nosuid', 'nodev'],
    data: `mode=1777,size=${size}`,
  });
  return path;
}

/** Counterpart; harmless when nothing is mounted. */
export async function unmountShm(container: Container): Promise<void> {
  if (!isShareable(container)) return;
  try {
    unmount(shmPathOf(container), { detach: true });
  } catch (error) {
    if (!hasErrno(error, 'EINVAL', 'ENOENT')) throw error;
  }
}
