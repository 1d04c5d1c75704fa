/** btrfs subvolumes and their quotas, by ioctl (linux/btrfs.h). */
import { closeSync, constants, openSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { checked, libcFunction } from './libc.ts';

const ioctlC = libcFunction('int ioctl(int fd, unsigned long request, void *argument)');

/** struct btrfs_ioctl_vol_args: a descriptor, then a name. */
const VOLUME_BYTES = 4096;
const NAME_OFFSET = 8;
const SNAPSHOT_CREATE = 0x50009401;
const SUBVOLUME_CREATE = 0x5000940e;
const SUBVOLUME_DESTROY = 0x5000940f;
/** struct btrfs_ioctl_quota_ctl_args { u64 cmd, status } */
const QUOTA_CONTROL = 0xc0109428;
const QUOTA_ENABLE = 1n;
/** struct btrfs_ioctl_qgroup_limit_args { u64 qgroupid, flags, max_rfer, max_excl, rsv_rfer, rsv_excl } */
const QUOTA_LIMIT = 0x8030942b;
const LIMIT_REFERENCED = 1n;

function onDirectory<T>(path: string, work: (fd: number) => T): T {
  const fd = openSync(path, constants.O_RDONLY | constants.O_DIRECTORY);
  try {
    return work(fd);
  } finally {
    closeSync(fd);
  }
}

function volumeCall(request: number, path: string, sourceFd = 0): void {
  const args = Buffer.alloc(VOLUME_BYTES);
  args.writeBigInt64LE(BigInt(sourceFd), 0);
  args.write(basename(path), NAME_OFFSET);
  onDirectory(dirname(path), (fd) => checked('ioctl', path, ioctlC, fd, request, args));
}

/** Makes an empty subvolume. Throws SyscallError. */
export function createSubvolume(path: string): void {
  volumeCall(SUBVOLUME_CREATE, path);
}

/** Makes `path` a writable snapshot of the subvolume `source`. */
export function snapshotSubvolume(source: string, path: string): void {
  onDirectory(source, (fd) => volumeCall(SNAPSHOT_CREATE, path, fd));
}

/** Takes the subvolume away; ENOTEMPTY while another is inside. */
export function deleteSubvolume(path: string): void {
  volumeCall(SUBVOLUME_DESTROY, path);
}

/** Switches quotas on for the file system; harmless when they are. */
export function enableQuotas(path: string): void {
  const args = Buffer.alloc(16);
  args.writeBigUInt64LE(QUOTA_ENABLE, 0);
  onDirectory(path, (fd) => checked('ioctl', path, ioctlC, fd, QUOTA_CONTROL, args));
}

/** Limits the bytes a subvolume may refer to. */
export function limitSubvolume(path: string, bytes: number): void {
  const args = Buffer.alloc(48);
  args.writeBigUInt64LE(LIMIT_REFERENCED, 8);
  args.writeBigUInt64LE(BigInt(bytes), 16);
  onDirectory(path, (fd) => checked('ioctl', path, ioctlC, fd, QUOTA_LIMIT, args));
}
