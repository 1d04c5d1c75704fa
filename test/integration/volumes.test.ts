/** Volumes through the docker CLI and the API; words and statuses are dockerd 20.10.24's to the same calls. */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type CommandResult, TestDaemon } from '../support/daemon.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';

let daemon: TestDaemon;
let plugin: ChildProcess;

const fixture = fileURLToPath(new URL('../fixtures/volume-plugin.ts', import.meta.url));
const pluginRoot = (): string => join(daemon.root, 'plugin');
const docker = (...args: string[]): Promise<CommandResult> => daemon.docker(args);
const calls = (): string[] =>
  readFileSync(join(pluginRoot(), 'calls'), 'utf8').split('\n').filter(Boolean);

async function startPlugin(): Promise<void> {
  const socket = join(daemon.execRoot, 'plugins', 'shelf.sock');
  plugin = spawn(process.execPath, [fixture, socket, pluginRoot()], { stdio: 'ignore' });
  for (const limit = Date.now() + 20_000; !existsSync(socket); await delay(20))
    if (Date.now() > limit) throw new Error('the plugin does not listen');
}

beforeAll(async () => {
  daemon = await TestDaemon.start();
  await startPlugin();
});

afterAll(async () => {
  const ids = (await docker('ps', '-aq')).stdout.split('\n').filter(Boolean);
  if (ids.length > 0) await docker('rm', '-f', ...ids);
  expect(await daemon.stop()).toBe(0);
  plugin.kill('SIGKILL');
  expect(daemon.leaks()).toEqual(NO_LEAKS);
  await daemon[Symbol.asyncDispose]();
});

describe('docker volume create', () => {
  it.each([
    [
      ['-d', 'nodriver', 'foo'],
      'create foo: error looking up volume plugin nodriver: plugin "nodriver" not found',
    ],
    [
      ['x'],
      'create x: volume name is too short, names should be at least two alphanumeric characters',
    ],
    [
      ['a/b'],
      'create a/b: "a/b" includes invalid characters for a local volume name, only "[a-zA-Z0-9][a-zA-Z0-9_.-]" are allowed. If you intended to pass a host directory, use absolute path',
    ],
    [['x1', '--opt', 'foo=bar'], 'create x1: invalid option: "foo"'],
    [['x2', '--opt', 'device=/tmp'], 'create x2: missing required option: "type"'],
    [['x3', '--opt', 'type=tmpfs'], 'create x3: missing required option: "device"'],
    [['x4', '--opt', 'o=bind'], 'create x4: missing required option: "device"'],
    [['x5', '--opt', 'size=1m'], 'create x5: quota size requested but no quota support'],
  ])('%j is refused and leaves nothing', async (args, words) => {
    const before = readdirSync(join(daemon.dataRoot, 'volumes'));
    const result = await docker('volume', 'create', ...args);
    expect(result).toMatchObject({ code: 1, stderr: `Error response from daemon: ${words}\n` });
    expect(readdirSync(join(daemon.dataRoot, 'volumes'))).toEqual(before);
  });

  it('answers the one that is there, and refuses it to another driver', async () => {
    await docker('volume', 'create', '--label', 'a=b', 'twice');
    expect((await docker('volume', 'create', 'twice')).stdout).toBe('twice\n');
    const inspected = await docker('volume', 'inspect', 'twice', '--format', '{{json .Labels}}');
    expect(inspected.stdout).toBe('{"a":"b"}\n');
    expect((await docker('volume', 'create', '-d', 'shelf', 'twice')).stderr).toContain(
      "create twice: driver 'local' already has volume 'twice': volume name must be unique",
    );
  });
});

describe('options of the local driver', () => {
  it('mount a tmpfs while a container uses it, and no longer', async () => {
    const options = ['--opt', 'type=tmpfs', '--opt', 'device=tmpfs', '--opt', 'o=size=1m,uid=7'];
    await docker('volume', 'create', ...options, 'fast');
    const look = 'grep " /d " /proc/mounts | cut -d" " -f1-3; stat -c %u /d; touch /d/x';
    const run = (): Promise<CommandResult> =>
      docker('run', '--rm', '-v', 'fast:/d', 'busybox', 'sh', '-c', `${look}; ls /d`);
    expect((await run()).stdout).toBe('tmpfs /d tmpfs\n7\nx\n');
    const path = join(daemon.dataRoot, 'volumes/fast/_data');
    expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(path);
    expect(readdirSync(path)).toEqual([]);
  });

  it('bind a directory, read-only when they say so', async () => {
    const source = join(daemon.root, 'bound');
    mkdirSync(source);
    writeFileSync(join(source, 'seen'), '');
    const options = ['--opt', 'type=none', '--opt', `device=${source}`, '--opt', 'o=bind,ro'];
    await docker('volume', 'create', ...options, 'bound');
    const result = await docker(
      'run',
      '--rm',
      '-v',
      'bound:/d',
      'busybox',
      'sh',
      '-c',
      'ls /d; touch /d/y',
    );
    expect(result.stdout).toBe('seen\n');
    expect(result.stderr).toContain('Read-only file system');
  });

  it("fail in dockerd's words when there is nothing to mount", async () => {
    const options = ['--opt', 'type=none', '--opt', 'device=/nope', '--opt', 'o=bind'];
    await docker('volume', 'create', ...options, 'nowhere');
    const result = await docker('run', '--rm', '-v', 'nowhere:/d', 'busybox', 'ls', '/d');
    const path = join(daemon.dataRoot, 'volumes/nowhere/_data');
    expect(result.stderr).toContain(
      `error while mounting volume '${path}': failed to mount local volume: mount /nope:${path}`,
    );
    expect(result.stderr).toContain('no such file or directory');
    expect(result.code).not.toBe(0);
  });
});

