/**
 * The daemon starts whatever has become of its files: what it cannot use is set aside and named in the log,
 * the rest works on, and no byte of the user's is deleted. Many things are broken before each start.
 */
import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  BREAKAGES,
  makeContainer,
  makeImageVictim,
  makeVictims,
  type Victims,
} from '../support/broken-state.ts';
import { removeCgroups } from '../support/cgroups.ts';
import { type CommandResult, TestDaemon } from '../support/daemon.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';

const GROUP = `windlass-broken-${randomUUID().slice(0, 8)}`;
let daemon: TestDaemon;

const docker = (...words: readonly string[]): Promise<CommandResult> => daemon.docker(words);
const stateOf = async (name: string): Promise<string> =>
  (await docker('inspect', '--format', '{{.State.Status}} {{.State.Pid}}', name)).stdout.trim();
const below = (...parts: readonly string[]): string => join(daemon.dataRoot, ...parts);

/** Warnings and errors of the start. */
async function comeBack(breakThings: () => void): Promise<string> {
  await daemon.stop('SIGKILL');
  const log = join(daemon.root, 'daemon.log');
  const before = readFileSync(log).length;
  breakThings();
  await daemon.launch();
  return readFileSync(log)
    .subarray(before)
    .toString()
    .split('\n')
    .filter((line) => /level=(warning|error)/.test(line))
    .join('\n');
}

beforeAll(async () => {
  daemon = await TestDaemon.start(['--live-restore', '--cgroup-parent', `/${GROUP}`]);
  await docker('network', 'create', 'well');
  const run = ['run', '-d', '--name', 'well', '--network', 'well', '-v', 'well:/data', '-P'];
  await docker(
    ...run,
    '--expose',
    '80',
    'busybox',
    'sh',
    '-c',
    'echo well >/data/mine; sleep 3600',
  );
});

afterAll(async () => {
  await docker('rm', '-f', 'well');
  expect(await daemon.stop()).toBe(0);
  expect(daemon.leaks()).toEqual(NO_LEAKS);
  await daemon[Symbol.asyncDispose]();
  await removeCgroups(GROUP);
});

/** All that was not touched. */
async function expectBystandersWell(): Promise<void> {
  const run = ['run', '--rm', '--network', 'well', '-v', 'well:/data', 'busybox'];
  expect(await docker(...run, 'cat', '/data/mine')).toMatchObject({ stdout: 'well\n' });
  expect(await docker(...run, 'ping', '-c1', '-w20', 'well')).toMatchObject({ code: 0 });
}

async function expectContainersSettled({ containers }: Victims, how: string): Promise<void> {
  for (const [file, { name }] of Object.entries(containers)) {
    const found = await docker('start', '-a', name);
    const isKnown = !['config.v2.json', 'hostconfig.json'].includes(file);
    // A note of a directory that is not there any more says nothing of where the files are.
    if (isKnown && file !== 'mount-id') expect(found.stdout, `${file} ${how}`).toBe(name);
    else expect(found.code, `${file} ${how}`).not.toBe(0);
    expect((await docker('rm', name)).code === 0).toBe(isKnown);
  }
}

/** Whatever was lost is there again after the same load. */
async function expectImagesComeBack({ images }: Victims): Promise<void> {
  for (const { id, name, archive } of Object.values(images)) {
    expect(await daemon.docker(['load'], { input: archive })).toMatchObject({ code: 0 });
    await expectReadable(id, name);
  }
}

async function expectReadable(image: string, name: string): Promise<void> {
  const made = await daemon.api('POST', `/containers/create?name=of-${name}`, {
    Image: image,
    Cmd: ['x'],
  });
  expect(made).toMatchObject({ status: 201 });
  const file = await daemon.api('GET', `/containers/of-${name}/archive?path=/data/new`);
  expect(file.body).toContain(`new ${name}`);
  expect(await daemon.api('DELETE', `/containers/of-${name}`)).toMatchObject({ status: 204 });
}

