/** mount(2), umount2(2) and the mount table. No process is started for a mount. */
import { readFileSync } from 'node:fs';
import { type LibcPath, shownPath } from './byte-path.ts';
import { checked, hasErrno, libcFunction } from './libc.ts';

const mountC = libcFunction(
  'int mount(const char *source, const char *target, const char *type, unsigned long flags, const char *data)',
);
const umountC = libcFunction('int umount2(const char *target, int flags)');

const FLAGS = {
  ro: 0x1,
  nosuid: 0x2,
  nodev: 0x4,
  noexec: 0x8,
  remount: 0x20,
  noatime: 0x400,
  nodiratime: 0x800,
  bind: 0x1000,
  rbind: 0x5000,
  rec: 0x4000,
  private: 0x40000,
  slave: 0x80000,
  shared: 0x100000,
  relatime: 0x200000,
} as const;

export type MountFlag = keyof typeof FLAGS;
const MNT_DETACH = 2;

export interface MountRequest {
  readonly source: string;
  readonly target: LibcPath;
  /** '' for bind and propagation changes. */
  readonly type: string;
  readonly flags?: readonly MountFlag[];
  readonly data?: string;
}

/** As mount(2) takes them. */
export const mountFlagBits = (flags: readonly MountFlag[]): number =>
  flags.reduce((sum, name) => sum | FLAGS[name], 0);

/** Mounts; throws SyscallError that names the target. */
export function mount(request: MountRequest): void {
  const flags = mountFlagBits(request.flags ?? []);
  const { source, target, type, data = '' } = request;
  checked(
    'mount',
    `${source} on ${shownPath(target)}`,
    mountC,
    source,
    target,
    type || null,
    flags,
    data || null,
  );
}

/** Unmounts. `detach`: lazily, even while something uses it. */
export function unmount(target: string, options: { readonly detach?: boolean } = {}): void {
  checked('umount', target, umountC, target, options.detach ? MNT_DETACH : 0);
}

/** Unmounts what may not be mounted; true when it was. */
export function unmountIfMounted(target: string): boolean {
  try {
    unmount(target, { detach: true });
    return true;
  } catch (error) {
    if (hasErrno(error, 'EINVAL', 'ENOENT')) return false;
    throw error;
  }
}

/**
 * Unmounts without holding up the calling thread: what an overlay's container wrote is brought to disk by
 * the last unmount, which can take as long as the disk likes. What is not mounted is no error.
 */
export async function unmountAside(target: string): Promise<void> {
  const result = await new Promise<number>((resolve, reject) => {
    umountC.async(target, MNT_DETACH, (error: unknown, answer: number) =>
      error ? reject(error) : resolve(answer),
    );
  });
  // The errno of another thread cannot be asked for; a second attempt fails as the first did.
  if (result < 0) unmountIfMounted(target);
}

export interface MountedFileSystem {
  readonly mountPoint: string;
  readonly type: string;
  readonly source: string;
}

const unescape = (text: string): string =>
  text.replace(/\\([0-7]{3})/g, (_, octal: string) =>
    String.fromCharCode(Number.parseInt(octal, 8)),
  );

/** The mount table of this process (proc_pid_mountinfo). */
export function listMounts(): readonly MountedFileSystem[] {
  return readFileSync('/proc/self/mountinfo', 'utf8')
    .split('\n')
    .filter(Boolean)
    .map((line) => {
      const [before = '', after = ''] = line.split(' - ');
      const [type = '', source = ''] = after.split(' ');
      return { mountPoint: unescape(before.split(' ')[4] ?? ''), type, source: unescape(source) };
    });
}