describe('who holds a volume', () => {
  it('keeps it from being removed', async () => {
    const id = (await docker('create', '-v', 'held:/d', 'busybox')).stdout.trim();
    const words = `Error response from daemon: remove held: volume is in use - [${id}]\n`;
    for (const force of [[], ['-f']])
      expect(await docker('volume', 'rm', ...force, 'held')).toMatchObject({
        code: 1,
        stderr: words,
      });
    await docker('rm', id);
    expect((await docker('volume', 'rm', 'held')).stdout).toBe('held\n');
  });

  it('tells none there from forced', async () => {
    expect(await docker('volume', 'rm', 'nope')).toMatchObject({
      code: 1,
      stderr: 'Error response from daemon: get nope: no such volume\n',
    });
    expect((await docker('volume', 'rm', '-f', 'nope')).code).toBe(0);
    expect((await docker('volume', 'inspect', 'nope')).stderr).toContain(
      'get nope: no such volume',
    );
  });

  it('shows mounts as dockerd does: named, anonymous, from another', async () => {
    const id = (await docker('create', '-v', 'named:/e', '-v', '/f', 'busybox')).stdout.trim();
    const from = (await docker('create', '--volumes-from', `${id}:ro`, 'busybox')).stdout.trim();
    const modes = async (one: string): Promise<string[]> => {
      const { body } = await daemon.api('GET', `/containers/${one}/json`);
      const { Mounts } = JSON.parse(body) as {
        Mounts: { Destination: string; Mode: string; RW: boolean; Driver: string }[];
      };
      return Mounts.map(
        (mount) => `${mount.Destination} ${mount.Driver} "${mount.Mode}" ${mount.RW}`,
      ).sort();
    };
    expect(await modes(id)).toEqual(['/e local "z" true', '/f local "" true']);
    expect(await modes(from)).toEqual(['/e local "" false', '/f local "" false']);
    await docker('rm', '-v', from, id);
    expect((await docker('volume', 'ls', '-q')).stdout).not.toMatch(/^[0-9a-f]{64}$/m);
  });
});

describe('filters', () => {
  it.each([
    ['dangling=maybe', "Invalid filter 'dangling=[maybe]'"],
    ['foo=bar', "Invalid filter 'foo'"],
  ])('%s is refused', async (filter, words) => {
    expect((await docker('volume', 'ls', '--filter', filter)).stderr).toContain(words);
  });

  it('choose by name, label, driver and use', async () => {
    await docker('volume', 'create', '--label', 'f=1', '--label', 'g', 'sift1');
    await docker('volume', 'create', '--label', 'f=2', 'sift2');
    const id = (await docker('create', '-v', 'sift2:/d', 'busybox')).stdout.trim();
    const named = async (...filters: string[]): Promise<string[]> => {
      const flags = filters.flatMap((filter) => ['--filter', filter]);
      const { stdout } = await docker('volume', 'ls', '-q', ...flags);
      return stdout.split('\n').filter((name) => name.startsWith('sift'));
    };
    expect(await named('name=^sift[0-9]$')).toEqual(['sift1', 'sift2']);
    expect(await named('label=f=2')).toEqual(['sift2']);
    expect(await named('label=g')).toEqual(['sift1']);
    expect(await named('dangling=true')).toEqual(['sift1']);
    expect(await named('dangling=0')).toEqual(['sift2']);
    expect(await named('driver=other')).toEqual([]);
    await docker('rm', id);
  });
});

