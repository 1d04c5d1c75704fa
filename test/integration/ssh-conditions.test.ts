/** SSH under conditions: certificates, networks in between, loss, cuts, and servers that forbid things. */
import { execFileSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { TestDaemon } from '../support/daemon.ts';
import { makeImage, makeLayer, realisticBytes } from '../support/fixture-images.ts';
import { HostWindow } from '../support/host-window.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';
import { Outside } from '../support/network-room.ts';
import { pushImage } from '../support/push-image.ts';
import { startHostileRegistry, startRegistry } from '../support/registry.ts';
import { startSlowLine } from '../support/slow-line.ts';
import { makeKey, TestSshd } from '../support/sshd.ts';

let daemon: TestDaemon;
let directory: string;
let closing = new AsyncDisposableStack();

const file = (name: string): string => join(directory, name);
const ip = (words: string): void => void execFileSync('ip', words.split(' '));

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'windlass-conditions-'));
  makeKey(file('key'));
  daemon = await TestDaemon.start();
});
afterAll(async () => {
  rmSync(directory, { recursive: true });
  await daemon.stop();
  expect(daemon.leaks()).toEqual(NO_LEAKS);
  await daemon[Symbol.asyncDispose]();
});
afterEach(async () => {
  const done = closing;
  closing = new AsyncDisposableStack();
  await done.disposeAsync();
});

async function startSshd(options: readonly string[] = [], netns?: string): Promise<TestSshd> {
  const enter = netns === undefined ? [] : ['ip', 'netns', 'exec', netns];
  const sshd = closing.use(await TestSshd.start(options, enter));
  sshd.authorize(file('key'));
  return sshd;
}

interface Place {
  readonly address?: string;
  readonly port: number;
}

/** A window whose ssh_config knows the server as `box`. */
function openWindow({ address = '127.0.0.1', port }: Place, ...more: readonly string[]) {
  const lines = [`HostName ${address}`, `Port ${port}`, ...more];
  const general = ['Host *', '  User root', `  IdentityFile ${file('key')}`];
  return closing.use(new HostWindow([`Host box`, ...lines, ...general].join('\n')));
}

const nameOf = ({ address = '127.0.0.1', port }: Place): string => `[${address}]:${port}`;
const addBox = (window: HostWindow): Promise<string> =>
  window.add('Box', { kind: 'ssh', destination: 'box', engineSocket: daemon.socket });

async function reach(window: HostWindow): Promise<string> {
  const id = await addBox(window);
  await window.until(id, 'up', 'slow');
  return id;
}

async function readAll(window: HostWindow, id: string, path: string): Promise<Buffer> {
  const channel = window.open(id, path);
  await channel.end();
  expect((await channel.head).status).toBe(200);
  return Buffer.concat(await Array.fromAsync(channel.readable));
}

describe('a host that shows a certificate', () => {
  /** An sshd with a certificate by `authority`; the options are ssh-keygen's. */
  async function startCertified(authority: string, ...options: string[]): Promise<TestSshd> {
    const lines: string[] = ['RekeyLimit 256K'];
    const sshd = await startSshd(lines);
    const key = join(sshd.directory, 'host_ed25519');
    const words = ['-q', '-s', file(authority), '-h', '-I', 'the box', ...options];
    execFileSync('ssh-keygen', [...words, `${key}.pub`]);
    lines.push(`HostCertificate ${key}-cert.pub`);
    await sshd.stop();
    await sshd.launch();
    return sshd;
  }

  const line = (authority: string, marker = '@cert-authority', hosts = '*'): string =>
    `${marker} ${hosts} ${readFileSync(file(`${authority}.pub`), 'utf8').trim()}`;

  beforeAll(() => {
    for (const type of ['ed25519', 'ecdsa', 'rsa']) makeKey(file(`ca-${type}`), type);
    makeKey(file('ca-other'));
  });

  it.each(['ed25519', 'ecdsa', 'rsa'])('is trusted when a %s authority is', async (type) => {
    const sshd = await startCertified(`ca-${type}`, '-n', 'elsewhere,127.0.0.*', '-V', '-1h:+1h');
    const window = openWindow(sshd);
    window.know(line(`ca-${type}`));
    const id = await reach(window);
    // Keys are exchanged anew on the way, several times.
    expect((await readAll(window, id, '/images/busybox/get')).length).toBeGreaterThan(1e6);
    expect(window.asked).toEqual([]);
    expect(readFileSync(window.knownHosts, 'utf8')).toBe(`${line(`ca-${type}`)}\n`);
    expect(sshd.log).toContain('Accepted publickey');
  });

  it.each([
    ['it speaks for elsewhere', ['-n', 'elsewhere']],
    ['it has expired on 2020-01-02 00:00 UTC', ['-V', '20200101000000Z:20200102000000Z']],
    ['it is valid from 2100-01-01 00:00 UTC on', ['-V', '21000101000000Z:21000102000000Z']],
  ])('is refused when %s', async (problem, options) => {
    const sshd = await startCertified('ca-ed25519', ...options);
    const window = openWindow(sshd);
    window.know('# the office', line('ca-ed25519'));
    const { status } = await window.until(await addBox(window), 'refused');
    expect(status.reason).toBe(
      `The certificate that ${nameOf(sshd)} shows ("the box") is not good: ${problem}. Its authority is trusted at ${window.knownHosts}:2.`,
    );
    expect(window.asked).toEqual([]);
    expect(sshd.log).not.toContain('Accepted');
  });

  it('is refused when its authority is revoked', async () => {
    const sshd = await startCertified('ca-ed25519');
    const window = openWindow(sshd);
    window.know(line('ca-ed25519'), line('ca-ed25519', '@revoked'));
    const { status } = await window.until(await addBox(window), 'refused');
    expect(status.reason).toContain(`that is revoked at ${window.knownHosts}:2.`);
  });

  it('is asked about like any other when its authority is nobody we know', async () => {
    const sshd = await startCertified('ca-ed25519');
    const window = openWindow(sshd);
    window.know(line('ca-other'));
    window.person(() => []);
    await reach(window);
    expect(window.asked).toMatchObject([
      {
        kind: 'hostKey',
        message: expect.stringContaining('vouched for by a certificate authority'),
      },
    ]);
    expect(readFileSync(window.knownHosts, 'utf8')).toContain(`${nameOf(sshd)} ${sshd.hostKey}\n`);
  });
});

