import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeTar, readTar } from './tar.ts';

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'windlass-tar-'));
});
afterAll(() => rmSync(directory, { recursive: true }));

const LONG = `${'much '.repeat(30)}ado-äöü`;
/** In pieces of an odd size, as a stream brings them. */
async function* inPieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 333) yield bytes.subarray(at, at + 333);
}

describe('tar in the window', () => {
  it.each(['gnu', 'pax'])('is read as GNU tar writes it in the %s format', async (format) => {
    const tree = join(directory, format);
    mkdirSync(tree);
    writeFileSync(join(tree, 'a'), 'x'.repeat(1000));
    writeFileSync(join(tree, LONG), 'long');
    symlinkSync('a', join(tree, 'link'));
    const archive = execFileSync('tar', [`--format=${format}`, '--sort=name', '-cC', tree, '.']);
    const seen: string[] = [];
    for await (const { name, type, size, linkTarget, body } of readTar(inPieces(archive))) {
      const parts = name.endsWith('/a') ? [] : await Array.fromAsync(body);
      seen.push([name, type, size, linkTarget, Buffer.concat(parts).toString()].join('|'));
    }
    expect(seen).toEqual(['./|5|0||', './a|0|1000||', './link|2|0|a|', `./${LONG}|0|4||long`]);
  });

  it('is written as GNU tar reads it', async () => {
    const base = { mode: 0o640, uid: 0, gid: 0, modifiedMs: 1.7e12, linkTarget: '' };
    const blob = makeTar([
      { header: { ...base, mode: 0o755, name: 'new', type: '5', size: 0 } },
      { header: { ...base, name: `new/${LONG}`, type: '0', size: 5 }, body: new Blob(['hello']) },
    ]);
    const into = join(directory, 'out');
    mkdirSync(into);
    const input = Buffer.from(await blob.arrayBuffer());
    execFileSync('tar', ['-xC', into], { input });
    expect(readFileSync(join(into, 'new', LONG), 'utf8')).toBe('hello');
    const listed = execFileSync('tar', ['-tv', '--utc'], { input }).toString();
    expect(listed).toMatch(/^drwxr-xr-x .* 2023-11-14 22:13 new/m);
    expect(listed).toMatch(/^-rw-r-----/m);
  });
});
