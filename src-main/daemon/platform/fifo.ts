/**
 * Named pipes as Node streams on the event loop. A reading end is opened before any writer exists and
 * does not see an early EOF; nothing here occupies a thread of libuv's pool, as fs streams on FIFOs would.
 */
import { closeSync, constants, openSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Readable, Writable } from 'node:stream';
import { checked, hasErrno, libcFunction } from './libc.ts';

const mkfifoC = libcFunction('int mkfifo(const char *path, unsigned int mode)');

/** Makes a FIFO with mode 0600; one that is there already is fine. */
export function makeFifo(path: string): void {
  try {
    checked('mkfifo', path, mkfifoC, path, 0o600);
  } catch (error) {
    if (!hasErrno(error, 'EEXIST')) throw error;
  }
}

/** The reading end; ends when the last writer has closed. */
export function openFifoReader(path: string): Readable {
  const fd = openSync(path, constants.O_RDONLY | constants.O_NONBLOCK);
  return new Socket({ fd, readable: true, writable: false });
}

/** The writing end; undefined while nobody reads (ENXIO). */
export function openFifoWriter(path: string): Writable | undefined {
  try {
    const fd = openSync(path, constants.O_WRONLY | constants.O_NONBLOCK);
    return new Socket({ fd, readable: false, writable: true });
  } catch (error) {
    if (hasErrno(error, 'ENXIO', 'ENOENT')) return undefined;
    throw error;
  }
}

/**
 * Holds a FIFO open both ways, so that others may open and close it without ending it. Letting go
 * twice is harmless: the number may be another file's by then.
 */
export function holdFifo(path: string): Disposable {
  let fd: number | undefined = openSync(path, constants.O_RDWR | constants.O_NONBLOCK);
  return {
    [Symbol.dispose]: () => {
      if (fd !== undefined) closeSync(fd);
      fd = undefined;
    },
  };
}
