/** Device nodes and exact times, which Node's fs does not reach. */
import { type LibcPath, shownPath } from './byte-path.ts';
import { checked, libcFunction } from './libc.ts';

const mknodC = libcFunction('int mknod(const char *path, unsigned int mode, unsigned long dev)');
const utimensatC = libcFunction(
  'int utimensat(int dirfd, const char *path, const int64 *times, int flags)',
);
const AT_FDCWD = -100;
const AT_SYMLINK_NOFOLLOW = 0x100;

const TYPE_BITS = { char: 0o020000, block: 0o060000, fifo: 0o010000 } as const;

/** Packs device numbers as the kernel wants them (makedev(3)). */
function makeDevice(major: number, minor: number): number {
  const [high, low] = [BigInt(major), BigInt(minor)];
  return Number(
    ((high & 0xfffff000n) << 32n) |
      ((high & 0xfffn) << 8n) |
      ((low & 0xffffff00n) << 12n) |
      (low & 0xffn),
  );
}

/** Makes a device node or FIFO. */
export function makeNode(
  path: LibcPath,
  kind: keyof typeof TYPE_BITS,
  options: { readonly mode: number; readonly major?: number; readonly minor?: number },
): void {
  const device = makeDevice(options.major ?? 0, options.minor ?? 0);
  checked('mknod', shownPath(path), mknodC, path, TYPE_BITS[kind] | options.mode, device);
}

/** Overlay's sign for "deleted": a 0/0 character device. */
export function makeWhiteout(path: string): void {
  makeNode(path, 'char', { mode: 0 });
}

const times = new BigInt64Array(4);

/** Sets access and modification time without following a symlink. */
export function setTimes(path: LibcPath, seconds: number, nanoseconds: number): void {
  times[0] = times[2] = BigInt(seconds);
  times[1] = times[3] = BigInt(nanoseconds);
  checked('utimensat', shownPath(path), utimensatC, AT_FDCWD, path, times, AT_SYMLINK_NOFOLLOW);
}
