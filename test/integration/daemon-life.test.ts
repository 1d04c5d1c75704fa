/** The daemon as a service: TLS, sockets, signals, reload, what it says to those who ask for what it is not. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { makeCertificates } from '../support/certificates.ts';
import { type CommandResult, command, TestDaemon } from '../support/daemon.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';

let daemon: TestDaemon;
let port = 0;
let directory = '';

async function until(condition: () => boolean | Promise<boolean>, what: string): Promise<void> {
  for (const limit = Date.now() + 20_000; Date.now() < limit; await delay(50))
    if (await condition()) return;
  throw new Error(`never happened: ${what}`);
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  const { port: free } = server.address() as { port: number };
  await new Promise((resolve) => server.close(resolve));
  return free;
}

const overTls = (certificates: string): Promise<CommandResult> =>
  command('docker', [
    ...['--host', `tcp://127.0.0.1:${port}`, '--tlsverify'],
    ...['--tlscacert', join(directory, 'ours/ca.pem')],
    ...['--tlscert', join(directory, certificates, 'client.pem')],
    ...['--tlskey', join(directory, certificates, 'client-key.pem')],
    ...['version', '--format', '{{.Server.Os}}'],
  ]);

const configFile = (): string => join(directory, 'daemon.json');
const writeConfig = (config: object): void => writeFileSync(configFile(), JSON.stringify(config));
const infoOf = async (): Promise<{
  Debug: boolean;
  Labels: string[];
  LiveRestoreEnabled: boolean;
  Runtimes: object;
  RegistryConfig: { Mirrors: string[] };
}> => JSON.parse((await daemon.api('GET', '/info')).body);
const logText = (): string => readFileSync(join(daemon.root, 'daemon.log'), 'utf8');

beforeAll(async () => {
  directory = execFileSync('mktemp', ['-d']).toString().trim();
  for (const name of ['ours', 'theirs']) {
    mkdirSync(join(directory, name));
    makeCertificates(join(directory, name), name);
  }
  port = await freePort();
  writeConfig({ labels: ['a=b'] });
  daemon = await TestDaemon.start([
    ...['-H', `tcp://127.0.0.1:${port}`, '--tlsverify', '--group', '12345'],
    ...['--tlscacert', join(directory, 'ours/ca.pem')],
    ...['--tlscert', join(directory, 'ours/server.pem')],
    ...['--tlskey', join(directory, 'ours/server-key.pem')],
    ...['--config-file', configFile(), '--experimental', '--api-cors-header', 'https://a.example'],
  ]);
});

afterAll(async () => {
  expect(await daemon.stop()).toBe(0);
  expect(daemon.leaks()).toEqual(NO_LEAKS);
  await daemon[Symbol.asyncDispose]();
  execFileSync('rm', ['-rf', directory]);
});

describe('listeners', () => {
  it('serve tcp to those whose certificate the authority signed, and to nobody else', async () => {
    expect(await overTls('ours')).toMatchObject({ code: 0, stdout: 'linux\n' });
    const stranger = await overTls('theirs');
    expect(stranger.code).not.toBe(0);
    expect(stranger.stdout.trim()).toBe('');
    const plain = await command('curl', ['-sk', '-m', '10', `https://127.0.0.1:${port}/_ping`]);
    expect(plain.code).not.toBe(0);
  });

  it('give the unix socket its group and mode', () => {
    const { mode, gid } = statSync(daemon.socket);
    expect([mode & 0o777, gid]).toEqual([0o660, 12345]);
  });

  it('send the headers that were asked for', async () => {
    const { headers } = await daemon.api('GET', '/_ping');
    expect(headers).toMatchObject({
      'docker-experimental': 'true',
      'access-control-allow-origin': 'https://a.example',
      'api-version': '1.44',
    });
    expect((await daemon.api('OPTIONS', '/info')).status).toBe(200);
  });
});

const NOT_MANAGER =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

describe('what it is not', () => {
  it.each([
    ['GET', '/v1.41/swarm', 503, NOT_MANAGER],
    ['GET', '/v1.41/services', 503, NOT_MANAGER],
    ['POST', '/v1.41/services/create', 503, NOT_MANAGER],
    ['DELETE', '/v1.41/services/x', 503, NOT_MANAGER],
    ['GET', '/v1.41/nodes', 503, NOT_MANAGER],
    ['GET', '/v1.41/tasks/x', 503, NOT_MANAGER],
    ['POST', '/v1.41/secrets/create', 503, NOT_MANAGER],
    ['GET', '/v1.41/configs/x', 503, NOT_MANAGER],
    ['POST', '/v1.41/swarm/unlock', 503, NOT_MANAGER],
    ['POST', '/v1.41/swarm/leave', 503, 'This node is not part of a swarm'],
    [
      'POST',
      '/v1.41/swarm/update',
      400,
      'invalid swarm version \'\': strconv.ParseUint: parsing "": invalid syntax',
    ],
    [
      'POST',
      '/v1.41/services/x/update',
      400,
      'invalid service version \'\': strconv.ParseUint: parsing "": invalid syntax',
    ],
    ['GET', '/v1.41/services/x/logs', 500, 'Bad parameters: you must choose at least one stream'],
    ['GET', '/v1.41/plugins/x/json', 404, 'plugin "x" not found'],
    ['DELETE', '/v1.41/plugins/x', 404, 'plugin "x" not found'],
    ['POST', '/v1.41/plugins/x/enable', 500, 'strconv.Atoi: parsing "": invalid syntax'],
    ['POST', '/v1.41/plugins/x/disable', 404, 'plugin "x" not found'],
    ['POST', '/v1.41/session', 400, 'no upgrade proto in request'],
    ['POST', '/v1.41/grpc', 500, 'no upgrade proto in request'],
    ['POST', '/v1.41/build/cancel', 500, 'build ID not provided'],
    ['POST', '/v1.41/_ping', 404, 'page not found'],
    ['POST', '/v1.41/info', 404, 'page not found'],
    ['GET', '/v1.41/nope', 404, 'page not found'],
    ['GET', '/vx/info', 404, 'page not found'],
    [
      'GET',
      '/v1.99/info',
      400,
      'client version 1.99 is too new. Maximum supported API version is 1.44',
    ],
    ['GET', '/v1.44/system/df?type=x', 400, 'unknown object type: x'],
  ])('%s %s is %i', async (method, path, status, message) => {
    const answer = await daemon.api(method, path);
    expect({ status: answer.status, ...(JSON.parse(answer.body) as object) }).toEqual({
      status,
      message,
    });
  });

  it('refuses a client that is too old in plain text, as that one expects it', async () => {
    const answer = await daemon.api('GET', '/v1.11/info');
    expect(answer).toMatchObject({
      status: 400,
      body: 'client version 1.11 is too old. Minimum supported API version is 1.24, please upgrade your client to a newer version\n',
    });
  });

  it('has an empty build cache and no managed plugins', async () => {
    expect((await daemon.api('POST', '/v1.41/build/prune')).body).toBe(
      '{"CachesDeleted":null,"SpaceReclaimed":0}\n',
    );
    expect((await daemon.api('GET', '/v1.41/plugins')).body).toBe('[]\n');
  });
});

describe('docker system df', () => {
  it('answers what it is asked for, since API 1.42', async () => {
    const df = async (path: string): Promise<Record<string, unknown>> =>
      JSON.parse((await daemon.api('GET', path)).body);
    const some = await df('/v1.44/system/df?type=volume&type=container');
    expect(some).toMatchObject({ Volumes: [], Containers: [], Images: null, LayersSize: 0 });
    const all = await df('/v1.41/system/df?type=volume');
    expect(all['Images']).toHaveLength(1);
  });
});

describe('SIGHUP', () => {
  it('takes over what dockerd reloads, and tells it in an event', async () => {
    const since = Math.floor(Date.now() / 1000) - 1;
    writeConfig({
      labels: ['c=d'],
      'live-restore': false,
      'registry-mirrors': ['https://mirror.example'],
      runtimes: { other: { path: '/usr/bin/runc' } },
      'shutdown-timeout': 7,
    });
    process.kill(daemon.pid, 'SIGHUP');
    await until(async () => (await infoOf()).Labels[0] === 'c=d', 'labels are reloaded');
    const info = await infoOf();
    expect(Object.keys(info.Runtimes)).toContain('other');
    expect(info.RegistryConfig.Mirrors).toEqual(['https://mirror.example/']);
    const filters = encodeURIComponent(JSON.stringify({ type: ['daemon'], event: ['reload'] }));
    const range = `since=${since}&until=${Math.floor(Date.now() / 1000) + 1}`;
    const { body } = await daemon.api('GET', `/events?${range}&filters=${filters}`);
    expect(JSON.parse(body.split('\n')[0] ?? '')).toMatchObject({
      Type: 'daemon',
      Action: 'reload',
      Actor: { Attributes: { labels: '["c=d"]', 'shutdown-timeout': '7' } },
    });
  });

  it('with a broken file changes nothing and says so', async () => {
    writeFileSync(configFile(), '{"labels":');
    process.kill(daemon.pid, 'SIGHUP');
    await until(() => logText().includes('configuration not reloaded'), 'the log tells it');
    expect((await infoOf()).Labels).toEqual(['c=d']);
    writeConfig({ labels: ['a=b'] });
  });
});

describe('SIGUSR1', () => {
  it('writes a report and goes on', async () => {
    process.kill(daemon.pid, 'SIGUSR1');
    const reports = (): string[] =>
      readdirSync(daemon.execRoot).filter((name) => name.startsWith('process-report-'));
    await until(() => reports().length === 1, 'a report is written');
    await until(() => logText().includes('process report written'), 'the log tells it');
    expect((await daemon.api('GET', '/_ping')).status).toBe(200);
  });
});

/** A daemon that is expected to say something and end. */
async function refusal(args: readonly string[]): Promise<CommandResult> {
  const [entry = ''] = daemon.arguments();
  const root = join(directory, 'refused');
  return command(process.execPath, [
    entry,
    ...['--data-root', join(root, 'data'), '--exec-root', join(root, 'exec')],
    ...['--pidfile', join(root, 'pid'), ...args],
  ]);
}