describe('a long talk', () => {
  it('goes on when the server wants new keys', async () => {
    const sshd = await startSshd(['RekeyLimit 256K']);
    const window = openWindow(sshd);
    window.know(`${nameOf(sshd)} ${sshd.hostKey}`);
    const id = await reach(window);
    expect((await readAll(window, id, '/images/busybox/get')).length).toBeGreaterThan(1e6);
  });
});

describe('networks in between', () => {
  /** A machine that only `gate` reaches. */
  function openBehind(gate: Outside): string {
    const name = `in${randomBytes(4).toString('hex')}`;
    ip(`netns add ${name}`);
    closing.defer(() => ip(`netns delete ${name}`));
    ip(`-n ${gate.name} link add inner type veth peer name eth0 netns ${name}`);
    ip(`-n ${gate.name} addr add 100.127.7.1/24 dev inner`);
    ip(`-n ${gate.name} link set inner up`);
    ip(`-n ${name} addr add 100.127.7.2/24 dev eth0`);
    ip(`-n ${name} link set eth0 up`);
    return name;
  }

  async function openGate(options: readonly string[] = []) {
    const gate = closing.use(await Outside.open());
    return { gate, gateSshd: await startSshd(options, gate.name) };
  }

  it('are crossed by a jump host', async () => {
    const { gate, gateSshd } = await openGate();
    const sshd = await startSshd([], openBehind(gate));
    const place = { address: '100.127.7.2', port: sshd.port };
    const window = openWindow(place, `ProxyJump ${gate.address}:${gateSshd.port}`);
    window.know(
      `${nameOf({ address: gate.address, port: gateSshd.port })} ${gateSshd.hostKey}`,
      `${nameOf(place)} ${sshd.hostKey}`,
    );
    const id = await reach(window);
    expect((await readAll(window, id, '/images/json')).toString()).toContain('busybox:latest');
    expect(sshd.log).toContain('Connection from 100.127.7.1 ');
  });

  it('stay in between when the jump host passes nothing on, and it says so', async () => {
    const { gate, gateSshd } = await openGate(['AllowTcpForwarding no']);
    const window = openWindow(
      { address: '100.127.7.2', port: 22 },
      `ProxyJump ${gate.address}:${gateSshd.port}`,
    );
    window.know(`${nameOf({ address: gate.address, port: gateSshd.port })} ${gateSshd.hostKey}`);
    const { status } = await window.until(await addBox(window), 'lost', 'refused');
    expect(status.reason).toMatch(
      new RegExp(
        `^Cannot connect to box: ${gate.address} does not pass on to 100\\.127\\.7\\.2 port 22 \\(the server forbids it`,
      ),
    );
  });

  it('may be far and lose 2 % of what is sent', async () => {
    const far = closing.use(await Outside.open());
    const sshd = await startSshd([], far.name);
    const lossy = `table inet lossy {
      chain in { type filter hook input priority 0; numgen random mod 100 < 2 drop; }
      chain out { type filter hook output priority 0; numgen random mod 100 < 2 drop; }
    }`;
    execFileSync('ip', ['netns', 'exec', far.name, 'nft', '-f', '-'], { input: lossy });
    const slow = closing.use(await startSlowLine({ host: far.address, port: sshd.port }, 100));
    const window = openWindow(slow);
    window.know(`${nameOf(slow)} ${sshd.hostKey}`);
    const id = await reach(window);
    const image = await readAll(window, id, '/images/busybox/get');
    expect(image.subarray(0, 4096).toString()).toMatch(/manifest\.json|[0-9a-f]{64}/);
    expect(image.length % 512).toBe(0);
    const { status } = await window.until(id, 'up', 'slow');
    expect(status.latencyMs).toBeGreaterThan(200);
  });
});

