import { closeSync, fstatSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { holdFifo, makeFifo, openFifoWriter } from './fifo.ts';

let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'windlass-fifo-'));
});

afterEach(() => rmSync(root, { recursive: true, force: true }));

describe('holdFifo', () => {
  it('lets others write while nobody reads, until it lets go', () => {
    const path = join(root, 'pipe');
    makeFifo(path);
    expect(openFifoWriter(path)).toBeUndefined();
    const held = holdFifo(path);
    openFifoWriter(path)?.destroy();
    held[Symbol.dispose]();
    expect(openFifoWriter(path)).toBeUndefined();
  });

  it('closes nobody else when it lets go twice', () => {
    const path = join(root, 'pipe');
    makeFifo(path);
    const held = holdFifo(path);
    held[Symbol.dispose]();
    // The kernel gives the lowest free number: the one that was just closed.
    const other = openSync(root, 'r');
    held[Symbol.dispose]();
    expect(fstatSync(other).isDirectory()).toBe(true);
    closeSync(other);
  });
});
