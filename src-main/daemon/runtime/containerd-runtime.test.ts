import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { chmod, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  NOTHING_LEFT,
  newId,
  RuntimeRoom,
  textOf,
  until,
} from '../../../test/support/runtime-room.ts';
import { isAlive, killPid } from '../platform/process.ts';
import { readContainerStats } from './container-stats.ts';
import { execProcess } from './oci-process.ts';
import type { OciProcess } from './oci-types.ts';
import { TaskStdio } from './task-stdio.ts';

const KILLED_DAEMON = fileURLToPath(
  new URL('../../../test/fixtures/killed-daemon.ts', import.meta.url),
);

let room: RuntimeRoom;

beforeAll(async () => {
  room = await RuntimeRoom.open(
    new Map([
      ['with-args', { path: 'runc', runtimeArgs: ['--log-format', 'json'] }],
      ['crun', { path: 'crun', runtimeArgs: [] }],
      ['missing', { path: '/nonexistent/runtime', runtimeArgs: [] }],
    ]),
  );
});

afterAll(async () => {
  await room.stop();
  await until('all of it gone', () => room.leftovers().processes.length === 0);
  expect(room.leftovers()).toEqual(NOTHING_LEFT);
  await room[Symbol.asyncDispose]();
});

const parentOf = (pid: number): number =>
  Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);

const execSpec = (args: readonly string[], terminal = false): OciProcess =>
  execProcess(
    {
      hostConfig: {},
      user: { uid: 0, gid: 0, additionalGids: [0], home: '/' },
      args,
      env: ['PATH=/bin'],
      terminal,
      cwd: '/',
      defaultUlimits: [],
      noNewPrivileges: false,
    },
    false,
  );

describe('a task', () => {
  it('tells stdout, stderr and the exit code', async () => {
    const run = await room.run({ args: ['sh', '-c', 'echo out; echo err >&2; exit 7'] });
    expect(run).toMatchObject({ exitCode: 7, stdout: 'out\n', stderr: 'err\n' });
  });

  it('reports a signal as 128 and its number', async () => {
    const { exitCode } = await room.run({ args: ['sh', '-c', 'kill -9 $$; true'] });
    // As pid 1 the shell ignores its own signal; its child does not.
    expect(exitCode).toBe(0);
    const child = await room.run({ args: ['sh', '-c', 'sh -c "kill -9 \\$\\$"; exit $?'] });
    expect(child.exitCode).toBe(137);
  });

  it('passes input on and ends it', async () => {
    const running = await room.create({ args: ['cat'], stdin: true });
    const { task, stdio } = running;
    const output = textOf(stdio.stdout);
    await task.start();
    (await stdio.openStdin())?.write('hello');
    (await stdio.openStdin())?.end();
    await task.closeStdin();
    expect(await task.wait()).toMatchObject({ exitCode: 0 });
    expect(await output).toBe('hello');
    await room.free(running);
  });

  it('loses none of much output', async () => {
    const { stdout } = await room.run({ args: ['sh', '-c', 'yes windlass | head -c 8000000'] });
    expect(stdout).toHaveLength(8_000_000);
  });

  it('has a terminal of the size it is told', async () => {
    const running = await room.create({
      args: ['sh', '-c', 'read go; stty size'],
      terminal: true,
      stdin: true,
    });
    const { task, stdio } = running;
    const output = textOf(stdio.stdout);
    await task.start();
    await task.resize(111, 33);
    (await stdio.openStdin())?.write('go\n');
    await task.wait();
    expect(await output).toContain('33 111');
    await room.free(running);
  });

  it('tells when it exited, to the nanosecond', async () => {
    const running = await room.create({ args: ['true'] });
    await running.task.start();
    const { exitedAt } = await running.task.wait();
    expect(exitedAt).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{9}Z$/);
    expect(Math.abs(Date.parse(exitedAt) - Date.now())).toBeLessThan(5000);
    await room.free(running);
  });

  it('is killed, and then a signal finds nothing', async () => {
    const running = await room.create({ args: ['sleep', '100'] });
    await running.task.start();
    await running.task.kill(9);
    expect(await running.task.wait()).toMatchObject({ exitCode: 137 });
    await expect(running.task.kill(9)).rejects.toMatchObject({ code: 'notFound' });
    await room.free(running);
  });

  it('is paused and goes on', async () => {
    const running = await room.create({ args: ['sleep', '100'] });
    const { task } = running;
    await task.start();
    await task.pause();
    expect(await task.state()).toBe('paused');
    await task.resume();
    expect(await task.state()).toBe('running');
    await room.free(running);
  });

  it('can be purged while it is paused', async () => {
    const running = await room.create({ args: ['sleep', '100'] });
    await running.task.start();
    await running.task.pause();
    await room.free(running);
    expect(await room.runtime.load(running.id)).toBeUndefined();
  });

  it('lists its processes and takes other limits', async () => {
    const running = await room.create({ args: ['sh', '-c', 'sleep 100 & sleep 100'] });
    const { task } = running;
    await task.start();
    await until('two sleeps', async () => (await task.pids()).length === 2);
    expect(await task.pids()).toContain(task.pid);
    await task.update({ memory: { limit: 64 * 1024 * 1024 } });
    const stats = await readContainerStats(task.pid);
    expect(stats.memory_stats).toMatchObject({ limit: 64 * 1024 * 1024 });
    expect(stats.pids_stats).toMatchObject({ current: 2 });
    expect(stats.networks).toBeUndefined();
    await room.free(running);
  });

  it('that ends by running out of memory is announced', async () => {
    const oom: string[] = [];
    using _listening = room.runtime.onOom((id) => oom.push(id));
    const running = await room.create({
      args: ['dd', 'if=/dev/zero', 'of=/dev/null', 'bs=100M'],
      spec: { hostConfig: { NetworkMode: 'none', Memory: 16 * 1024 * 1024 } },
    });
    await running.task.start();
    expect(await running.task.wait()).toMatchObject({ exitCode: 137 });
    await until('an OOM notice', () => oom.includes(running.id));
    await room.free(running);
  });
});

