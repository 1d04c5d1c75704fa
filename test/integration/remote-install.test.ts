/** Our own daemon on a machine that has no engine: set up over SSH, updated, taken away again. */
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import type { InstallProgress } from '../../shared/shell/contract.ts';
import { BareHost } from '../support/bare-host.ts';
import { busyboxImage, dockerArchive } from '../support/fixture-images.ts';
import { HostWindow } from '../support/host-window.ts';
import { makeKey, TestAccount, TestSshd } from '../support/sshd.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const closing = new AsyncDisposableStack();
let account: TestAccount;
let host: BareHost;
let sshd: TestSshd;
let window: HostWindow;
let directory: string;
/** As root, and as somebody who may use sudo. */
let asRoot: string;
let asUser: string;

/** The project with a manifest of the test's own, so that there can be a newer one. */
function layOut(version: string): void {
  writeFileSync(join(directory, 'package.json'), JSON.stringify({ version, type: 'module' }));
}

/** All that is there and could be left behind. */
const listAll = () => `
find /opt /etc /usr/local /var/lib /var/log /root /home/${account.name} -xdev 2>/dev/null | grep -v ssh | sort
ps -eo args= | grep -v -e 'ps -eo' -e grep -e sort -e 'sh -c' -e sleep -e sshd | sort
ip -o link | cut -d: -f2 | sort; nft list tables | sort; cut -d' ' -f2 /proc/mounts | sort
cut -d: -f1,4 /etc/group | sort; ls /run | grep -v sudo`;
let before = '';
const inventory = async (): Promise<string> => (await host.shell(listAll())).stdout;

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'windlass-source-'));
  closing.defer(() => rmSync(directory, { recursive: true }));
  for (const name of ['dist', 'node_modules'])
    symlinkSync(join(project, name), join(directory, name));
  layOut('1.0.0');
  account = closing.use(new TestAccount());
  host = closing.use(await BareHost.start());
  await host.shell(`echo '${account.name} ALL=(ALL) ALL' > /etc/sudoers.d/test`);
  sshd = closing.use(await TestSshd.start([], host.enter));
  const key = makeKey(join(directory, 'key'));
  sshd.authorize(key);
  const lines = [`HostName ${host.address}`, `Port ${sshd.port}`, `IdentityFile ${key}`];
  const bundle = { root: directory, node: process.execPath, directory: join(directory, 'cache') };
  window = closing.use(new HostWindow(['Host bare', ...lines].join('\n'), [], bundle));
  window.know(`[${host.address}]:${sshd.port} ${sshd.hostKey}`);
  before = await inventory();
  asRoot = await window.add('Bare', { kind: 'ssh', destination: 'root@bare' });
});
afterAll(() => closing.disposeAsync());

async function install(id: string, stop?: AbortSignal): Promise<InstallProgress[]> {
  return Array.fromAsync(window.client.stream('hosts.install', { id }, stop));
}

it('a host without an engine says so, and what it would take', async () => {
  const { status } = await window.until(asRoot, 'lost');
  expect(status).toMatchObject({
    isEngineMissing: true,
    reason: expect.stringContaining('There is no engine on bare that can be reached'),
  });
  expect(await window.client.call('hosts.installPlan', { id: asRoot })).toEqual({
    system: expect.stringContaining('Linux'),
    state: 'none',
    needsSudo: false,
    steps: [
      expect.stringMatching(/^upload windlassd, \d+ MB, and put it in \/opt\/windlass$/),
      expect.stringContaining('there is no systemd'),
    ],
  });
  expect(await inventory()).toBe(before);
}, 120_000);

it('has one after it was agreed to, and it works', async () => {
  const progress = await install(asRoot);
  const uploads = progress.filter(({ step }) => step === 'Uploading');
  expect(uploads[0]).toMatchObject({ done: 0 });
  expect(uploads.at(-1)?.done).toBe(uploads[0]?.total);
  expect(progress.map(({ step }) => step).filter((step) => step !== 'Uploading')).toEqual([
    'Packing windlassd',
    'Unpacking',
    'Starting',
    'Asking it for its version',
    expect.stringMatching(/^Windlass .* runs there$/),
  ]);
  await window.until(asRoot, 'up', 'slow');
  const load = window.client.duplex('engine.request', {
    host: asRoot,
    method: 'POST',
    path: '/images/load',
    headers: {},
  });
  await load.write(
    await dockerArchive([{ image: await busyboxImage(), tags: ['busybox:latest'] }]),
  );
  await load.end();
  await Array.fromAsync(load.readable);
  const created = await window.request(asRoot, '/containers/create?name=stays', 'POST', {
    Image: 'busybox',
    Cmd: ['sleep', '1000'],
  });
  expect(created.status).toBe(201);
  expect((await window.request(asRoot, '/containers/stays/start', 'POST')).status).toBe(204);
}, 180_000);

