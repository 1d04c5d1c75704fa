/**
 * Work inside a root file system that somebody hostile may be changing: the calling thread gets a mount namespace
 * of its own, the root's volumes are mounted there, and the root becomes the thread's root before one path of it
 * is looked at. A link then leads where it leads inside; there is nothing outside to reach (moby
 * pkg/chrootarchive, CVE-2018-15664). Synchronous, and for worker threads only: unshare(2) and chroot(2) are
 * the thread's, and everything that runs on libuv's pool is not inside.
 */
import { closeSync, constants, mkdirSync, openSync, statSync } from 'node:fs';
import { basename, dirname, posix } from 'node:path';
import { bytePath, cPath, nativePath } from './byte-path.ts';
import { followLinks } from './follow-links.ts';
import { checked, hasErrno, libcFunction } from './libc.ts';
import { mount } from './mount.ts';

const unshareC = libcFunction('int unshare(int flags)');
const setnsC = libcFunction('int setns(int fd, int type)');
const chrootC = libcFunction('int chroot(const char *path)');
const chdirC = libcFunction('int chdir(const char *path)');
const fchdirC = libcFunction('int fchdir(int fd)');

const CLONE_NEWNS = 0x00020000;
const O_PATH = 0o10000000;

/** A bind mount into the root, for the time of the work. */
export interface RootMount {
  /** On the host. */
  readonly source: string;
  /** In the root. */
  readonly destination: string;
  readonly isReadOnly: boolean;
  /** With what is mounted below the source. */
  readonly isRecursive: boolean;
}

interface OpenSource {
  readonly mount: RootMount;
  readonly isDirectory: boolean;
  /** The directory itself, or the one the file is in. */
  readonly fd: number;
  readonly name: string;
}

/** Runs `work` inside and comes back. Throws StrandedThreadError where that fails. */
export function insideRoot<T>(root: string, mounts: readonly RootMount[], work: () => T): T {
  using fds = new DisposableStack();
  const open = (path: string, flags: number): number =>
    fds.adopt(openSync(path, flags), (fd) => closeSync(fd));
  const homeNamespace = open('/proc/thread-self/ns/mnt', constants.O_RDONLY);
  const homeRoot = open('/', O_PATH | constants.O_DIRECTORY);
  checked('unshare', 'mount namespace', unshareC, CLONE_NEWNS);
  try {
    mount({ source: 'none', target: '/', type: '', flags: ['rec', 'private'] });
    const sources = mounts.map((one) => openSource(one, open));
    enter(root);
    for (const source of sources) bindInside(source);
    checked('chdir', '/', chdirC, '/');
    return work();
  } finally {
    goHome(homeNamespace, homeRoot);
  }
}

/** The thread is still inside a root: it must end. */
export class StrandedThreadError extends Error {}

function goHome(namespace: number, root: number): void {
  try {
    checked('setns', 'home namespace', setnsC, namespace, CLONE_NEWNS);
    checked('fchdir', 'home root', fchdirC, root);
    checked('chroot', 'home root', chrootC, '.');
  } catch (error) {
    throw new StrandedThreadError('the thread cannot leave the root', { cause: error });
  }
}

function enter(root: string): void {
  checked('chroot', root, chrootC, root);
  checked('chdir', '/', chdirC, '/');
}

/** Opened before the root changes: afterwards the host's paths are out of reach. */
function openSource(one: RootMount, open: (path: string, flags: number) => number): OpenSource {
  const isDirectory = statSync(one.source).isDirectory();
  const directory = isDirectory ? one.source : dirname(one.source);
  return {
    mount: one,
    isDirectory,
    fd: open(directory, O_PATH | constants.O_DIRECTORY),
    name: isDirectory ? '.' : basename(one.source),
  };
}

/** Binds onto where the destination leads inside; a missing one is made, as the start of a container does. */
function bindInside({ mount: one, isDirectory, fd, name }: OpenSource): void {
  const destination = followLinks(bytePath(one.destination));
  makeMountPoint(destination, isDirectory);
  checked('fchdir', one.source, fchdirC, fd);
  const target = cPath(destination);
  mount({ source: name, target, type: '', flags: [one.isRecursive ? 'rbind' : 'bind'] });
  if (one.isReadOnly) mount({ source: 'none', target, type: '', flags: ['remount', 'bind', 'ro'] });
}

function makeMountPoint(path: string, isDirectory: boolean): void {
  if (statSync(nativePath(path), { throwIfNoEntry: false })) return;
  const directory = isDirectory ? path : posix.dirname(path);
  mkdirSync(nativePath(directory), { recursive: true, mode: 0o755 });
  if (isDirectory) return;
  try {
    closeSync(openSync(nativePath(path), 'wx', 0o755));
  } catch (error) {
    if (!hasErrno(error, 'EEXIST')) throw error;
  }
}