describe('Runtime.create', () => {
  const PREFIX = 'failed to create shim task: OCI runtime create failed: ';

  it.each([
    [
      ['nope'],
      400,
      '127',
      'runc create failed: unable to start container process: exec: "nope": executable file not found in $PATH: unknown',
    ],
    [
      ['/bin/nope'],
      400,
      '127',
      'runc create failed: unable to start container process: exec: "/bin/nope": stat /bin/nope: no such file or directory: unknown',
    ],
    [
      ['/etc'],
      400,
      '126',
      'runc create failed: unable to start container process: exec: "/etc": permission denied: unknown',
    ],
  ])('says of %j what dockerd says', async (args, status, exitCode, message) => {
    await expect(room.create({ args })).rejects.toMatchObject({
      status,
      message: PREFIX + message,
      details: { exitCode },
    });
  });

  it('leaves nothing of what failed', async () => {
    const id = newId();
    await expect(room.create({ args: ['nope'], id })).rejects.toThrow();
    expect(await room.runtime.list()).not.toContain(id);
    expect(await room.run({ args: ['true'], id })).toMatchObject({ exitCode: 0 });
  });

  it('replaces what a run that was cut off left under the same id', async () => {
    const left = await room.create({ args: ['sleep', '100'] });
    await left.task.start();
    expect(await room.run({ args: ['true'], id: left.id })).toMatchObject({ exitCode: 0 });
    await left.stdio.close();
  });

  it('passes the arguments of --add-runtime on', async () => {
    expect(await room.run({ args: ['echo', 'hi'], runtime: 'with-args' })).toMatchObject({
      stdout: 'hi\n',
    });
    const script = readFileSync(join(room.execRoot, 'runtimes/with-args'), 'utf8');
    expect(script).toContain("'--log-format' 'json'");
  });

  it('refuses a runtime nobody configured and names a missing binary', async () => {
    await expect(room.create({ args: ['true'], runtime: 'nobody' })).rejects.toMatchObject({
      code: 'invalidArgument',
      message: 'runtime not found in config: nobody',
    });
    await expect(room.create({ args: ['true'], runtime: 'missing' })).rejects.toThrow(
      /\/nonexistent\/runtime.*no such file or directory/,
    );
  });

  it('runs crun, or says why crun cannot run here', async () => {
    const isHybrid = existsSync('/sys/fs/cgroup/unified');
    const run = room.run({ args: ['echo', 'hi'], runtime: 'crun' });
    if (isHybrid) await expect(run).rejects.toThrow(/crun|cgroups in hybrid mode/);
    else expect(await run).toMatchObject({ stdout: 'hi\n' });
  });

  it('knows the stock runtimes', () => {
    expect([...room.runtime.runtimes.keys()]).toEqual(
      expect.arrayContaining(['runc', 'io.containerd.runc.v2', 'with-args', 'crun']),
    );
  });
});