describe('prune', () => {
  const prune = async (version: string, filters: object): Promise<string[]> => {
    const query = `filters=${encodeURIComponent(JSON.stringify(filters))}`;
    const { body } = await daemon.api('POST', `/v${version}/volumes/prune?${query}`);
    return ((JSON.parse(body) as { VolumesDeleted: string[] | null }).VolumesDeleted ?? []).sort();
  };

  it('spares named volumes from API 1.42 on, unless all are meant', async () => {
    const only = { label: ['prune'] };
    const anonymous = JSON.parse(
      (await daemon.api('POST', '/volumes/create', { Labels: { prune: '' } })).body,
    ) as { Name: string };
    await docker('volume', 'create', '--label', 'prune', 'spared');
    expect(await prune('1.44', only)).toEqual([anonymous.Name]);
    expect(await prune('1.44', { ...only, all: ['true'] })).toEqual(['spared']);
    await docker('volume', 'create', '--label', 'prune', 'old');
    expect(await prune('1.41', only)).toEqual(['old']);
  });

  it('knows no other filters', async () => {
    const refused = await daemon.api('POST', '/v1.41/volumes/prune?filters={"all":["1"]}');
    expect(refused).toMatchObject({ status: 400, body: '{"message":"Invalid filter \'all\'"}\n' });
  });
});

describe('a volume plugin', () => {
  it('is found by its socket and asked for everything', async () => {
    expect((await docker('volume', 'create', '-d', 'shelf', '--opt', 'a=b', 'deep')).stderr).toBe(
      '',
    );
    expect(calls()).toContain('VolumeDriver.Create {"Name":"deep","Opts":{"a":"b"}}');
    const { body } = await daemon.api('GET', '/volumes/deep');
    expect(JSON.parse(body)).toMatchObject({
      Driver: 'shelf',
      Scope: 'global',
      Mountpoint: join(pluginRoot(), 'data/deep'),
      Status: { kind: { name: 'directory' } },
      Options: { a: 'b' },
    });
    expect((await docker('info', '--format', '{{json .Plugins.Volume}}')).stdout).toBe(
      '["local","shelf"]\n',
    );
    const run = await docker(
      'run',
      '--rm',
      '-v',
      'deep:/d',
      'busybox',
      'sh',
      '-c',
      'echo kept > /d/file',
    );
    expect(run.code).toBe(0);
    expect(readFileSync(join(pluginRoot(), 'data/deep/file'), 'utf8')).toBe('kept\n');
    const mounted = calls().filter((line) => /VolumeDriver\.(Mount|Unmount) /.test(line));
    expect(mounted.map((line) => line.split(' ')[0])).toEqual([
      'VolumeDriver.Mount',
      'VolumeDriver.Unmount',
    ]);
    expect(new Set(mounted.map((line) => line.split(' ')[1])).size).toBe(1);
  });

  it('may refuse; its words arrive', async () => {
    expect((await docker('volume', 'create', '-d', 'shelf', 'refused')).stderr).toContain(
      'create refused: VolumeDriver.Create: no more room',
    );
    expect((await docker('volume', 'ls', '-q')).stdout).not.toContain('refused');
  });

  it("keeps what it made elsewhere in everybody's list", async () => {
    mkdirSync(join(pluginRoot(), 'data/foreign'));
    expect((await docker('volume', 'ls', '--format', '{{.Driver}} {{.Name}}')).stdout).toContain(
      'shelf foreign\n',
    );
    expect((await docker('volume', 'rm', 'foreign')).code).toBe(0);
    expect(existsSync(join(pluginRoot(), 'data/foreign'))).toBe(false);
  });
});

describe('after the daemon was killed', () => {
  it('volumes keep driver, options, labels and holders; what was half made is made whole', async () => {
    const options = ['--opt', 'type=tmpfs', '--opt', 'device=tmpfs', '--label', 'l=1'];
    await docker('volume', 'create', ...options, 'lasting');
    await docker('volume', 'create', '-d', 'shelf', 'shelved');
    await docker('volume', 'create', 'half');
    const binds = ['-v', 'lasting:/a', '-v', 'shelved:/b'];
    const id = (await docker('run', '-d', ...binds, 'busybox', 'sleep', '1000')).stdout.trim();
    await daemon.stop('SIGKILL');
    // Where a kill between record and directory would have left it.
    rmSync(join(daemon.dataRoot, 'volumes/half/_data'), { recursive: true });
    await daemon.launch();
    const { body } = await daemon.api('GET', '/volumes/lasting');
    expect(JSON.parse(body)).toMatchObject({ Options: { type: 'tmpfs' }, Labels: { l: '1' } });
    expect((await docker('volume', 'rm', 'shelved')).stderr).toContain('volume is in use');
    const half = await docker('run', '--rm', '-v', 'half:/d', 'busybox', 'touch', '/d/x');
    expect(half).toMatchObject({ code: 0, stderr: '' });
    await docker('rm', '-f', id);
    expect(calls().at(-1)).toContain(`VolumeDriver.Unmount {"Name":"shelved","ID":"${id}"}`);
    const path = join(daemon.dataRoot, 'volumes/lasting/_data');
    expect(readFileSync('/proc/mounts', 'utf8')).not.toContain(path);
    expect((await docker('volume', 'rm', 'shelved', 'lasting')).code).toBe(0);
  });
});
