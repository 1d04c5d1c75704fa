/** Memory that was freed and that the C library keeps for later. */
import { libcFunction } from './libc.ts';

const mallocTrimC = libcFunction('int malloc_trim(size_t pad)');

/** Gives it back to the system; on a thread of the pool, for it can take some milliseconds. */
export function returnFreedMemory(): void {
  mallocTrimC.async(0, () => undefined);
}
