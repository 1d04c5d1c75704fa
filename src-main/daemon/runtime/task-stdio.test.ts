import { closeSync, constants, existsSync, openSync, readSync, writeSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { textOf, until } from '../../../test/support/runtime-room.ts';
import { streamsOf, TaskStdio } from './task-stdio.ts';

let root: string;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'wl-stdio-'));
});

afterEach(async () => {
  await rm(root, { recursive: true, force: true });
});

const PIPES = { terminal: false, stdin: true };
/** As the shim does: both ends, so that it lives on without a reader. */
const shimEnd = (path: string): number => openSync(path, constants.O_RDWR | constants.O_NONBLOCK);

describe('TaskStdio', () => {
  it('makes what the shape asks for', async () => {
    const pipes = await TaskStdio.create(root, 'pipes', PIPES);
    expect(Object.values(pipes.paths).filter(Boolean)).toHaveLength(3);
    const terminal = await TaskStdio.create(root, 'terminal', { terminal: true, stdin: false });
    expect(terminal.paths).toMatchObject({ stdin: '', stderr: '', terminal: true });
    expect(terminal.stderr).toBeUndefined();
    expect(await terminal.openStdin()).toBeUndefined();
    await pipes.close();
    await terminal.close();
    expect(existsSync(join(root, 'stdio/pipes'))).toBe(false);
  });

  it('sees no end of file before a writer came, and one when the last has gone', async () => {
    const stdio = await TaskStdio.create(root, 'id', PIPES);
    let ended = false;
    const output = textOf(stdio.stdout).finally(() => {
      ended = true;
    });
    await delay(50);
    expect(ended).toBe(false);
    const writer = openSync(stdio.paths.stdout, constants.O_WRONLY);
    writeSync(writer, 'all of it');
    closeSync(writer);
    expect(await output).toBe('all of it');
    await stdio.close();
  });

  it('has an input only once somebody reads it', async () => {
    const stdio = await TaskStdio.create(root, 'id', PIPES);
    const opening = stdio.openStdin();
    expect(await Promise.race([opening, delay(20).then(() => 'not yet')])).toBe('not yet');
    const reader = openSync(stdio.paths.stdin, constants.O_RDONLY | constants.O_NONBLOCK);
    const stdin = await opening;
    stdin?.write('typed');
    const bytes = Buffer.alloc(16);
    await until('the input', () => {
      try {
        return readSync(reader, bytes) > 0;
      } catch {
        // EAGAIN: not yet.
        return false;
      }
    });
    expect(bytes.toString('utf8', 0, 5)).toBe('typed');
    closeSync(reader);
    await stdio.close();
  });

  it('stops waiting for a reader when it is closed', async () => {
    const stdio = await TaskStdio.create(root, 'id', PIPES);
    const opening = stdio.openStdin();
    await stdio.close();
    expect(await opening).toBeUndefined();
  });

  it('survives a process that leaves its input unread', async () => {
    const stdio = await TaskStdio.create(root, 'id', PIPES);
    const reader = openSync(stdio.paths.stdin, constants.O_RDONLY | constants.O_NONBLOCK);
    const stdin = await stdio.openStdin();
    closeSync(reader);
    stdin?.write('into the void');
    await until('the broken pipe', () => stdin?.destroyed ?? false);
    await stdio.close();
  });

  it('keeps a writer waiting while nobody reads', async () => {
    const stdio = await TaskStdio.create(root, 'id', PIPES);
    const writer = shimEnd(stdio.paths.stdout);
    const chunk = Buffer.alloc(65_536);
    let sentBytes = 0;
    const fill = (): void => {
      try {
        for (;;) sentBytes += writeSync(writer, chunk);
      } catch {
        // EAGAIN: the pipe is full.
      }
    };
    for (let round = 0; round < 20; round++) {
      fill();
      await delay(5);
    }
    // The pipe and the stream's own buffer, no more.
    expect(sentBytes).toBeLessThan(1024 * 1024);
    closeSync(writer);
    await stdio.close();
  });

  it('finds what was written while no daemon was there', async () => {
    const first = await TaskStdio.create(root, 'id', PIPES);
    const shim = shimEnd(first.paths.stdout);
    await first.letGo();
    writeSync(shim, 'while you were away');
    const second = await TaskStdio.reopen(root, 'id', PIPES);
    const output = textOf(second.stdout);
    writeSync(shim, ', and after');
    closeSync(shim);
    expect(await output).toBe('while you were away, and after');
    await second.close();
  });

  it('shares no FIFO with what an earlier process left under the same id', async () => {
    const left = await TaskStdio.create(root, 'id', PIPES);
    const shim = shimEnd(left.paths.stdout);
    const stdio = await TaskStdio.create(root, 'id', PIPES);
    let ended = false;
    const output = textOf(stdio.stdout).finally(() => {
      ended = true;
    });
    writeSync(shim, 'old');
    closeSync(shim);
    await delay(50);
    expect(ended).toBe(false);
    const writer = openSync(stdio.paths.stdout, constants.O_WRONLY);
    writeSync(writer, 'new');
    closeSync(writer);
    expect(await output).toBe('new');
    await left.letGo();
    await stdio.close();
  });
});

describe('streamsOf', () => {
  it('does not mind a process that has ended when its input is closed', async () => {
    const { notFound } = await import('../../../shared/errors.ts');
    const stdio = await TaskStdio.create(root, 'id', PIPES);
    const ended = streamsOf(stdio, { closeStdin: () => Promise.reject(notFound('gone')) });
    await expect(ended.closeStdin()).resolves.toBeUndefined();
    const broken = streamsOf(stdio, { closeStdin: () => Promise.reject(new Error('other')) });
    await expect(broken.closeStdin()).rejects.toThrow('other');
    await stdio.close();
  });
});
