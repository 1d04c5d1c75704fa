/**
 * Network namespaces: made, entered for a moment, dropped. They change the calling thread, so everything
 * here is synchronous and belongs into a worker thread of its own (setns(2), unshare(2)).
 */
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { checked, hasErrno, libcFunction } from './libc.ts';
import { mount, unmountIfMounted } from './mount.ts';

const unshareC = libcFunction('int unshare(int flags)');
const setnsC = libcFunction('int setns(int fd, int type)');
const CLONE_NEWNET = 0x40000000;
const SELF = '/proc/thread-self/ns/net';

/** Runs `work` in another namespace and always comes back. */
function inside<T>(enter: () => void, work: () => T): T {
  const home = openSync(SELF, 'r');
  try {
    enter();
    try {
      return work();
    } finally {
      checked('setns', 'home namespace', setnsC, home, CLONE_NEWNET);
    }
  } finally {
    closeSync(home);
  }
}

/** Makes a namespace that lives at `path` and runs `work` in it; `fd` refers to it as long as that takes. */
export function createNamespace<T>(path: string, work: (fd: number) => T): T {
  writeFileSync(path, '', { mode: 0o444 });
  return inside(
    () => checked('unshare', 'network namespace', unshareC, CLONE_NEWNET),
    () => {
      mount({ source: SELF, target: path, type: '', flags: ['bind'] });
      return withNamespaceFd(SELF, work);
    },
  );
}

/** Runs `work` in the namespace at `path`. */
export function inNamespace<T>(path: string, work: (fd: number) => T): T {
  return withNamespaceFd(path, (fd) =>
    inside(
      () => checked('setns', path, setnsC, fd, CLONE_NEWNET),
      () => work(fd),
    ),
  );
}

function withNamespaceFd<T>(path: string, work: (fd: number) => T): T {
  const fd = openSync(path, 'r');
  try {
    return work(fd);
  } finally {
    closeSync(fd);
  }
}

/** Sets a value under /proc/sys/net of the namespace the thread is in; what the kernel lacks is left out. */
export function setNetworkSysctl(name: string, value: string): void {
  try {
    writeFileSync(`/proc/sys/net/${name}`, value);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT')) throw error;
  }
}

/** Drops our hold; the kernel removes the namespace and its links when nothing uses it. Gone already is fine. */
export function dropNamespace(path: string): void {
  unmountIfMounted(path);
  rmSync(path, { force: true });
}
