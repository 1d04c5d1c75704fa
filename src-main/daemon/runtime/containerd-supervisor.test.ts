import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { processesNaming, recordingLog, until } from '../../../test/support/runtime-room.ts';
import { isAlive, killPid } from '../platform/process.ts';
import { containerdPaths } from './containerd-config.ts';
import { type Containerd, startContainerd } from './containerd-supervisor.ts';

let root: string;
let log: ReturnType<typeof recordingLog>;

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'wl-containerd-'));
  log = recordingLog();
});

afterEach(async () => {
  expect(processesNaming(root)).toEqual([]);
  await rm(root, { recursive: true, force: true });
});

const start = (adopt?: string): Promise<Containerd> =>
  startContainerd({
    execRoot: root,
    namespace: 'windlass-test',
    logLevel: 'warn',
    log,
    ...(adopt === undefined ? {} : { adopt }),
  });

describe('startContainerd', () => {
  it('serves, and leaves neither process nor sockets when it is stopped', async () => {
    const containerd = await start();
    expect(await containerd.client.call('version', 'Version', {})).toHaveProperty('version');
    const pid = containerd.pid ?? 0;
    await containerd.stop();
    expect(isAlive(pid)).toBe(false);
    const paths = containerdPaths(root);
    expect([paths.address, paths.ttrpcAddress].filter(existsSync)).toEqual([]);
  });

  it('starts it again when it is killed, tells who listens, and stops for good', async () => {
    const containerd = await start();
    const before = containerd.pid ?? 0;
    const restarted = Promise.withResolvers<void>();
    using _listening = containerd.onRestart(() => restarted.resolve());
    killPid(before, 'SIGKILL');
    await restarted.promise;
    const after = containerd.pid ?? 0;
    expect(after).not.toBe(before);
    expect(await containerd.client.call('version', 'Version', {})).toHaveProperty('version');
    expect(log.lines.join('\n')).toContain('containerd ended, starting it again');
    await containerd.stop();
    expect(isAlive(after)).toBe(false);
  });

  it('ends one that a killed daemon left', async () => {
    const { configFile } = containerdPaths(root);
    await (await start()).stop();
    const left = spawn('containerd', ['--config', configFile], { stdio: 'ignore' });
    await until('it serves', async () => existsSync(containerdPaths(root).address));
    const second = await start();
    expect(left.signalCode ?? left.exitCode).not.toBeNull();
    expect(second.pid).not.toBe(left.pid);
    await second.stop();
  });

  it('begins anew when it cannot start with what it has, and keeps that', async () => {
    const { root: database } = containerdPaths(root);
    await (await start()).stop();
    const file = join(database, 'io.containerd.metadata.v1.bolt/meta.db');
    await writeFile(file, 'not a database');
    const again = await start();
    expect(await again.client.call('containers', 'List', {})).toEqual({ containers: [] });
    await again.stop();
    const aside = (await readdir(dirname(database))).find((name) =>
      name.startsWith('root.broken-'),
    );
    const kept = join(dirname(database), aside ?? '', 'io.containerd.metadata.v1.bolt/meta.db');
    expect(await readFile(kept, 'utf8')).toBe('not a database');
  });

  it('says why it did not start, and where to read more', async () => {
    const { configFile, logFile } = containerdPaths(root);
    expect(configFile).toContain(root);
    await writeFile(join(root, 'containerd'), 'a file where its directory should be');
    await expect(start()).rejects.toThrow();
    await rm(join(root, 'containerd'));
    const PATH = process.env['PATH'];
    process.env['PATH'] = '/nonexistent';
    try {
      await expect(start()).rejects.toMatchObject({
        code: 'unavailable',
        message: `containerd did not start: spawn containerd ENOENT. Its log is ${logFile}`,
      });
    } finally {
      process.env['PATH'] = PATH;
    }
  });

  it('talks to an adopted one and leaves it running', async () => {
    const owner = await start();
    const adopted = await start(owner.address);
    expect(adopted.pid).toBeUndefined();
    await adopted.stop();
    expect(isAlive(owner.pid ?? 0)).toBe(true);
    await owner.stop();
  });

  it('kills one that no longer answers', { timeout: 60_000 }, async () => {
    const containerd = await start();
    const before = containerd.pid ?? 0;
    killPid(before, 'SIGSTOP');
    const limit = Date.now() + 45_000;
    while (containerd.pid === before && Date.now() < limit)
      await new Promise((resolve) => setTimeout(resolve, 100));
    await until('the new one', async () => (containerd.pid ?? before) !== before);
    expect(log.lines.join('\n')).toContain('containerd does not answer, killing it');
    await containerd.client.call('version', 'Version', {});
    await containerd.stop();
  });
});
