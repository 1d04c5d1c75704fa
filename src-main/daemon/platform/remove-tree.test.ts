import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { removeTree } from './remove-tree.ts';

let directory: string;
let tree: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'wl-remove-'));
  tree = join(directory, 'tree');
  mkdirSync(join(tree, 'a/b'), { recursive: true });
  writeFileSync(join(directory, 'outside'), 'stays');
  symlinkSync('../../../outside', join(tree, 'a/b/link'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const gone = async (): Promise<void> => {
  await removeTree(tree);
  expect(existsSync(tree)).toBe(false);
  expect(existsSync(join(directory, 'outside'))).toBe(true);
};

describe('removeTree', () => {
  it('removes a small tree, and does not mind one that is gone', async () => {
    await gone();
    await gone();
  });

  it('removes many files, and large ones', async () => {
    for (let at = 0; at < 300; at++) writeFileSync(join(tree, `a/${String(at)}`), '');
    writeFileSync(join(tree, 'large'), Buffer.alloc(2 * 1024 * 1024));
    await gone();
  });

  it('removes names that are no text', async () => {
    execFileSync('bash', ['-c', `touch "$0"/a/$'\\xff\\xfe' "$0"/$'\\xff'`, tree]);
    await gone();
  });

  it('removes what is deeper than a path may be long', async () => {
    execFileSync('bash', [
      '-c',
      'cd "$0" && for i in $(seq 200); do mkdir deeper-than-a-path-may-be && cd deeper-than-a-path-may-be; done; touch file',
      tree,
    ]);
    await gone();
  });

  it('removes several at once', async () => {
    const trees = ['one', 'two', 'three'].map((name) => join(directory, name));
    for (const each of trees) {
      mkdirSync(each);
      for (let at = 0; at < 50; at++) writeFileSync(join(each, String(at)), '');
    }
    await Promise.all(trees.map(removeTree));
    expect(trees.filter((each) => existsSync(each))).toEqual([]);
  });
});
