/**
 * libc through koffi: the one place that loads it. Each syscall wrapper in this room is built with
 * {@link libcFunction} and reports failure as {@link SyscallError} with the errno name.
 */
import { constants as osConstants } from 'node:os';
import koffi from 'koffi';

const libc = koffi.load('libc.so.6');

const errnoNames = new Map<number, string>(
  Object.entries(osConstants.errno).map(([name, number]) => [number, name]),
);

/** A failed system call. `code` is the errno name ("EBUSY"), as Node's own errors have it. */
export class SyscallError extends Error {
  readonly code: string;
  readonly errno: number;
  readonly syscall: string;

  constructor(syscall: string, errno: number, subject: string) {
    const code = errnoNames.get(errno) ?? `E${errno}`;
    super(`${syscall} ${subject}: ${code}`.trim());
    this.name = 'SyscallError';
    this.code = code;
    this.errno = errno;
    this.syscall = syscall;
  }
}

/** True when `error` carries the errno name, whether from Node or from {@link SyscallError}. */
export function hasErrno(error: unknown, ...codes: string[]): boolean {
  return (
    error instanceof Error &&
    'code' in error &&
    typeof error.code === 'string' &&
    codes.includes(error.code)
  );
}

export interface LibcFunction {
  (...args: unknown[]): number;
  /** Runs on a thread of the pool; the last argument is called with (error, result). errno is lost. */
  async(...args: unknown[]): void;
}

/**
 * Binds a libc function by its C prototype, e.g. `int umount2(const char *target, int flags)`.
 * Use `int64` where C has `ssize_t` (koffi does not know the name).
 */
export function libcFunction(prototype: string): LibcFunction {
  return libc.func(prototype);
}

/** Calls a bound function that answers -1 on failure; throws {@link SyscallError} naming `subject`. */
export function checked(
  name: string,
  subject: string,
  bound: LibcFunction,
  ...args: unknown[]
): number {
  const result = bound(...args);
  if (result < 0) throw new SyscallError(name, koffi.errno(), subject);
  return result;
}
