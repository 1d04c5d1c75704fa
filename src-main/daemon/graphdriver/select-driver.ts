/**
 * Chooses the graph driver: an explicit one, else the one this data root has been used with, else the
 * first of the priority list that works here. Follows moby daemon/graphdriver/driver.go New.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import { errorMessage, invalidArgument, unavailable } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { mount, unmountIfMounted } from '../platform/mount.ts';
import type { GraphDriver } from './graphdriver.ts';
import { Overlay2Driver } from './overlay2.ts';
import { VfsDriver } from './vfs.ts';

const PRIORITY = [
  'btrfs',
  'zfs',
  'overlay2',
  'fuse-overlayfs',
  'aufs',
  'overlay',
  'devicemapper',
  'vfs',
] as const;

export interface DriverChoice {
  readonly dataRoot: string;
  /** `--storage-driver`; undefined = choose. */
  readonly explicit?: string;
  readonly log: Log;
}

type Opener = (root: string) => Promise<GraphDriver>;

/** What moby dropped, and what a user of one can do. */
const RETIRED: Readonly<Record<string, string>> = {
  aufs: 'aufs was removed from the kernel and from Docker; save the images with the old daemon (docker save), then load them here with overlay2',
  overlay:
    'the overlay driver was replaced by overlay2; save the images with the old daemon (docker save), then load them here with overlay2',
  devicemapper:
    'devicemapper was removed from Docker; save the images with the old daemon (docker save), then load them here with overlay2',
};

const OPENERS: Readonly<Record<string, Opener>> = {
  overlay2: openOverlay2,
  vfs: (root) => VfsDriver.open(root),
};

/** Opens the driver; throws with the reason and the way out when the wanted one cannot be used. */
export async function selectGraphDriver(choice: DriverChoice): Promise<GraphDriver> {
  const wanted = choice.explicit ?? previousDriver(choice);
  if (wanted !== undefined) return openNamed(choice, wanted);
  for (const name of PRIORITY) {
    const open = OPENERS[name];
    if (!open) continue;
    try {
      return await open(join(choice.dataRoot, name));
    } catch (error) {
      choice.log.debug('graph driver cannot be used here', { name, reason: errorMessage(error) });
    }
  }
  throw unavailable('no supported storage driver found');
}

async function openNamed(choice: DriverChoice, name: string): Promise<GraphDriver> {
  const retired = RETIRED[name];
  if (retired !== undefined)
    throw invalidArgument(`storage driver ${name} is not supported: ${retired}`);
  const open = OPENERS[name];
  if (!open)
    throw invalidArgument(
      `storage driver ${name} is not supported here; use ${Object.keys(OPENERS).join(' or ')}`,
    );
  return open(join(choice.dataRoot, name));
}

/** The driver whose directory holds layers already. Two of them need an explicit choice. */
function previousDriver(choice: DriverChoice): string | undefined {
  const used = PRIORITY.filter((name) => isUsed(join(choice.dataRoot, name), name));
  const withoutCopies = used.filter((name) => name !== 'vfs');
  if (withoutCopies.length > 1)
    throw invalidArgument(
      `${choice.dataRoot} contains several valid graphdrivers: ${used.join(', ')}; cleanup or explicitly choose storage driver (-s <DRIVER>)`,
    );
  const [previous] = withoutCopies.length > 0 ? withoutCopies : used;
  if (previous !== undefined)
    choice.log.info('storage driver of this data root is used again', { driver: previous });
  return previous;
}

function isUsed(root: string, name: string): boolean {
  const directory = name === 'vfs' ? join(root, 'dir') : root;
  if (!existsSync(directory)) return false;
  return readdirSync(directory).some((entry) => entry !== 'l' && !entry.startsWith('.'));
}

const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0xef53: 'extfs',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x01021994: 'tmpfs',
  0x2fc12fc1: 'zfs',
  0x794c7630: 'overlayfs',
  0x6969: 'nfs',
};

async function openOverlay2(root: string): Promise<GraphDriver> {
  mkdirSync(root, { recursive: true, mode: 0o710 });
  const type = statfsSync(root).type;
  const backing = FILE_SYSTEMS[type] ?? '<unknown>';
  if (backing === 'overlayfs' || backing === 'zfs' || backing === 'nfs')
    throw unavailable(`overlay2 cannot keep its layers on ${backing}`);
  probeOverlay(root, '');
  return Overlay2Driver.open({
    root,
    backingFileSystem: backing,
    canDisableIndex: canMount(root, 'index=off,'),
  });
}

function canMount(root: string, options: string): boolean {
  try {
    probeOverlay(root, options);
    return true;
  } catch {
    // The kernel does not know the option.
    return false;
  }
}

/** A real overlay mount of two layers; throws when the kernel or the file system cannot do it. */
function probeOverlay(root: string, options: string): void {
  const directory = mkdtempSync(join(root, `.probe-${randomBytes(3).toString('hex')}`));
  const merged = join(directory, 'merged');
  try {
    for (const name of ['lower1', 'lower2', 'upper', 'work', 'merged'])
      mkdirSync(join(directory, name));
    const at = (name: string): string => join(directory, name);
    mount({
      source: 'overlay',
      target: merged,
      type: 'overlay',
      data: `${options}lowerdir=${at('lower1')}:${at('lower2')},upperdir=${at('upper')},workdir=${at('work')}`,
    });
  } finally {
    unmountIfMounted(merged);
    rmSync(directory, { recursive: true, force: true });
  }
}
