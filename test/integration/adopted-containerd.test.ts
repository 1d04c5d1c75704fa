/** `--containerd ADDRESS`: a containerd that somebody else runs is used, shared and left alone. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { command, TestDaemon } from '../support/daemon.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';
import { until } from '../support/runtime-room.ts';

const START_LIMIT_MS = 60_000;

let root: string;
let containerd: ChildProcess;
let daemon: TestDaemon;

const address = (): string => join(root, 'containerd.sock');
const ctr = (...words: readonly string[]) => command('ctr', ['-a', address(), ...words]);

beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), 'wl-adopted-'));
  const config = join(root, 'config.toml');
  writeFileSync(
    config,
    `version = 2
root = "${root}/root"
state = "${root}/state"
disabled_plugins = ["io.containerd.grpc.v1.cri"]
[grpc]
  address = "${address()}"
[ttrpc]
  address = "${address()}.ttrpc"
`,
  );
  containerd = spawn('containerd', ['--config', config], { stdio: 'ignore' });
  await until('containerd', async () => (await ctr('version')).code === 0);
  daemon = await TestDaemon.start(['--containerd', address()]);
}, START_LIMIT_MS);

afterAll(async () => {
  await daemon?.[Symbol.asyncDispose]();
  const exited = once(containerd, 'exit');
  containerd.kill('SIGTERM');
  await exited;
  rmSync(root, { recursive: true, force: true });
}, START_LIMIT_MS);

it('runs containers in it, beside those of others', async () => {
  const other = await ctr('namespace', 'create', 'somebody-else');
  expect(other.code).toBe(0);
  expect(await daemon.docker(['run', '--rm', 'busybox', 'echo', 'hi'])).toMatchObject({
    code: 0,
    stdout: 'hi\n',
  });
  const run = await daemon.docker(['run', '-d', '--name', 'one', 'busybox', 'sleep', '1000']);
  const id = run.stdout.trim();
  const tasks = await ctr('-n', 'moby', 'tasks', 'ls', '-q');
  expect(tasks.stdout.trim()).toBe(id);
  expect(await daemon.docker(['exec', 'one', 'echo', 'in'])).toMatchObject({ stdout: 'in\n' });
});

it('finds its containers again after it was killed, and leaves nothing when it ends', async () => {
  const before = await daemon.docker(['inspect', '-f', '{{.State.Pid}}', 'one']);
  await daemon.stop('SIGKILL');
  await daemon.launch();
  expect(await daemon.docker(['inspect', '-f', '{{.State.Pid}}', 'one'])).toEqual(before);
  expect((await daemon.docker(['rm', '-f', 'one'])).code).toBe(0);
  expect(await daemon.stop()).toBe(0);
  expect(daemon.leaks()).toEqual(NO_LEAKS);
  const left = await ctr('namespace', 'ls', '-q');
  expect(left.stdout.split('\n')).toContain('somebody-else');
  expect((await ctr('-n', 'moby', 'tasks', 'ls', '-q')).stdout).toBe('');
});
