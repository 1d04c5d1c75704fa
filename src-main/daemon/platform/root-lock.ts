/** One daemon a root directory: a lock the kernel drops when its holder dies (flock(2)). */
import { closeSync, openSync } from 'node:fs';
import { checked, hasErrno, libcFunction } from './libc.ts';

const flockC = libcFunction('int flock(int fd, int operation)');
const LOCK_EX_NB = 2 | 4;

/** Takes the lock; undefined when another process has it. */
export function lockFile(path: string): Disposable | undefined {
  const fd = openSync(path, 'w', 0o600);
  try {
    checked('flock', path, flockC, fd, LOCK_EX_NB);
  } catch (error) {
    closeSync(fd);
    if (hasErrno(error, 'EAGAIN', 'EWOULDBLOCK')) return undefined;
    throw error;
  }
  return { [Symbol.dispose]: () => closeSync(fd) };
}
