/**
 * Chooses the graph driver: an explicit one, else the one this data root has been used with, else the
 * first of the priority list that works here. Follows moby daemon/graphdriver/driver.go New.
 */
import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, statfsSync } from 'node:fs';
import { join } from 'node:path';
import {
  EngineError,
  errorMessage,
  invalidArgument,
  toEngineError,
  unavailable,
} from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { parseBoolean, parseBytes } from '../platform/go-values.ts';
import { hasErrno } from '../platform/libc.ts';
import { mount, unmountIfMounted } from '../platform/mount.ts';
import { isInUserNamespace } from '../platform/user-namespace.ts';
import { BtrfsDriver } from './btrfs.ts';
import { DriverRefusal } from './driver-refusal.ts';
import { openFuseOverlayfs } from './fuse-overlayfs.ts';
import type { GraphDriver } from './graphdriver.ts';
import { Overlay2Driver } from './overlay2.ts';
import { parseStorageOption } from './storage-options.ts';
import { VfsDriver } from './vfs.ts';
import { ZfsDriver } from './zfs.ts';

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
  /** `--storage-opt`, `key=value` each. */
  readonly options?: readonly string[];
  readonly log: Log;
}

type Opener = (root: string, options: readonly string[]) => Promise<GraphDriver>;

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
  'fuse-overlayfs': (root) => openFuseOverlayfs(root),
  btrfs: (root, options) => BtrfsDriver.open(root, options),
  zfs: (root, options) => ZfsDriver.open(root, options),
  vfs: (root, options) => VfsDriver.open(root, options),
};

/**
 * Opens the driver. Throws `error initializing graphdriver: …` with the reason and the way out when
 * the wanted one cannot be used.
 */
export async function selectGraphDriver(choice: DriverChoice): Promise<GraphDriver> {
  try {
    if (choice.explicit !== undefined) return await openNamed(choice, choice.explicit);
    return (await openPrevious(choice)) ?? (await openFirst(choice));
  } catch (error) {
    const { code } = toEngineError(error);
    throw new EngineError(code, `error initializing graphdriver: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}

async function openNamed(choice: DriverChoice, name: string): Promise<GraphDriver> {
  const retired = RETIRED[name];
  if (retired !== undefined) throw new DriverRefusal('unsupported', retired);
  const open = OPENERS[name];
  if (!open) {
    const known = Object.keys(OPENERS).join(', ');
    throw new DriverRefusal('unsupported', `there is no driver "${name}"; there are ${known}`);
  }
  return open(join(choice.dataRoot, name), choice.options ?? []);
}

/**
 * The driver whose directory holds layers already, the first of the list. When it cannot be opened
 * the start fails: with another one all images would seem gone. vfs does not count.
 */
async function openPrevious(choice: DriverChoice): Promise<GraphDriver | undefined> {
  const used = PRIORITY.filter((name) => name !== 'vfs' && isUsed(join(choice.dataRoot, name)));
  const [previous] = used;
  if (previous === undefined) return undefined;
  const driver = await openNamed(choice, previous).catch((error: unknown) => {
    choice.log.error(`prior storage driver ${previous} failed: ${errorMessage(error)}`);
    throw error;
  });
  if (used.length > 1) {
    throw invalidArgument(
      `${choice.dataRoot} contains several valid graphdrivers: ${used.join(', ')}; Please cleanup or explicitly choose storage driver (-s <DRIVER>)`,
    );
  }
  choice.log.info('using prior storage driver', { driver: previous });
  return driver;
}

/** The first of the list that works here. Only a driver that cannot run here makes way for the next. */
async function openFirst(choice: DriverChoice): Promise<GraphDriver> {
  for (const name of PRIORITY) {
    if (OPENERS[name] === undefined) continue;
    try {
      return await openNamed(choice, name);
    } catch (error) {
      if (!(error instanceof DriverRefusal)) throw error;
      choice.log.debug('graph driver cannot be used here', { name, reason: error.message });
    }
  }
  throw unavailable('no supported storage driver found');
}

function isUsed(directory: string): boolean {
  if (!existsSync(directory)) return false;
  return readdirSync(directory).some(
    (entry) => !OWN_DIRECTORIES.has(entry) && !entry.startsWith('.'),
  );
}

/** What a driver makes when it is opened, before there is any layer. */
const OWN_DIRECTORIES: ReadonlySet<string> = new Set(['l', 'quotas', 'subvolumes', 'graph']);

const FILE_SYSTEMS: Readonly<Record<number, string>> = {
  0xef53: 'extfs',
  0x58465342: 'xfs',
  0x9123683e: 'btrfs',
  0x01021994: 'tmpfs',
  0x2fc12fc1: 'zfs',
  0x794c7630: 'overlayfs',
  0x6969: 'nfs',
};

async function openOverlay2(root: string, options: readonly string[]): Promise<GraphDriver> {
  const limit = overlayLimit(options);
  mkdirSync(root, { recursive: true, mode: 0o710 });
  sweepProbes(root);
  const type = statfsSync(root).type;
  const backing = FILE_SYSTEMS[type] ?? '<unknown>';
  if (backing === 'overlayfs' || backing === 'zfs' || backing === 'nfs')
    throw new DriverRefusal('unsupported', `overlay2 cannot keep its layers on ${backing}`);
  if (limit > 0) {
    throw invalidArgument(
      backing === 'xfs'
        ? 'Storage option overlay2.size not supported. Filesystem does not support Project Quota'
        : `Storage Option overlay2.size only supported for backingFS XFS. Found ${backing}`,
    );
  }
  try {
    probeOverlay(root, isInUserNamespace ? 'userxattr,' : '');
  } catch (error) {
    if (!isFull(error)) throw new DriverRefusal('unsupported', errorMessage(error));
  }
  return Overlay2Driver.open({
    root,
    name: 'overlay2',
    status: [
      ['Backing Filesystem', backing],
      ['Supports d_type', 'true'],
      ['Native Overlay Diff', 'true'],
      ['userxattr', `${isInUserNamespace}`],
    ],
    canDisableIndex: canMount(root, 'index=off,'),
    usesUserXattr: isInUserNamespace,
  });
}

/** `overlay2.size` in bytes. Throws invalidArgument for what is no option of overlay2. */
function overlayLimit(options: readonly string[]): number {
  let limit = 0;
  for (const [key, value] of options.map(parseStorageOption)) {
    if (key === 'overlay2.size') limit = parseBytes(value);
    // Deprecated and without effect, but its value is looked at.
    else if (key === 'overlay2.override_kernel_check') parseBoolean(value);
    else throw invalidArgument(`overlay2: unknown option ${key}`);
  }
  return limit;
}

function canMount(root: string, options: string): boolean {
  try {
    probeOverlay(root, options);
    return true;
  } catch (error) {
    // Else the kernel does not know the option.
    return isFull(error);
  }
}

/** A full disk says nothing of what the kernel can do; a daemon must come up on it, to make room. */
const isFull = (error: unknown): boolean => hasErrno(error, 'ENOSPC', 'EDQUOT');

const PROBE = '.probe-';

/** What a probe left when the daemon died in it. */
function sweepProbes(root: string): void {
  for (const name of readdirSync(root).filter((one) => one.startsWith(PROBE))) {
    unmountIfMounted(join(root, name, 'merged'));
    rmSync(join(root, name), { recursive: true, force: true });
  }
}

/** A real overlay mount of two layers; throws when the kernel or the file system cannot do it. */
function probeOverlay(root: string, options: string): void {
  const directory = mkdtempSync(join(root, `${PROBE}${randomBytes(3).toString('hex')}`));
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
