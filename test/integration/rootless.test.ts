/** An ordinary user's own engine, on the real rootlesskit: no root anywhere, and nothing left when it ends. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type CommandResult, command } from '../support/daemon.ts';
import { answersPing, engineRequest } from '../support/engine-request.ts';
import { busyboxImage, dockerArchive } from '../support/fixture-images.ts';
import { freePort } from '../support/registry.ts';
import { TestAccount } from '../support/sshd.ts';

const project = fileURLToPath(new URL('../..', import.meta.url));
const START_LIMIT_MS = 60_000;
let account: TestAccount;
let directory: string;
let uid = 0;
let daemon: ChildProcess;
const output: string[] = [];

const runtime = (): string => join(directory, 'runtime');
const socket = (): string => join(runtime(), 'windlass/docker.sock');
const home = (): string => `/home/${account.name}`;

/** As the user, where no engine of the system is to be seen; the project lies where he may read it. */
const SCRIPT = `mount -t tmpfs tmpfs /run
mount --bind "$1/project.real" "$1/project"
user=$2; shift 2
exec setpriv --reuid "$user" --regid "$user" --init-groups env -i "$@"`;

function startAsUser(...words: string[]): ChildProcess {
  const environment = [
    `HOME=${home()}`,
    `XDG_RUNTIME_DIR=${runtime()}`,
    'PATH=/usr/local/bin:/usr/bin:/bin',
  ];
  const node = join(directory, 'project', process.execPath.slice(project.length));
  const script = SCRIPT.replace('$1/project.real', project);
  const inside = [
    'sh',
    '-c',
    script,
    'sh',
    directory,
    account.name,
    ...environment,
    node,
    ...words,
  ];
  const child = spawn('unshare', ['--mount', ...inside], { cwd: '/' });
  child.stdout.on('data', (text: Buffer) => output.push(String(text)));
  child.stderr.on('data', (text: Buffer) => output.push(String(text)));
  return child;
}

const docker = (...args: string[]): Promise<CommandResult> =>
  command('docker', args, { env: { DOCKER_HOST: `unix://${socket()}` } });

const ended = (child: ChildProcess): Promise<number | null> =>
  child.exitCode !== null || child.signalCode !== null
    ? Promise.resolve(child.exitCode)
    : new Promise((resolve) => child.once('exit', resolve));

beforeAll(async () => {
  account = new TestAccount();
  uid = Number(execFileSync('id', ['-u', account.name]).toString());
  directory = mkdtempSync(join(tmpdir(), 'windlass-rootless-'));
  chmodSync(directory, 0o755);
  for (const name of ['project', 'runtime']) mkdirSync(join(directory, name), { mode: 0o700 });
  chownSync(runtime(), uid, uid);
  daemon = startAsUser(join(directory, 'project/src-main/windlassd.ts'), '--rootless');
  for (const limit = Date.now() + START_LIMIT_MS; !(await answersPing(socket())); await delay(100))
    if (Date.now() > limit || daemon.exitCode !== null) throw new Error(output.join(''));
  const archive = await dockerArchive([{ image: await busyboxImage(), tags: ['busybox:latest'] }]);
  const loaded = await command('docker', ['load'], {
    input: archive,
    env: { DOCKER_HOST: `unix://${socket()}` },
  });
  expect(loaded).toMatchObject({ code: 0 });
}, 120_000);
afterAll(() => {
  account?.[Symbol.dispose]();
  rmSync(directory, { recursive: true, force: true });
});

it('says what it is, and keeps its things in the directories of its user', async () => {
  const info = JSON.parse((await engineRequest(socket(), 'GET', '/info')).body);
  expect(info).toMatchObject({
    CgroupDriver: 'none',
    DockerRootDir: `${home()}/.local/share/windlass`,
    MemoryLimit: false,
  });
  expect(info.SecurityOptions).toContain('name=rootless');
  expect(info.Warnings).toEqual([expect.stringContaining('without cgroups')]);
  expect(['overlay2', 'fuse-overlayfs']).toContain(info.Driver);
  expect(statSync(socket()).uid).toBe(uid);
  expect(existsSync(`${home()}/.local/share/windlass/containers`)).toBe(true);
});

it('runs containers whose root is the user, and their other users are ids of his', async () => {
  const script = 'id -u; cat /proc/self/uid_map; touch /tmp/x; chown 33 /tmp/x; ls -ln /tmp/x';
  const { code, stdout } = await docker('run', '--rm', 'busybox', 'sh', '-c', script);
  expect(code).toBe(0);
  const [root, first, second, file] = stdout.split('\n').map((line) => line.trim().split(/\s+/));
  expect(root).toEqual(['0']);
  expect(first).toEqual(['0', `${uid}`, '1']);
  expect(second?.slice(0, 1)).toEqual(['1']);
  expect(file?.[2]).toBe('33');
});