describe('whatever was', () => {
  it.each(Object.entries(BREAKAGES))('%s is set aside', async (how, breakIt) => {
    const round = `r${randomUUID().slice(0, 6)}`;
    const victims = await makeVictims(daemon, round);
    const { containers, images, network, volume } = victims;
    const all = [...Object.values(containers), ...Object.values(images), network, volume];
    const before = await stateOf('well');
    const complaints = await comeBack(() => all.forEach(({ path }) => breakIt(path)));
    expect(await stateOf('well')).toBe(before);
    const told = ['config.v2.json', 'hostconfig.json', 'state.json'].map(
      (file) => containers[file],
    );
    for (const one of [...told, volume]) expect(complaints).toContain(one?.id);
    // A network whose file is gone is no network.
    if (how !== 'removed') expect(complaints).toContain(network.id);
    const data = [...Object.values(containers), ...Object.values(images), volume].map(
      (one) => one.data,
    );
    // The image nobody knows of any more is what a removal that was cut off leaves.
    const spared =
      how === 'removed' ? data.filter((path) => path !== images['content']?.data) : data;
    expect(spared.filter((path) => !existsSync(path))).toEqual([]);
    await expectBystandersWell();
    await expectContainersSettled(victims, how);
    await expectImagesComeBack(victims);
    expect(await docker('network', 'create', network.name)).toMatchObject({ code: 0 });
    expect(await docker('volume', 'rm', volume.name)).toMatchObject({ code: 0 });
  });

  it('deleted of the layers costs what lay on it, and strange files are left alone', async () => {
    const lost = await makeContainer(daemon, 'lost', 'state.json');
    const found = await makeContainer(daemon, 'found', 'hosts');
    const image = await makeImageVictim(daemon, 'holed', 'diff');
    const strange = [
      'containers/lost+found',
      'image/overlay2/layerdb/tmp/strange',
      'image/overlay2/layerdb/init/strange',
      'image/overlay2/imagedb/content/sha256/strange',
      'image/overlay2/imagedb/metadata/sha256/strange',
      'network/files/strange.txt',
      'volumes/-strange-',
      'overlay2/strange',
    ].map((path) => below(path, 'file'));
    await docker('volume', 'create', 'odd');
    const complaints = await comeBack(() => {
      rmSync(join(lost.data, '../..'), { recursive: true });
      rmSync(join(image.data, '../../..'), { recursive: true });
      rmSync(below('overlay2/l'), { recursive: true });
      rmSync(below('volumes/odd/_data'), { recursive: true });
      writeFileSync(below('volumes/odd/_data'), 'a file');
      mkdirSync(join(found.path), { recursive: true });
      for (const path of strange) {
        mkdirSync(join(path, '..'), { recursive: true });
        writeFileSync(path, 'strange');
      }
    });
    for (const word of [lost.id, 'odd', 'lost+found']) expect(complaints).toContain(word);
    expect(strange.filter((path) => !existsSync(path))).toEqual([]);
    expect(await docker('start', '-a', 'found')).toEqual({ code: 0, stderr: '', stdout: 'found' });
    expect((await docker('start', 'lost')).stderr).toContain('the container can only be removed');
    expect(await docker('rm', 'lost', 'found')).toMatchObject({ code: 0 });
    expect(await daemon.docker(['load'], { input: image.archive })).toMatchObject({ code: 0 });
    await expectReadable(image.id, image.name);
    await expectBystandersWell();
  });

  it('broken of the names leaves images without', async () => {
    const names = below('image/overlay2/repositories.json');
    const complaints = await comeBack(() => writeFileSync(names, '{"Repositories":'));
    expect(complaints).toContain('repositories.json');
    const { stdout } = await docker('inspect', '--format', '{{.Image}}', 'well');
    expect(await docker('tag', stdout.trim(), 'busybox')).toMatchObject({ code: 0 });
    await expectBystandersWell();
  });
});

describe('a container that ran', () => {
  const exec = (...parts: readonly string[]): string => join(daemon.execRoot, ...parts);

  it.each([
    ["with containerd's database broken", () => writeFileSync(database(), 'no database')],
    ["with containerd's directories gone", () => rmSync(exec('containerd'), { recursive: true })],
    ['with the exec root gone', () => loseExecRoot()],
  ])('is ended %s, and runs again', async (_what, breakIt) => {
    await docker('start', 'well');
    const pid = (await stateOf('well')).split(' ')[1] ?? '';
    await comeBack(breakIt);
    expect(await stateOf('well')).toBe('exited 0');
    expect(existsSync(`/proc/${pid}`)).toBe(false);
    expect(await docker('start', 'well')).toMatchObject({ code: 0 });
    await expectBystandersWell();
  });

  const database = (): string => exec('containerd/root/io.containerd.metadata.v1.bolt/meta.db');

  function loseExecRoot(): void {
    for (const line of readFileSync('/proc/self/mounts', 'utf8').split('\n')) {
      const path = line.split(' ')[1] ?? '';
      if (path.startsWith(`${daemon.execRoot}/`)) execFileSync('umount', ['-l', path]);
    }
    renameSync(daemon.execRoot, `${daemon.execRoot}-gone`);
    rmSync(`${daemon.execRoot}-gone`, { recursive: true });
  }
});
