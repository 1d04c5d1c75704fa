/** Where the last n lines of a file begin, found from its end in blocks. */
import type { FileHandle } from 'node:fs/promises';
import type { Tail } from './log-format.ts';

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 10;

/** The last `lines` lines before `end`. */
export async function tailPosition(file: FileHandle, lines: number, end: number): Promise<Tail> {
  if (end === 0) return { offset: 0, found: 0 };
  const block = Buffer.alloc(BLOCK_BYTES);
  let found = 0;
  for (let at = end; at > 0; ) {
    const start = Math.max(at - BLOCK_BYTES, 0);
    await file.read(block, 0, at - start, start);
    for (let index = at - start - 1; index >= 0; index--) {
      // The newline at the very end ends the last line; it begins none.
      if (block[index] !== NEWLINE || start + index === end - 1) continue;
      if (++found === lines) return { offset: start + index + 1, found };
    }
    at = start;
  }
  return { offset: 0, found: found + 1 };
}