describe('a cut', () => {
  async function openCut() {
    const sshd = await startSshd();
    const window = openWindow(sshd);
    window.know(`${nameOf(sshd)} ${sshd.hostKey}`);
    return { sshd, window, id: await reach(window) };
  }
  const outcome = (readable: AsyncIterable<Uint8Array>): Promise<string> =>
    Array.fromAsync(readable).then((parts) => Buffer.concat(parts).toString(), String);
  const BROKE_OFF = /^EngineError: the connection to box broke off: /i;

  it('in the middle of a pull is told, and the pull can be made again', async () => {
    const { sshd, window, id } = await openCut();
    const upstream = closing.use(await startRegistry());
    const registry = closing.use(await startHostileRegistry(upstream));
    const tool = { path: 'tool', content: realisticBytes(300_000, 7) };
    const toolImage = makeImage([await makeLayer([tool])]);
    await pushImage(upstream.url, 'tool', toolImage, { tag: 'v1' });
    registry.mischief.push('stall', 'stall');
    const path = `/images/create?fromImage=${encodeURIComponent(`${registry.host}/tool`)}&tag=v1`;
    const pull = window.open(id, path, 'POST');
    await pull.end();
    const end = outcome(pull.readable);
    await expect
      .poll(() => registry.requests.filter((line) => line.includes('/blobs/')).length, {
        timeout: 20_000,
      })
      .toBeGreaterThan(0);
    sshd.cut();
    expect(await end).toMatch(BROKE_OFF);
    await window.until(id, 'up', 'slow');
    registry.mischief.splice(0);
    const again = await window.request(id, path, 'POST');
    expect([again.status, again.text]).toEqual([200, expect.stringContaining('Status: ')]);
  });

  it('in the middle of a log and of an exec is told; the container does not notice', async () => {
    const { sshd, window, id } = await openCut();
    await daemon.docker([
      'run',
      '-d',
      '--name',
      'cut',
      'busybox',
      'sh',
      '-c',
      'echo on; sleep 1000',
    ]);
    closing.defer(async () => void (await daemon.docker(['rm', '-f', 'cut'])));
    const logs = window.open(id, '/containers/cut/logs?stdout=1&follow=1');
    await logs.end();
    await logs.head;
    const made = await window.request(id, '/containers/cut/exec', 'POST', {
      AttachStdin: true,
      AttachStdout: true,
      Tty: true,
      Cmd: ['cat'],
    });
    const { Id } = JSON.parse(made.text) as { Id: string };
    const exec = window.client.duplex('engine.request', {
      host: id,
      method: 'POST',
      path: `/exec/${Id}/start`,
      headers: {},
      upgrade: true,
      body: JSON.stringify({ Detach: false, Tty: true }),
    });
    expect((await exec.head).status).toBe(101);
    const ends = [outcome(logs.readable), outcome(exec.readable)];
    sshd.cut();
    for (const end of await Promise.all(ends)) expect(end).toMatch(BROKE_OFF);
    await window.until(id, 'up', 'slow');
    const text = await readAll(window, id, '/containers/cut/logs?stdout=1');
    expect(text.subarray(8).toString()).toBe('on\n');
  });
});

describe('a server that forbids', () => {
  it.each([
    [
      'sockets, and has no program to reach them',
      ['AllowStreamLocalForwarding no', 'ForceCommand /bin/false'],
      /^There is no engine on box that can be reached/,
    ],
    [
      'every session',
      ['AllowStreamLocalForwarding no', 'MaxSessions 0'],
      /^There is no engine on box that can be reached \(box runs no commands for us: /,
    ],
  ])('%s says so', async (_what, options, reason) => {
    const sshd = await startSshd(options);
    const window = openWindow(sshd);
    window.know(`${nameOf(sshd)} ${sshd.hostKey}`);
    const { status } = await window.until(await addBox(window), 'lost', 'refused');
    expect(status.reason).toMatch(reason);
  });
});
