/** Containers through the docker CLI, on a real daemon with real containerd and runc. */
import { existsSync, readdirSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { command, TestDaemon } from '../support/daemon.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});

afterAll(async () => {
  await daemon.docker(['rm', '-f', ...(await ids())]);
  expect(await daemon.stop()).toBe(0);
  expect(daemon.leaks()).toEqual(NO_LEAKS);
  await daemon[Symbol.asyncDispose]();
});

const ids = async (): Promise<string[]> =>
  (await daemon.docker(['ps', '-aq', '--no-trunc'])).stdout.split('\n').filter(Boolean);

async function until(condition: () => Promise<boolean>, what: string): Promise<void> {
  for (const limit = Date.now() + 10_000; Date.now() < limit; await delay(50)) {
    if (await condition()) return;
  }
  throw new Error(`never happened: ${what}`);
}

describe('docker run', () => {
  it.each([
    ['output', ['echo', 'hello'], 0, 'hello\n'],
    ['its exit code', ['sh', '-c', 'exit 7'], 7, ''],
    ['a signal as 128+n', ['sh', '-c', 'sh -c "kill -9 \\$\\$"; exit $?'], 137, ''],
  ])('passes on %s', async (_what, words, code, stdout) => {
    expect(await daemon.docker(['run', '--rm', 'busybox', ...words])).toMatchObject({
      code,
      stdout,
    });
  });

  it('tells stdout from stderr', async () => {
    const both = await daemon.docker([
      'run',
      '--rm',
      'busybox',
      'sh',
      '-c',
      'echo out; echo err >&2',
    ]);
    expect(both).toEqual({ code: 0, stdout: 'out\n', stderr: 'err\n' });
  });

  it('passes 20 MB through stdin and stdout unharmed', async () => {
    const input = Buffer.alloc(20 * 1024 * 1024, 'windlass ');
    const result = await daemon.docker(['run', '--rm', '-i', 'busybox', 'sha256sum'], { input });
    const { createHash } = await import('node:crypto');
    expect(result.stdout.slice(0, 64)).toBe(createHash('sha256').update(input).digest('hex'));
  });

  it.each([
    [127, 'nope', 'exec: "nope": executable file not found in $PATH: unknown'],
    [126, '/etc/passwd', 'permission denied'],
  ])('answers %i for %s and leaves nothing', async (code, word, message) => {
    const before = await ids();
    const result = await daemon.docker(['run', '--rm', 'busybox', word]);
    expect(result.code).toBe(code);
    expect(result.stderr).toContain(message);
    expect(await ids()).toEqual(before);
  });

  it("refuses a taken name in Docker's words", async () => {
    const first = await daemon.docker(['create', '--name', 'taken', 'busybox', 'true']);
    const second = await daemon.docker(['create', '--name', 'taken', 'busybox', 'true']);
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(
      `Conflict. The container name "/taken" is already in use by container "${first.stdout.trim()}". You have to remove (or rename) that container to be able to reuse that name.`,
    );
  });

  it('publishes a port and refuses one that is taken', async () => {
    const web = ['sh', '-c', 'mkdir /w; echo found > /w/index.html; httpd -f -p 80 -h /w'];
    const started = await daemon.docker(['run', '-d', '-p', '80', 'busybox', ...web]);
    const id = started.stdout.trim();
    const port = (await daemon.docker(['port', id, '80'])).stdout.trim().split(':').at(-1) ?? '';
    await until(
      async () => (await command('curl', ['-s', `http://127.0.0.1:${port}/`])).stdout === 'found\n',
      'the page is served',
    );
    const again = await daemon.docker(['run', '--rm', '-p', `${port}:80`, 'busybox', 'true']);
    expect(again.code).toBe(125);
    expect(again.stderr).toContain(`Bind for 0.0.0.0:${port} failed: port is already allocated`);
    const foreign = createServer().listen(0, '0.0.0.0');
    await new Promise((resolve) => foreign.once('listening', resolve));
    const { port: held } = foreign.address() as { port: number };
    const refused = await daemon.docker(['run', '--rm', '-p', `${held}:80`, 'busybox', 'true']);
    foreign.close();
    expect(refused.stderr).toContain('bind: address already in use');
  });

  it('writes the three network files', async () => {
    const { stdout } = await daemon.docker([
      'run',
      '--rm',
      '--hostname',
      'lookout',
      '--add-host',
      'harbour:10.1.2.3',
      '--dns',
      '10.9.9.9',
      'busybox',
      'cat',
      '/etc/hosts',
      '/etc/hostname',
      '/etc/resolv.conf',
    ]);
    expect(stdout).toMatch(/^10\.1\.2\.3\tharbour$/m);
    expect(stdout).toMatch(/^10\.\d+\.\d+\.\d+\tlookout$/m);
    expect(stdout).toMatch(/^lookout$/m);
    expect(stdout).toMatch(/^nameserver 10\.9\.9\.9$/m);
  });

  it("gives Docker's capabilities and seccomp filter, and none of it to privileged ones", async () => {
    const status = ['sh', '-c', 'grep -E "CapEff|Seccomp:" /proc/self/status'];
    const normal = await daemon.docker(['run', '--rm', 'busybox', ...status]);
    expect(normal.stdout.replace(/\s+/g, ' ')).toBe('CapEff: 00000000a80425fb Seccomp: 2 ');
    const privileged = await daemon.docker(['run', '--rm', '--privileged', 'busybox', ...status]);
    expect(privileged.stdout).toMatch(/Seccomp:\s+0/);
  });

  it("keeps data in a volume and copies the image's files into a new one", async () => {
    await daemon.docker([
      'run',
      '--rm',
      '-v',
      'hold:/etc',
      'busybox',
      'sh',
      '-c',
      'echo cargo > /etc/cargo',
    ]);
    const read = await daemon.docker([
      'run',
      '--rm',
      '-v',
      'hold:/x:ro',
      'busybox',
      'sh',
      '-c',
      'cat /x/cargo; ls /x/passwd; touch /x/no',
    ]);
    expect(read.stdout).toBe('cargo\n/x/passwd\n');
    expect(read.stderr).toContain('Read-only file system');
    expect((await daemon.docker(['volume', 'rm', 'hold'])).code).toBe(0);
  });
});

describe('a running container', () => {
  it('can be stopped, started, paused, renamed and removed', async () => {
    await daemon.docker(['run', '-d', '--name', 'boat', '--init', 'busybox', 'sleep', '600']);
    const state = async (): Promise<string> =>
      (await daemon.docker(['inspect', '-f', '{{.State.Status}}', 'ship'])).stdout.trim();
    expect((await daemon.docker(['rename', 'boat', 'ship'])).code).toBe(0);
    expect(await state()).toBe('running');
    await daemon.docker(['pause', 'ship']);
    expect(await state()).toBe('paused');
    expect((await daemon.docker(['exec', 'ship', 'true'])).stderr).toContain(
      'is paused, unpause the container before exec',
    );
    await daemon.docker(['unpause', 'ship']);
    expect((await daemon.docker(['rm', 'ship'])).stderr).toContain(
      'You cannot remove a running container',
    );
    expect((await daemon.docker(['stop', 'ship'])).stdout).toBe('ship\n');
    expect(await state()).toBe('exited');
    expect((await daemon.docker(['start', 'ship'])).code).toBe(0);
    expect((await daemon.docker(['kill', 'ship'])).code).toBe(0);
    expect((await daemon.docker(['kill', 'ship'])).stderr).toContain('is not running');
    expect((await daemon.docker(['rm', 'ship'])).code).toBe(0);
    expect((await daemon.docker(['inspect', 'ship'])).stderr).toContain('No such object: ship');
  });

  it('takes execs with input, user, directory, environment and exit code', async () => {
    await daemon.docker(['run', '-d', '--name', 'deck', 'busybox', 'sleep', '600']);
    const shown = await daemon.docker(
      ['exec', '-i', '-e', 'A=b', '-w', '/tmp', 'deck', 'sh', '-c', 'cat; pwd; echo $A; exit 9'],
      { input: 'typed\n' },
    );
    expect(shown).toMatchObject({ code: 9, stdout: 'typed\n/tmp\nb\n' });
    const missing = await daemon.docker(['exec', 'deck', 'nope']);
    expect(missing).toMatchObject({ code: 126 });
    expect(missing.stdout + missing.stderr).toContain('OCI runtime exec failed');
  });

  it('shows its log: all, the last lines, with times, and while it grows', async () => {
    await daemon.docker([
      'run',
      '-d',
      '--name',
      'log',
      'busybox',
      'sh',
      '-c',
      'for i in 1 2 3; do echo line $i; done; sleep 1; echo last',
    ]);
    await until(
      async () => (await daemon.docker(['logs', 'log'])).stdout.includes('line 3'),
      'three lines',
    );
    expect((await daemon.docker(['logs', '--tail', '2', 'log'])).stdout).toMatch(
      /^line 2\nline 3\n/,
    );
    expect((await daemon.docker(['logs', '-t', '--tail', '1', 'log'])).stdout).toMatch(
      /^\d{4}-\d\d-\d\dT[\d:.]{18}Z /,
    );
    expect((await daemon.docker(['logs', '-f', 'log'])).stdout).toBe(
      'line 1\nline 2\nline 3\nlast\n',
    );
  });

  it('has a terminal that can be typed into and resized', async () => {
    const script = `
import os, pty, sys, time, select, fcntl, termios, struct
pid, fd = pty.fork()
if pid == 0:
    os.execvp('docker', ['docker', 'run', '--rm', '-it', 'busybox', 'sh'])
out = b''
def read_until(mark, limit=15):
    global out
    end = time.time() + limit
    while mark not in out and time.time() < end:
        if select.select([fd], [], [], 0.1)[0]:
            try: out += os.read(fd, 4096)
            except OSError: return
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 30, 100, 0, 0))
read_until(b'#')
os.kill(pid, 28)
time.sleep(0.5)
out = b''
os.write(fd, b'stty size; echo typed-$((40+2))\\n')
read_until(b'typed-42')
os.write(fd, b'exit 5\\n')
_, status = os.waitpid(pid, 0)
sys.stdout.write(out.decode(errors='replace'))
sys.exit(os.waitstatus_to_exitcode(status))
`;
    const result = await command('python3', ['-c', script], {
      env: { DOCKER_HOST: `unix://${daemon.socket}` },
    });
    expect(result.stdout).toContain('typed-42');
    expect(result.stdout).toContain('30 100');
    expect(result.code).toBe(5);
  });

  it('records its launch, with the spec and the network files', async () => {
    await daemon.docker(['run', '--name', 'glass', 'busybox', 'true']);
    const { status, body } = await daemon.api('GET', '/windlass/containers/glass/launch');
    const report = JSON.parse(body) as {
      records: { operation: string; spans: { name: string }[] }[];
      spec: { process: { args: string[] } };
      networkFiles: { hosts: string };
    };
    expect(status).toBe(200);
    expect(report.records.map(({ operation }) => operation)).toEqual(['create', 'start']);
    expect(report.records[0]?.spans.map(({ name }) => name)).toEqual([
      'validate config',
      'resolve image',
      'create read-write layer',
      'resolve mounts',
      'write state',
    ]);
    expect(report.records[1]?.spans.map(({ name }) => name)).toEqual(
      expect.arrayContaining([
        'mount read-write layer',
        'network sandbox',
        'OCI spec',
        'runtime create',
        'runtime start',
      ]),
    );
    expect(report.spec.process.args).toEqual(['true']);
    expect(report.networkFiles.hosts).toContain('127.0.0.1\tlocalhost');
  });
});

describe('the API', () => {
  it.each([
    ['GET', '/containers/none/json', 404, 'No such container: none'],
    ['GET', '/nowhere', 404, 'page not found'],
    [
      'GET',
      '/v1.99/info',
      400,
      'client version 1.99 is too new. Maximum supported API version is 1.44',
    ],
    ['POST', '/containers/none/start', 404, 'No such container: none'],
    ['GET', '/swarm', 503, 'This node is not a swarm manager.'],
  ])('%s %s answers %i', async (method, path, status, message) => {
    const answer = await daemon.api(method, path);
    expect(answer.status).toBe(status);
    expect((JSON.parse(answer.body) as { message: string }).message).toContain(message);
  });

  it.each([
    ['{"Image":', 'unexpected EOF'],
    ['{"Image": 5}', 'cannot unmarshal number'],
    [
      '{"Image":"busybox","Cmd":"true","HostConfig":{"Memory":1}}',
      'Minimum memory limit allowed is 6MB',
    ],
    ['{"Tty": false}', 'No command specified'],
  ])('refuses to create from %s', async (body, message) => {
    const answer = await daemon.api('POST', '/containers/create', body);
    expect(answer.status).toBe(400);
    expect(answer.body).toContain(message);
  });
});

describe('the runtime', () => {
  it('loses no container when containerd is killed', async () => {
    await daemon.docker(['run', '-d', '--name', 'afloat', 'busybox', 'sleep', '600']);
    await command('pkill', ['-KILL', '-f', `containerd --config ${daemon.execRoot}`]);
    const result = await daemon.docker(['exec', 'afloat', 'echo', 'still here']);
    expect(result.stdout).toBe('still here\n');
    expect((await daemon.docker(['stop', '-t', '0', 'afloat'])).code).toBe(0);
  });

  it('takes over running containers after it was killed itself, with no gap in their logs', async () => {
    const count = 'i=0; while :; do echo $i; i=$((i+1)); sleep 0.1; done';
    await daemon.docker(['run', '-d', '--name', 'counter', 'busybox', 'sh', '-c', count]);
    await daemon.docker(['run', '-d', '--name', 'brief', 'busybox', 'sh', '-c', 'sleep 1; exit 3']);
    await delay(500);
    await daemon.stop('SIGKILL');
    await delay(1500);
    await daemon.launch();
    const state = async (name: string): Promise<string> =>
      (
        await daemon.docker(['inspect', '-f', '{{.State.Status}} {{.State.ExitCode}}', name])
      ).stdout.trim();
    expect(await state('counter')).toBe('running 0');
    expect(await state('brief')).toBe('exited 3');
    await delay(300);
    await daemon.docker(['kill', 'counter']);
    const numbers = (await daemon.docker(['logs', 'counter'])).stdout
      .trim()
      .split('\n')
      .map(Number);
    expect(numbers.length).toBeGreaterThan(15);
    expect(numbers).toEqual(numbers.map((_, index) => index));
  });

  it('leaves no FIFO, namespace or mount of containers that have ended', async () => {
    await daemon.docker(['rm', '-f', ...(await ids())]);
    await until(
      async () => readdirSync(join(daemon.execRoot, 'stdio')).length === 0,
      'FIFOs are gone',
    );
    expect(readdirSync(join(daemon.execRoot, 'netns'))).toEqual([]);
    // Files are deleted behind the answer.
    await until(
      async () => readdirSync(join(daemon.dataRoot, 'containers')).length === 0,
      'directories are gone',
    );
    expect(existsSync(join(daemon.dataRoot, 'containers-quarantine'))).toBe(false);
  });
});

describe('a second daemon', () => {
  it.each([
    ['on the same root', [], 'another daemon uses the data root'],
    ['with an unknown option', ['--sail'], 'unknown flag: --sail'],
    [
      'with options that exclude each other',
      ['--bridge', 'x'],
      'You specified -b & --bip, mutually exclusive options',
    ],
  ])('%s says why and ends with 1', async (_what, extra, message) => {
    const result = await command(process.execPath, [...daemon.arguments(), ...extra]);
    expect(result.code).toBe(1);
    expect(
      result.stderr
        .split('\n')
        .filter((line) => line.startsWith('windlassd:'))
        .join(),
    ).toContain(message);
  });
});