it('publishes ports from 1024 on, and says why not below', async () => {
  const port = await freePort();
  const server = 'mkdir /w && echo over > /w/index.html && httpd -f -p 80 -h /w';
  const started = await docker(
    'run',
    '-d',
    '--name',
    'web',
    '-p',
    `${port}:80`,
    'busybox',
    'sh',
    '-c',
    server,
  );
  expect(started).toMatchObject({ code: 0 });
  const fetched = () => fetch(`http://127.0.0.1:${port}/`).then((answer) => answer.text(), String);
  await expect.poll(fetched, { timeout: 20_000 }).toBe('over\n');
  const low = await docker('run', '--rm', '-p', '1:80', 'busybox', 'true');
  expect(low.code).toBe(126);
  expect(low.stderr).toContain('cannot expose privileged port 1');
  expect((await docker('rm', '-f', 'web')).code).toBe(0);
  await expect.poll(fetched, { timeout: 20_000 }).not.toBe('over\n');
});

it('has volumes, networks with names, and layers that hide what is below', async () => {
  const steps = [
    ['network', 'create', 'net1'],
    [
      'run',
      '-d',
      '--network',
      'net1',
      '--name',
      'peer',
      '-v',
      'vol:/data',
      'busybox',
      'sleep',
      '1000',
    ],
    ['run', '--rm', '--network', 'net1', 'busybox', 'ping', '-c', '1', '-W', '10', 'peer'],
    [
      'exec',
      'peer',
      'sh',
      '-c',
      'echo kept > /data/f; rm -r /var /home; mkdir /var; echo new > /var/n',
    ],
    ['commit', '-p=false', 'peer', 'hiding'],
    ['rm', '-f', 'peer'],
    ['network', 'rm', 'net1'],
  ];
  for (const step of steps)
    expect([step, await docker(...step)]).toMatchObject([step, { code: 0 }]);
  const seen = await docker(
    'run',
    '--rm',
    '-v',
    'vol:/data',
    'hiding',
    'sh',
    '-c',
    'ls /var /home; cat /data/f',
  );
  expect(seen.stdout).toBe('/var:\nn\nkept\n');
});

it('takes limits with a warning', async () => {
  const limited = await docker('run', '--rm', '-m', '64m', 'busybox', 'echo', 'ran');
  expect(limited).toMatchObject({ code: 0, stdout: 'ran\n' });
  expect(limited.stderr).toContain('Limitation discarded');
});

/** Of the user and of the ids that are his. */
function processesOfUser(): string[] {
  const [, first = '0', count = '0'] =
    readFileSync('/etc/subuid', 'utf8')
      .split('\n')
      .find((line) => line.startsWith(`${account.name}:`))
      ?.split(':') ?? [];
  const isHis = (id: number): boolean =>
    id === uid || (id >= Number(first) && id < Number(first) + Number(count));
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .filter((pid) => {
      try {
        return isHis(statSync(`/proc/${pid}`).uid);
      } catch {
        // It ended while we looked.
        return false;
      }
    });
}

it('ends with nothing left running', async () => {
  await docker('run', '-d', '--stop-timeout', '1', '--name', 'last', 'busybox', 'sleep', '1000');
  process.kill(Number(readFileSync(join(runtime(), 'windlass/windlassd.pid'), 'utf8')), 'SIGTERM');
  expect(await ended(daemon)).toBe(0);
  await expect.poll(processesOfUser, { timeout: 20_000 }).toEqual([]);
  expect(existsSync(socket())).toBe(false);
});

it('is what the app starts for a user when the machine has no engine, and finds again', async () => {
  const main = join(directory, 'project/dist/src-main/main.js');
  for (const round of ['starts', 'finds']) {
    output.length = 0;
    const app = startAsUser(main, '--web');
    await expect
      .poll(() => output.join(''), { timeout: START_LIMIT_MS })
      .toMatch(/^Windlass: http:\/\/127\.0\.0\.1:\d+/m);
    const listed = await docker('ps', '-a', '--format', '{{.Names}}');
    expect([round, listed.stdout]).toEqual([round, 'last\n']);
    app.kill('SIGTERM');
    await ended(app);
    expect(await answersPing(socket())).toBe(true);
  }
  process.kill(Number(readFileSync(join(runtime(), 'windlass/windlassd.pid'), 'utf8')), 'SIGTERM');
  await expect.poll(processesOfUser, { timeout: 30_000 }).toEqual([]);
});

it('is not for a user without ids of his own, who learns what to do', async () => {
  execFileSync('sed', ['-i', `/^${account.name}:/d`, '/etc/subuid']);
  output.length = 0;
  const refused = startAsUser(join(directory, 'project/src-main/windlassd.ts'), '--rootless');
  expect(await ended(refused)).toBe(1);
  expect(output.join('')).toMatch(
    new RegExp(`Run: sudo usermod --add-subuids \\d+-\\d+ ${account.name}`),
  );
});