describe('a start', () => {
  it('is checked without being made', async () => {
    const fine = await refusal(['--validate', '--label', 'a=b']);
    expect(fine).toMatchObject({ code: 0, stdout: 'configuration OK\n' });
    expect(existsSync(join(directory, 'refused'))).toBe(false);
    expect(await refusal(['--validate', '--label', 'a'])).toMatchObject({
      code: 1,
      stderr: `windlassd: invalid argument "a" for "--label" flag: bad attribute format: a\nSee 'windlassd --help'.\n`,
    });
  });
});

describe('a service manager', () => {
  let child: ChildProcess | undefined;

  it('hands over a socket, is told of readiness, and can end the daemon at once', async () => {
    // What systemd does: the socket is open before the daemon is, as descriptor 3.
    const root = join(directory, 'service');
    mkdirSync(root);
    const script = `
import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind('${root}/api.sock'); s.listen(8)
n = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM); n.bind('${root}/notify')
pid = os.fork()
if pid == 0:
    if s.fileno() != 3: os.dup2(s.fileno(), 3)
    os.set_inheritable(3, True)
    os.environ.update(LISTEN_FDS='1', LISTEN_PID=str(os.getpid()), NOTIFY_SOCKET='${root}/notify')
    os.execv(sys.argv[1], sys.argv[1:])
print(pid, flush=True)
while True:
    print(n.recv(4096).decode().split('\\n')[0], flush=True)
`;
    const [entry = ''] = daemon.arguments();
    child = spawn('python3', [
      ...['-c', script, process.execPath, entry, '-H', 'fd://', '--bip', '10.254.77.1/24'],
      ...['--data-root', join(root, 'data'), '--exec-root', join(root, 'exec')],
      ...['--pidfile', join(root, 'pid'), '--log-format', 'json'],
    ]);
    let told = '';
    let log = '';
    child.stdout?.on('data', (chunk: Buffer) => (told += chunk.toString()));
    child.stderr?.on('data', (chunk: Buffer) => (log += chunk.toString()));
    try {
      await until(() => told.includes('READY=1'), 'it is ready');
      const ping = await command('curl', [
        '-s',
        '--unix-socket',
        join(root, 'api.sock'),
        'http://x/_ping',
      ]);
      expect(ping.stdout).toBe('OK');
      const lines = log.split('\n').filter(Boolean);
      const messages = lines.map((line) => (JSON.parse(line) as { msg: string }).msg);
      expect(messages).toContain('Daemon has completed initialization');
      const pid = Number(told.split('\n')[0]);
      process.kill(pid, 'SIGHUP');
      await until(() => told.includes('RELOADING=1'), 'it reloads');
      process.kill(pid, 'SIGTERM');
      await until(() => told.includes('STOPPING=1'), 'it stops');
      await until(() => !existsSync(`/proc/${pid}/exe`), 'it has ended');
    } finally {
      child.kill('SIGKILL');
    }
  });
});
