/** pipe2(2): bytes between two threads of this process, each going at the other's speed. */
import { checked, libcFunction } from './libc.ts';

const pipe2C = libcFunction('int pipe2(int *fds, int flags)');
const O_CLOEXEC = 0o2000000;

/** Both ends, blocking, closed in programs that are started. Whoever takes an end closes it. */
export function makePipe(): { readonly read: number; readonly write: number } {
  const ends = new Int32Array(2);
  checked('pipe2', '', pipe2C, ends, O_CLOEXEC);
  return { read: ends[0] ?? -1, write: ends[1] ?? -1 };
}
