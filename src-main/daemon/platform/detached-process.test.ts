import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { startDetached } from './detached-process.ts';

let directory: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'wl-detached-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const sh = (script: string) =>
  startDetached('/bin/sh', ['-c', script], {
    cwd: directory,
    env: { WORD: 'a b', PATH: '/bin:/usr/bin' },
  });

describe('startDetached', () => {
  it('runs a program in its own session, directory and environment, without streams of ours', async () => {
    const child = await sh(
      'echo "$WORD" > word; cat /proc/self/stat > stat; readlink /proc/$$/fd/* > fds; grep SigIgn /proc/self/status > ignored',
    );
    await child.ended;
    expect(readFileSync(join(directory, 'word'), 'utf8')).toBe('a b\n');
    const [, , , session] =
      readFileSync(join(directory, 'stat'), 'utf8').split(') ')[1]?.split(' ') ?? [];
    expect(Number(session)).toBe(child.pid);
    expect(
      new Set(readFileSync(join(directory, 'fds'), 'utf8').trim().split('\n').slice(0, 3)),
    ).toEqual(new Set(['/dev/null', join(directory, 'fds')]));
    // Node ignores SIGPIPE itself; 32 and 33 are glibc's own.
    expect(readFileSync(join(directory, 'ignored'), 'utf8')).toMatch(/[08]0{7}\n/);
  });

  it('leaves no zombie, and killing what has ended is no error', async () => {
    const children = await Promise.all(Array.from({ length: 8 }, () => sh('exit 3')));
    await Promise.all(children.map(({ ended }) => ended));
    for (const child of children) {
      expect(existsSync(`/proc/${String(child.pid)}`)).toBe(false);
      child.kill('SIGKILL');
    }
  });

  it('ends a program by signal', async () => {
    const child = await sh('sleep 600');
    child.kill('SIGTERM');
    await child.ended;
  });

  it('says which program there is not', async () => {
    await expect(startDetached('/no/such', [], { cwd: directory, env: {} })).rejects.toThrow(
      'posix_spawn /no/such: ENOENT',
    );
    await expect(startDetached('/bin/true', [], { cwd: '/no/such', env: {} })).rejects.toThrow(
      'posix_spawn /bin/true: ENOENT',
    );
  });
});
