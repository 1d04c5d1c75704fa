/** Where the last n lines of a file begin, found from its end in blocks. */
import { open } from 'node:fs/promises';

const BLOCK_BYTES = 64 * 1024;
const NEWLINE = 10;

/** Offset of the first of the last `lines` lines before `end`. */
export async function tailPosition(path: string, lines: number, end: number): Promise<number> {
  if (end === 0) return 0;
  const file = await open(path, 'r');
  try {
    const block = Buffer.alloc(BLOCK_BYTES);
    let found = 0;
    for (let at = end; at > 0; ) {
      const start = Math.max(at - BLOCK_BYTES, 0);
      await file.read(block, 0, at - start, start);
      for (let index = at - start - 1; index >= 0; index--) {
        // The newline at the very end ends the last line; it begins none.
        if (block[index] !== NEWLINE || start + index === end - 1) continue;
        if (++found === lines) return start + index + 1;
      }
      at = start;
    }
    return 0;
  } finally {
    await file.close();
  }
}
