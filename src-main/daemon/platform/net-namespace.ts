/**
 * Network namespaces: made, entered for a moment, dropped. They change the calling thread, so everything
 * here is synchronous and belongs into a worker thread of its own (setns(2), unshare(2)).
 */
import { closeSync, openSync, rmSync, writeFileSync } from 'node:fs';
import { checked, libcFunction } from './libc.ts';
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

/** Makes a namespace that lives at `path` and runs `work` in it. */
export function createNamespace<T>(path: string, work: () => T): T {
  writeFileSync(path, '', { mode: 0o444, flag: 'w' });
  return inside(
    () => checked('unshare', 'network namespace', unshareC, CLONE_NEWNET),
    () => {
      mount({ source: SELF, target: path, type: '', flags: ['bind'] });
      return work();
    },
  );
}

/** Runs `work` in the namespace at `path`. */
export function inNamespace<T>(path: string, work: () => T): T {
  return inside(() => {
    const fd = openSync(path, 'r');
    try {
      checked('setns', path, setnsC, fd, CLONE_NEWNET);
    } finally {
      closeSync(fd);
    }
  }, work);
}

/** Drops our hold; the kernel removes the namespace and its links when nothing uses it. Gone already is fine. */
export function dropNamespace(path: string): void {
  unmountIfMounted(path);
  rmSync(path, { force: true });
}