describe('an exec', () => {
  it('runs beside the init process, with its own streams and exit code', async () => {
    const running = await room.create({ args: ['sleep', '100'] });
    await running.task.start();
    const stdio = await TaskStdio.create(room.execRoot, 'exec-1', {
      terminal: false,
      stdin: true,
    });
    const output = textOf(stdio.stdout);
    const exec = await running.task.exec(
      'exec-1',
      execSpec(['sh', '-c', 'cat; exit 3']),
      stdio.paths,
    );
    const pid = await exec.start();
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    (await stdio.openStdin())?.end('to the exec');
    await exec.closeStdin();
    expect(await exec.wait()).toMatchObject({ exitCode: 3 });
    expect(await output).toBe('to the exec');
    expect(await exec.delete()).toMatchObject({ exitCode: 3 });
    expect(await exec.delete()).toBeUndefined();
    await stdio.close();
    await room.free(running);
  });

  it('that cannot be started says so in dockerd words', async () => {
    const running = await room.create({ args: ['sleep', '100'] });
    await running.task.start();
    const stdio = await TaskStdio.create(room.execRoot, 'exec-2', {
      terminal: false,
      stdin: false,
    });
    const exec = await running.task.exec('exec-2', execSpec(['nope']), stdio.paths);
    await expect(exec.start()).rejects.toMatchObject({
      status: 400,
      message:
        'OCI runtime exec failed: exec failed: unable to start container process: exec: "nope": executable file not found in $PATH: unknown',
      details: { exitCode: '127' },
    });
    await exec.delete();
    await stdio.close();
    await room.free(running);
  });

  it('has a terminal of its own', async () => {
    const running = await room.create({ args: ['sleep', '100'] });
    await running.task.start();
    const stdio = await TaskStdio.create(room.execRoot, 'exec-3', { terminal: true, stdin: true });
    const output = textOf(stdio.stdout);
    const exec = await running.task.exec(
      'exec-3',
      execSpec(['sh', '-c', 'read go; stty size'], true),
      stdio.paths,
    );
    await exec.start();
    await exec.resize(99, 22);
    (await stdio.openStdin())?.write('go\n');
    await exec.wait();
    expect(await output).toContain('22 99');
    await exec.delete();
    await stdio.close();
    await room.free(running);
  });
});

describe('when a shim is killed', () => {
  it('its container goes with it and is reported as killed', async () => {
    const running = await room.create({ args: ['sleep', '100'] });
    await running.task.start();
    const ended = running.task.wait();
    killPid(parentOf(running.task.pid), 'SIGKILL');
    expect(await ended).toMatchObject({ exitCode: 137 });
    expect(isAlive(running.task.pid)).toBe(false);
    expect(await running.task.delete()).toBeUndefined();
    await running.stdio.close();
    expect(await room.runtime.list()).not.toContain(running.id);
  });
});

