import { execFileSync } from 'node:child_process';
import { chmodSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'wl-compile-'));
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const module = fileURLToPath(new URL('./compile-cache.ts', import.meta.url));

/** In a process of its own: the cache cannot be turned off again. Answers what the function did. */
function keepIn(directory: string): string {
  const program = join(root, 'program.mjs');
  writeFileSync(join(root, 'loaded.mjs'), 'export const loaded = () => 1;');
  writeFileSync(
    program,
    `import { keepCompiledCode } from ${JSON.stringify(module)};
console.log(keepCompiledCode(${JSON.stringify(directory)}));
await import('./loaded.mjs');`,
  );
  return execFileSync(process.execPath, [program], { encoding: 'utf8' }).trim();
}

describe('keepCompiledCode', () => {
  it('keeps code in a directory of ours', () => {
    const directory = join(root, 'cache');
    expect(keepIn(directory)).toBe('true');
    expect(readdirSync(directory)).not.toEqual([]);
  });

  it('keeps none where others may write, or nobody can', () => {
    const shared = join(root, 'shared');
    keepIn(shared);
    rmSync(shared, { recursive: true });
    execFileSync('mkdir', [shared]);
    chmodSync(shared, 0o777);
    expect(keepIn(shared)).toBe('false');
    expect(readdirSync(shared)).toEqual([]);
    expect(keepIn(join(root, 'program.mjs', 'cache'))).toBe('false');
  });
});
