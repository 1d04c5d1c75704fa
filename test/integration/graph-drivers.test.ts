/** Containers on the graph drivers that are not the usual one: run, changes, a daemon that comes back, removal. */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { TestDaemon } from '../support/daemon.ts';
import { DRIVERS } from '../support/driver-room.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';

/** btrfs needs a file system of its own below the data root; its unit suite has one. */
const HERE = DRIVERS.filter((name) => name !== 'overlay2' && name !== 'btrfs');

it.each(HERE)('runs containers on %s', async (driver) => {
  await using daemon = await TestDaemon.start(['-s', driver, '--live-restore']);
  const ok = async (...args: readonly string[]): Promise<string> => {
    const { code, stdout, stderr } = await daemon.docker(args);
    if (code !== 0) throw new Error(`docker ${args.join(' ')}: ${stderr}`);
    return stdout.trim();
  };
  expect(await ok('info', '--format', '{{.Driver}}')).toBe(driver);
  const script = 'echo new > /made; rm /etc/group; mkdir /dir; exec sleep 1000';
  await ok('run', '-d', '--name', 'one', 'busybox', 'sh', '-c', script);
  const changes = async (): Promise<readonly string[]> =>
    (await ok('diff', 'one')).split('\n').sort();
  await expect
    .poll(changes, { timeout: 20_000 })
    .toEqual(['A /dir', 'A /made', 'C /etc', 'D /etc/group']);
  await daemon.stop('SIGKILL');
  await daemon.launch();
  expect(await ok('exec', 'one', 'cat', '/made')).toBe('new');
  expect(await ok('ps', '--size', '--format', '{{.Size}}')).toMatch(/^4B \(virtual /);
  await ok('rm', '-f', 'one');
  await ok('rmi', 'busybox');
  await daemon.stop();
  const layers = join(daemon.dataRoot, driver === 'vfs' ? 'vfs/dir' : driver);
  expect(readdirSync(layers).filter((name) => name !== 'l')).toEqual([]);
  expect(daemon.leaks()).toEqual(NO_LEAKS);
});
