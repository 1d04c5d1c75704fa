/** A data root for each graph driver this machine can run, on the file system the driver needs. */
import { execFileSync } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const BTRFS_IMAGE_BYTES = 512 * 1024 * 1024;
const LOOP_MAJOR = '7';

function succeeds(work: () => void): boolean {
  try {
    work();
    return true;
  } catch {
    // Whatever is missing, the answer is the same.
    return false;
  }
}

function run(program: string, ...args: readonly string[]): string {
  return execFileSync(program, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

const knowsFileSystem = (name: string): boolean => {
  if (!readFileSync('/proc/filesystems', 'utf8').includes(`\t${name}\n`))
    succeeds(() => run('modprobe', name));
  return readFileSync('/proc/filesystems', 'utf8').includes(`\t${name}\n`);
};

export interface DriverRoom extends Disposable {
  readonly dataRoot: string;
  /** Where a driver keeps one entry a layer. */
  readonly layerDirectory: string;
}

const LAYER_DIRECTORIES: Readonly<Record<string, string>> = {
  vfs: 'vfs/dir',
  btrfs: 'btrfs/subvolumes',
};

/** Makes the data root; dispose removes it and what it is mounted from. */
export function openDriverRoom(driver: string): DriverRoom {
  const directory = mkdtempSync(join(tmpdir(), 'windlass-driver-'));
  using undo = new DisposableStack();
  undo.defer(() => rmSync(directory, { recursive: true, force: true }));
  if (driver === 'btrfs') {
    const image = `${directory}.img`;
    undo.defer(() => rmSync(image, { force: true }));
    writeFileSync(image, '');
    truncateSync(image, BTRFS_IMAGE_BYTES);
    run('mkfs.btrfs', '-q', image);
    mountLoop(image, directory);
    undo.defer(() => run('umount', directory));
  }
  const owned = undo.move();
  return {
    dataRoot: directory,
    layerDirectory: join(directory, LAYER_DIRECTORIES[driver] ?? driver),
    [Symbol.dispose]: () => owned.dispose(),
  };
}

/** Another process may take the free loop device first, or its node may be missing here. */
function mountLoop(image: string, directory: string): void {
  for (let attempt = 1; ; attempt++) {
    try {
      const device = run('losetup', '--find').trim();
      if (!existsSync(device))
        run('mknod', device, 'b', LOOP_MAJOR, device.replace('/dev/loop', ''));
      run('mount', '-t', 'btrfs', '-o', `loop=${device}`, image, directory);
      return;
    } catch (error) {
      if (attempt === 20) throw error;
    }
  }
}

/** By doing it: a container may have the device and still not be let. */
const canRunFuse = (): boolean =>
  succeeds(() => {
    const directory = mkdtempSync(join(tmpdir(), 'windlass-fuse-'));
    try {
      for (const name of ['lower', 'upper', 'work', 'merged']) mkdirSync(join(directory, name));
      const at = (name: string): string => join(directory, name);
      const options = `lowerdir=${at('lower')},upperdir=${at('upper')},workdir=${at('work')}`;
      run('fuse-overlayfs', '-o', options, at('merged'));
      run('umount', at('merged'));
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  });

const canRunBtrfs = (): boolean =>
  knowsFileSystem('btrfs') &&
  existsSync('/dev/loop-control') &&
  succeeds(() => openDriverRoom('btrfs')[Symbol.dispose]());

/** Drivers whose suite runs here. Those of the kernel's that are missing are seen to be refused. */
export const DRIVERS: readonly string[] = [
  'overlay2',
  'vfs',
  ...(canRunFuse() ? ['fuse-overlayfs'] : []),
  ...(canRunBtrfs() ? ['btrfs'] : []),
];