describe('when containerd is killed', () => {
  it('its tasks live on, waits and execs go through, and it is started again', async () => {
    const running = await room.create({
      args: ['sh', '-c', 'read go; echo $go; exit 5'],
      stdin: true,
    });
    const { task, stdio } = running;
    const output = textOf(stdio.stdout);
    await task.start();
    const ended = task.wait();
    const before = room.containerd.pid ?? 0;
    const restarted = Promise.withResolvers<void>();
    using _listening = room.containerd.onRestart(() => restarted.resolve());
    killPid(before, 'SIGKILL');
    await restarted.promise;
    expect(room.containerd.pid).not.toBe(before);
    expect(existsSync(`/proc/${task.pid}`)).toBe(true);
    expect(await task.pids()).toContain(task.pid);
    (await stdio.openStdin())?.write('still here\n');
    expect(await ended).toMatchObject({ exitCode: 5 });
    expect(await output).toBe('still here\n');
    expect(await task.delete()).toMatchObject({ exitCode: 5 });
    await stdio.close();
    expect(await room.run({ args: ['echo', 'again'] })).toMatchObject({ stdout: 'again\n' });
  });
});

describe('a daemon that starts again', () => {
  it('finds its tasks, their output and their exit code', async () => {
    const id = newId();
    const { task, stdio } = await room.create({
      args: ['sh', '-c', 'echo one; read go; echo two; exit 6'],
      id,
      stdin: true,
    });
    await task.start();
    await until('the first line', () => (stdio.stdout?.readableLength ?? 0) > 0);
    await stdio.letGo();
    await room.stop();
    await room.start();
    expect(await room.runtime.list()).toContain(id);
    const found = await room.runtime.load(id);
    expect(found?.pid).toBe(task.pid);
    const again = await TaskStdio.reopen(room.execRoot, id, { terminal: false, stdin: true });
    const output = textOf(again.stdout);
    (await again.openStdin())?.write('go\n');
    expect(await found?.wait()).toMatchObject({ exitCode: 6 });
    expect(await output).toBe('two\n');
    await room.runtime.purge(id);
    await again.close();
    expect(await room.runtime.list()).not.toContain(id);
  });

  it('after it was killed takes over its container, its containerd and its shims', async () => {
    await room.stop();
    const daemon = spawn(process.execPath, [KILLED_DAEMON, room.root], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const [line] = (await once(daemon.stdout, 'data')) as [Buffer];
    const left = JSON.parse(line.toString()) as { id: string; pid: number; containerd: number };
    daemon.kill('SIGKILL');
    await once(daemon, 'exit');
    await room.start();
    expect(isAlive(left.containerd)).toBe(false);
    const task = await room.runtime.load(left.id);
    expect(task?.pid).toBe(left.pid);
    const stdio = await TaskStdio.reopen(room.execRoot, left.id, { terminal: false, stdin: true });
    const output = textOf(stdio.stdout);
    (await stdio.openStdin())?.write('go\n');
    expect(await task?.wait()).toMatchObject({ exitCode: 6 });
    // Nobody read the first line before the kill: it waited in the pipe.
    expect(await output).toMatch(/^(one\n)?two\n$/);
    await task?.delete();
    await stdio.close();
    expect(await room.runtime.list()).not.toContain(left.id);
  });
});

describe('warm shims', () => {
  it('serve a start, and are replaced', async () => {
    const warm = (): string[] => room.leftovers().files.filter((name) => name.endsWith('.ready'));
    await until('a full pool', () => warm().length === 3);
    const before = warm();
    expect(await room.run({ args: ['echo', 'warm'] })).toMatchObject({ stdout: 'warm\n' });
    await until('a full pool again', () => warm().length === 3);
    expect(before.filter((name) => !warm().includes(name))).toHaveLength(1);
  });

  it('that died are not handed out', async () => {
    const dead = join(room.execRoot, 'shims/warm-000000000000.ready');
    await writeFile(dead, 'unix:///nonexistent\n4194305\n');
    await chmod(dead, 0o600);
    expect(await room.run({ args: ['echo', 'alive'] })).toMatchObject({ stdout: 'alive\n' });
    expect(existsSync(dead.replace('.ready', '.claimed'))).toBe(true);
    await Promise.all([rm(dead), rm(dead.replace('.ready', '.claimed'))]);
  });
});

describe('Runtime.version', () => {
  it('names what runs', async () => {
    const version = await room.runtime.version();
    expect(version).toEqual({
      containerd: expect.stringMatching(/^v?1\./) as string,
      runc: expect.stringMatching(/^\d+\.\d+/) as string,
      init: '',
    });
  });
});
