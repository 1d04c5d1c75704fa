/** A disk that takes no more: Docker's words, nothing half made, and a daemon that comes up on it. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandResult, TestDaemon } from '../support/daemon.ts';
import { dockerArchive, makeImage, makeLayer } from '../support/fixture-images.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';

const disk = mkdtempSync(join(tmpdir(), 'windlass-disk-'));
const FULL = 'no space left on device';
let daemon: TestDaemon;

const docker = (...words: readonly string[]): Promise<CommandResult> => daemon.docker(words);
const sh = (line: string): string => execFileSync('sh', ['-c', line], { cwd: disk }).toString();
/** To the last byte and the last file. */
const fill = (): string =>
  sh(
    'cat /dev/zero >fill-bytes 2>/dev/null; for i in $(seq 9999); do touch fill-$i || break; done 2>/dev/null; true',
  );
const makeRoom = (): string => sh('rm -f fill-*');
/** Everything the daemon has made, but no layer's content. */
const things = (): string =>
  sh('find data -path "data/overlay2/*/*" -prune -o -type f -print | sort');

beforeAll(async () => {
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=24m,nr_inodes=2000', 'tmpfs', disk]);
  daemon = await TestDaemon.start(['--data-root', join(disk, 'data')]);
  await docker('run', '-d', '--name', 'runs', '--stop-signal', 'KILL', 'busybox', 'sleep', '3600');
});

afterAll(async () => {
  expect(await daemon.stop()).toBe(0);
  expect(daemon.leaks()).toEqual(NO_LEAKS);
  await daemon[Symbol.asyncDispose]();
  execFileSync('umount', [disk]);
  rmSync(disk, { recursive: true });
});

describe('a full disk', () => {
  it('takes no image that is too big, and keeps nothing of it', async () => {
    const before = things();
    const image = makeImage([await makeLayer([{ path: 'big', content: randomBytes(32 << 20) }])]);
    const archive = await dockerArchive([{ image, tags: ['big:1'] }]);
    const { code, stderr } = await daemon.docker(['load'], { input: archive });
    expect([code, stderr]).toEqual([1, expect.stringContaining(FULL)]);
    expect(things()).toBe(before);
  });

  it('is told of in Docker’s words, and nothing half made stays', async () => {
    const before = things();
    fill();
    for (const words of [
      ['create', '-v', '/anonymous', 'busybox', 'true'],
      ['volume', 'create', 'fresh'],
      ['network', 'create', 'fresh'],
      ['tag', 'busybox', 'fresh:1'],
    ]) {
      const { code, stderr } = await docker(...words);
      expect([code, stderr], words.join(' ')).toEqual([1, expect.stringMatching(`: ${FULL}\n$`)]);
    }
    for (const list of [
      ['volume', 'ls', '-q'],
      ['ps', '-aq', '-f', 'status=created'],
      ['images', '-q', 'fresh'],
    ])
      expect(await docker(...list)).toMatchObject({ stdout: '' });
    expect((await docker('network', 'ls')).stdout).not.toContain('fresh');
    makeRoom();
    expect(things()).toBe(before);
  });

  it('does not keep a container from ending, nor the daemon from starting', async () => {
    fill();
    expect(await docker('stop', 'runs')).toMatchObject({ code: 0 });
    const state = ['inspect', '--format', '{{.State.Status}} {{.State.ExitCode}}', 'runs'];
    expect(await docker(...state)).toMatchObject({ stdout: 'exited 137\n' });
    expect(await daemon.stop()).toBe(0);
    await daemon.launch();
    expect((await docker('ps', '-a')).stdout).toContain('Exited');
    expect(await docker('rm', 'runs')).toMatchObject({ code: 0 });
    makeRoom();
    expect(await docker('run', '--rm', 'busybox', 'echo', 'fine')).toMatchObject({
      stdout: 'fine\n',
    });
  });
});
