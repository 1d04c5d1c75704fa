/** Overlay mounts by the fuse-overlayfs program, where the kernel's are not to be had (moby daemon/graphdriver/fuse-overlayfs). */
import { execFile } from 'node:child_process';
import { accessSync, closeSync, constants, mkdirSync, openSync } from 'node:fs';
import { promisify } from 'node:util';
import { errorMessage, internal } from '../../../shared/errors.ts';
import { checked, hasErrno, libcFunction } from '../platform/libc.ts';
import { DriverRefusal } from './driver-refusal.ts';
import { Overlay2Driver } from './overlay2.ts';

const run = promisify(execFile);
const PROGRAM = 'fuse-overlayfs';
const syncfsC = libcFunction('int syncfs(int fd)');

/** Throws DriverRefusal without the program or the kernel's FUSE. */
export async function openFuseOverlayfs(root: string): Promise<Overlay2Driver> {
  try {
    accessSync('/dev/fuse', constants.R_OK | constants.W_OK);
    await run(PROGRAM, ['--version']);
  } catch (error) {
    throw new DriverRefusal('unsupported', `${PROGRAM} cannot run: ${errorMessage(error)}`);
  }
  mkdirSync(root, { recursive: true, mode: 0o710 });
  return Overlay2Driver.open({
    root,
    name: PROGRAM,
    status: [],
    canDisableIndex: false,
    mount: async (target, options) => {
      try {
        await run(PROGRAM, ['-o', options, target], { cwd: root });
      } catch (error) {
        throw internal(`using mount program ${PROGRAM}: ${errorMessage(error)}`, { cause: error });
      }
    },
    flush,
  });
}

/** The program keeps what was written for a while before its files have it. */
function flush(mountPoint: string): void {
  let fd: number;
  try {
    fd = openSync(mountPoint, constants.O_RDONLY | constants.O_DIRECTORY);
  } catch (error) {
    // Not mounted: everything is there.
    if (hasErrno(error, 'ENOENT')) return;
    throw error;
  }
  try {
    checked('syncfs', mountPoint, syncfsC, fd);
  } finally {
    closeSync(fd);
  }
}