const stateOf = async (): Promise<{ Running: boolean; StartedAt: string; Pid: number }> =>
  JSON.parse((await window.request(asRoot, '/containers/stays/json')).text).State;

it('is updated while its containers go on', async () => {
  const plan = () => window.client.call('hosts.installPlan', { id: asRoot });
  expect(await plan()).toMatchObject({ state: 'current' });
  layOut('1.0.1-newer');
  expect(await plan()).toMatchObject({ state: 'older' });
  const running = await stateOf();
  await install(asRoot);
  await window.until(asRoot, 'up', 'slow');
  expect(await plan()).toMatchObject({ state: 'current' });
  expect(await stateOf()).toMatchObject({
    Running: true,
    StartedAt: running.StartedAt,
    Pid: running.Pid,
  });
  const { stdout } = await host.shell('ls /opt/windlass; cat /opt/windlass/current/package.json');
  expect(stdout).toContain('1.0.1-newer');
  expect(stdout.match(/^[0-9a-f]{12}$/gm)).toHaveLength(1);
}, 180_000);

const remove = (id: string, withData: boolean) =>
  Array.fromAsync(window.client.stream('hosts.uninstall', { id, withData }));

it('is taken away, and what the user made stays', async () => {
  await remove(asRoot, false);
  const left = (await inventory()).split('\n').filter((line) => !before.split('\n').includes(line));
  expect(left.filter((line) => !line.startsWith('/var/lib/windlass'))).toEqual([]);
  expect(left).toContain('/var/lib/windlass');
  await expect(remove(asRoot, false)).rejects.toMatchObject({ code: 'conflict' });
}, 180_000);

it('is set up by an ordinary user with sudo, goes on after a cut upload, and finds what was made before', async () => {
  asUser = await window.add('By sudo', { kind: 'ssh', destination: `${account.name}@bare` });
  await window.until(asUser, 'lost');
  const answers = ['wrong', account.password];
  window.person(({ kind }) => (kind === 'password' ? [answers.shift() ?? ''] : undefined));
  const cut = async (): Promise<void> => {
    let isCut = false;
    for await (const { done = 0 } of window.client.stream('hosts.install', { id: asUser })) {
      // Progress that was told before the cut may still come in.
      if (done > 8e6 && !isCut) sshd.cut();
      isCut ||= done > 8e6;
    }
  };
  await expect(cut()).rejects.toMatchObject({
    code: 'unavailable',
    message: expect.stringMatching(/^the upload to By sudo was cut at \d+ of \d+ MB/),
  });
  const progress = await install(asUser);
  expect(progress.find(({ step }) => step === 'Uploading')?.done).toBeGreaterThan(0);
  const question = `sudo needs the password of ${account.name} to set up windlassd`;
  expect(window.asked.map(({ message, problem }) => [message, problem])).toEqual([
    [question, undefined],
    [question, 'sudo did not take that password.'],
  ]);
  await window.until(asUser, 'up', 'slow');
  await window.until(asRoot, 'up', 'slow');
  expect(await stateOf()).toMatchObject({ Running: false });
}, 180_000);

it('is taken away with all it kept, and nothing is left', async () => {
  window.person(({ kind }) => (kind === 'password' ? [account.password] : undefined));
  await remove(asUser, true);
  expect(await inventory()).toBe(before);
}, 180_000);

it('says what is missing there', async () => {
  await host.shell('rm /usr/bin/containerd /usr/sbin/nft');
  const plan = () => window.client.call('hosts.installPlan', { id: asUser });
  expect((await plan()).steps[0]).toBe('apt-get install containerd nftables');
  await host.shell('rm /usr/bin/apt-get');
  expect((await plan()).problem).toBe('containerd, nftables must be installed there first');
}, 60_000);
