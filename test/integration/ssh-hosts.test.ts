import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { createServer as createHttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { HostStore } from '../../src-main/hosts/host-store.ts';
import { TestDaemon } from '../support/daemon.ts';
import { HostWindow } from '../support/host-window.ts';
import { startSlowLine } from '../support/slow-line.ts';
import { makeKey, TestAccount, TestSshd } from '../support/sshd.ts';

let daemon: TestDaemon;
let account: TestAccount;
let keys: string;
const closing: (Disposable | AsyncDisposable)[] = [];

const key = (name: string): string => join(keys, name);

beforeAll(async () => {
  // The account's group, so that it may use the engine as an ordinary user would.
  account = new TestAccount();
  daemon = await TestDaemon.start(['--group', account.name]);
  // Its directory is root's alone; the socket's own mode decides.
  chmodSync(daemon.root, 0o711);
  keys = mkdtempSync(join(tmpdir(), 'windlass-keys-'));
  makeKey(key('plain'));
  makeKey(key('rsa'), 'rsa');
  makeKey(key('locked'), 'ed25519', 'open sesame');
  makeKey(key('stranger'));
});
afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  account[Symbol.dispose]();
  rmSync(keys, { recursive: true });
});
afterEach(async () => {
  for (const one of closing.splice(0).toReversed()) {
    if (Symbol.asyncDispose in one) await one[Symbol.asyncDispose]();
    else one[Symbol.dispose]();
  }
});

async function startSshd(options: readonly string[] = [], restrictions = ''): Promise<TestSshd> {
  const sshd = await TestSshd.start(options);
  closing.push(sshd);
  for (const name of ['plain', 'rsa', 'locked']) sshd.authorize(key(name), restrictions);
  return sshd;
}

/** A window whose ssh_config knows the sshd as `box`, with more options where given. */
function openWindow(sshd: TestSshd, options: readonly string[] = [`IdentityFile ${key('plain')}`]) {
  const lines = ['HostName 127.0.0.1', `Port ${sshd.port}`, `User ${account.name}`, ...options];
  const window = new HostWindow(`Host box\n  ${lines.join('\n  ')}\n`);
  closing.push(window);
  window.know(knownLine(sshd));
  return window;
}

const knownLine = (sshd: TestSshd): string => `[127.0.0.1]:${sshd.port} ${sshd.hostKey}`;
const addBox = (window: HostWindow): Promise<string> =>
  window.add('Box', { kind: 'ssh', destination: 'box', engineSocket: daemon.socket });

async function expectEngine(window: HostWindow, id: string): Promise<void> {
  const { status, text } = await window.request(id, '/images/json');
  expect(status).toBe(200);
  expect(text).toContain('busybox:latest');
}

describe('who the host is', () => {
  it('shows an unknown key and writes it down when it is accepted', async () => {
    const sshd = await startSshd();
    const window = openWindow(sshd);
    rmSync(window.knownHosts);
    const offered: string[] = [];
    window.person(() => {
      offered.push(...sshd.log.split('\n').filter((line) => /Accepted|Postponed/.test(line)));
      return [];
    });
    const id = await addBox(window);
    await window.until(id, 'up', 'slow');
    const printed = execFileSync('ssh-keygen', [
      '-lf',
      join(sshd.directory, 'host_ed25519.pub'),
    ]).toString();
    expect(window.asked).toMatchObject([
      {
        kind: 'hostKey',
        host: id,
        message: `[127.0.0.1]:${sshd.port} has not been seen before. Is it the host you mean?`,
        fingerprint: `ssh-ed25519 ${printed.split(' ')[1]}`,
        fields: [],
      },
    ]);
    // Nothing of ours is offered before the answer.
    expect(offered).toEqual([]);
    expect(readFileSync(window.knownHosts, 'utf8')).toBe(`${knownLine(sshd)}\n`);
    await expectEngine(window, id);
  });

  it('goes no further when the key is declined, and asks again when wished', async () => {
    const sshd = await startSshd();
    const window = openWindow(sshd);
    rmSync(window.knownHosts);
    const id = await addBox(window);
    const { status } = await window.until(id, 'refused');
    expect(status.reason).toBe('the question was declined');
    expect(existsSync(window.knownHosts)).toBe(false);
    window.person(() => []);
    await window.client.call('hosts.connect', { id });
    await window.until(id, 'up', 'slow');
    expect(window.asked).toHaveLength(2);
  });

  it('refuses a changed key with its file and line, whatever a person would say', async () => {
    const sshd = await startSshd();
    const window = openWindow(sshd);
    window.person(() => []);
    const other = readFileSync(`${key('stranger')}.pub`, 'utf8')
      .split(' ')
      .slice(0, 2)
      .join(' ');
    window.know('# mine', `[127.0.0.1]:${sshd.port} ${other}`);
    const { status } = await window.until(await addBox(window), 'refused');
    expect(status.reason).toMatch(
      new RegExp(`is not the one at ${window.knownHosts}:2: it shows ssh-ed25519 SHA256:`),
    );
    expect(window.asked).toEqual([]);
    expect(sshd.log).not.toContain('Accepted');
  });

  it('refuses a revoked key', async () => {
    const sshd = await startSshd();
    const window = openWindow(sshd);
    window.know(knownLine(sshd), `@revoked * ${sshd.hostKey}`);
    const { status } = await window.until(await addBox(window), 'refused');
    expect(status.reason).toContain(`is revoked at ${window.knownHosts}:2.`);
  });

  it('checks the key of a jump host too', async () => {
    const gate = await startSshd();
    const sshd = await startSshd();
    const window = openWindow(sshd, [
      `IdentityFile ${key('plain')}`,
      `ProxyJump ${account.name}@127.0.0.1:${gate.port}`,
    ]);
    const { status } = await window.until(await addBox(window), 'refused');
    expect(window.asked).toMatchObject([
      { message: expect.stringContaining(`[127.0.0.1]:${gate.port}`) },
    ]);
    expect(status.reason).toBe('the question was declined');
    expect(sshd.log).not.toContain('Connection from');
  });
});

describe('who we are', () => {
  it.each(['plain', 'rsa'])('logs in with the %s key', async (name) => {
    const sshd = await startSshd();
    const window = openWindow(sshd, [`IdentityFile ${key(name)}`]);
    const id = await addBox(window);
    await window.until(id, 'up', 'slow');
    await expectEngine(window, id);
    expect(sshd.log).toMatch(/Accepted publickey .* (ED25519|RSA) SHA256/);
    expect(window.asked).toEqual([]);
  });

  it('asks for the passphrase of a locked key, again when it is wrong, and never twice', async () => {
    const sshd = await startSshd();
    const window = openWindow(sshd, [`IdentityFile ${key('locked')}`]);
    const answers = ['wrong', 'open sesame'];
    window.person(() => [answers.shift() ?? '']);
    const id = await addBox(window);
    await window.until(id, 'up', 'slow');
    const [first, second] = window.asked;
    expect(first).toMatchObject({
      kind: 'passphrase',
      message: `Passphrase for ${key('locked')}`,
      fields: [{ label: 'Passphrase', isSecret: true }],
    });
    expect(second?.problem).toBe('That passphrase does not fit.');
    sshd.cut();
    await window.until(id, 'lost', 'connecting', 'asking');
    await window.until(id, 'up', 'slow');
    expect(window.asked).toHaveLength(2);
  });

  it('asks for the password, up to three times', async () => {
    const sshd = await startSshd(['PasswordAuthentication yes']);
    const window = openWindow(sshd, ['IdentityFile none']);
    const answers = ['wrong', account.password];
    window.person(() => [answers.shift() ?? '']);
    const id = await addBox(window);
    await window.until(id, 'up', 'slow');
    expect(window.asked.map(({ kind, problem }) => [kind, problem])).toEqual([
      ['password', undefined],
      ['password', 'The host did not take that password.'],
    ]);
    await expectEngine(window, id);
  });

  it('answers a keyboard-interactive log-in', async () => {
    const sshd = await startSshd(['UsePAM yes', 'KbdInteractiveAuthentication yes']);
    const window = openWindow(sshd, ['IdentityFile none']);
    window.person(() => [account.password]);
    const id = await addBox(window);
    await window.until(id, 'up', 'slow');
    expect(window.asked).toMatchObject([
      { kind: 'interactive', fields: [{ label: 'Password:', isSecret: true }] },
    ]);
  });

  it('uses the agent, and only the key that is named when IdentitiesOnly is set', async () => {
    const agent = spawn('ssh-agent', ['-D', '-a', key('agent.sock')], { stdio: 'ignore' });
    try {
      await expect.poll(() => existsSync(key('agent.sock')), { timeout: 10_000 }).toBe(true);
      const env = { ...process.env, SSH_AUTH_SOCK: key('agent.sock') };
      for (const name of ['stranger', 'plain'])
        execFileSync('ssh-add', ['-q', key(name)], { env, stdio: 'ignore' });
      const sshd = await startSshd();
      const withAgent = openWindow(sshd, [`IdentityAgent ${key('agent.sock')}`]);
      await withAgent.until(await addBox(withAgent), 'up', 'slow');
      expect(sshd.log).toContain('Failed publickey');
      const onlyNamed = openWindow(sshd, [
        `IdentityAgent ${key('agent.sock')}`,
        `IdentityFile ${key('stranger')}`,
        'IdentitiesOnly yes',
      ]);
      const { status } = await onlyNamed.until(await addBox(onlyNamed), 'refused');
      expect(status.reason).toBe(`${account.name}@box does not let us in: tried the agent.`);
    } finally {
      agent.kill('SIGKILL');
      await new Promise((resolve) => agent.once('exit', resolve));
    }
  });

  it('says what it tried when nothing fits', async () => {
    const sshd = await startSshd();
    const window = openWindow(sshd, [
      `IdentityFile ${key('stranger')}`,
      `IdentityFile ${key('missing')}`,
    ]);
    const { status } = await window.until(await addBox(window), 'refused');
    expect(status.reason).toBe(
      `${account.name}@box does not let us in: tried ${key('stranger')}; ${key('missing')} is not there.`,
    );
  });
});

describe('the way there', () => {
  it('goes over a jump host', async () => {
    const gate = await startSshd();
    const sshd = await startSshd();
    const window = openWindow(sshd, [
      `IdentityFile ${key('plain')}`,
      `ProxyJump ${account.name}@127.0.0.1:${gate.port}`,
    ]);
    window.know(knownLine(sshd), knownLine(gate));
    // The jump host has no block of its own, so it needs the key from the general one.
    const general = new HostWindow(
      [
        'Host box',
        '  HostName 127.0.0.1',
        `  Port ${sshd.port}`,
        `  User ${account.name}`,
        `  ProxyJump ${account.name}@127.0.0.1:${gate.port}`,
        'Host *',
        `  IdentityFile ${key('plain')}`,
      ].join('\n'),
    );
    closing.push(general);
    general.know(knownLine(sshd), knownLine(gate));
    const id = await addBox(general);
    await general.until(id, 'up', 'slow');
    await expectEngine(general, id);
    expect(gate.log).toContain('Accepted publickey');
    const { status } = await window.until(await addBox(window), 'refused');
    expect(status.reason).toContain(`${account.name}@127.0.0.1 does not let us in`);
  });

  it('goes through a ProxyCommand, and tells its last words when it fails', async () => {
    const sshd = await startSshd();
    const identity = `IdentityFile ${key('plain')}`;
    const window = openWindow(sshd, [identity, 'ProxyCommand busybox nc %h %p']);
    const id = await addBox(window);
    await window.until(id, 'up', 'slow');
    await expectEngine(window, id);
    const broken = openWindow(sshd, [identity, 'ProxyCommand sh -c "echo no way out >&2; exit 3"']);
    const { status } = await broken.until(await addBox(broken), 'lost');
    expect(status.reason).toMatch(/the ProxyCommand ended with 3: no way out/);
  });

  it('says why nobody is there', async () => {
    const sshd = await startSshd();
    const window = openWindow(sshd);
    await sshd.stop();
    const refused = await window.until(await addBox(window), 'lost');
    expect(refused.status.reason).toBe(
      `Cannot connect to box: 127.0.0.1 port ${sshd.port} refuses connections. Does sshd run there?`,
    );
    const nowhere = await window.add('Nowhere', {
      kind: 'ssh',
      destination: 'ann@no-such-host.invalid',
    });
    const unknown = await window.until(nowhere, 'lost');
    expect(unknown.status.reason).toMatch(
      /there is no host named no-such-host\.invalid|the name no-such-host\.invalid cannot be looked up/,
    );
  });

  it('finds no engine, or one it may not use, and says so', async () => {
    const sshd = await startSshd();
    const window = openWindow(sshd);
    const none = await window.add('None', {
      kind: 'ssh',
      destination: 'box',
      engineSocket: '/nonexistent/engine.sock',
    });
    const { status } = await window.until(none, 'lost');
    expect(status.reason).toMatch(/^There is no engine on box that can be reached/);
  });

  it('reaches the engine by a program there when sockets may not be forwarded', async () => {
    const sshd = await startSshd(['AllowStreamLocalForwarding no', 'AllowTcpForwarding no']);
    const window = openWindow(sshd);
    const id = await addBox(window);
    await window.until(id, 'up', 'slow');
    await expectEngine(window, id);
  });

  it('needs no more than MaxSessions allow on one connection', async () => {
    const sshd = await startSshd(['AllowStreamLocalForwarding no', 'MaxSessions 2']);
    const window = openWindow(sshd);
    const id = await addBox(window);
    await window.until(id, 'up', 'slow');
    const streams = Array.from({ length: 6 }, () => window.open(id, '/events'));
    for (const stream of streams) await stream.end();
    expect(await Promise.all(streams.map(async ({ head }) => (await head).status))).toEqual(
      Array.from({ length: 6 }, () => 200),
    );
    await expectEngine(window, id);
    expect(window.desk.sshOf(id).connections).toBeGreaterThan(1);
    for (const stream of streams) stream.abort();
  });

  it('uses one connection for everything where sockets may be forwarded', async () => {
    const sshd = await startSshd(['MaxSessions 2']);
    const window = openWindow(sshd);
    const id = await addBox(window);
    await window.until(id, 'up', 'slow');
    const streams = Array.from({ length: 12 }, () => window.open(id, '/events'));
    for (const stream of streams) await stream.end();
    await Promise.all(streams.map(({ head }) => head));
    expect(window.desk.sshOf(id).connections).toBe(1);
    for (const stream of streams) stream.abort();
  });
});

describe('when the line is bad', () => {
  it('tells of a cut in the middle of a stream, and is back by itself', async () => {
    const sshd = await startSshd();
    const window = openWindow(sshd);
    const id = await addBox(window);
    await window.until(id, 'up', 'slow');
    const events = window.open(id, '/events');
    await events.end();
    await events.head;
    const reading = Array.fromAsync(events.readable).catch((error: unknown) => error);
    sshd.cut();
    expect(String(await reading)).toMatch(/the connection to Box broke off/);
    await window.until(id, 'up', 'slow');
    await expectEngine(window, id);
  });

  it('waits for a server that restarts', async () => {
    const sshd = await startSshd();
    const window = openWindow(sshd);
    const id = await addBox(window);
    await window.until(id, 'up', 'slow');
    await sshd.stop();
    const reason = () => window.desk.book.list()[0]?.status.reason;
    await expect.poll(reason, { timeout: 15_000 }).toContain('refuses connections');
    await sshd.launch();
    await window.client.call('hosts.connect', { id });
    await window.until(id, 'up', 'slow');
    await expectEngine(window, id);
  });
});

describe('far away', () => {
  it('needs two round trips an action, and shows how far it is', async () => {
    const sshd = await startSshd();
    const line = await startSlowLine({ port: sshd.port }, 100);
    closing.push(line);
    const window = openWindow(sshd, [`IdentityFile ${key('plain')}`]);
    window.know(`[127.0.0.1]:${line.port} ${sshd.hostKey}`);
    const id = await window.add('Far', {
      kind: 'ssh',
      destination: `box:${line.port}`,
      engineSocket: daemon.socket,
    });
    await expect
      .poll(() => window.desk.book.list()[0]?.status.latencyMs ?? 0, { timeout: 30_000 })
      .toBeGreaterThan(200);
    // Its own watching has settled when nothing is said for a while.
    await expect
      .poll(
        async () => {
          line.roundTrips();
          await new Promise((resolve) => setTimeout(resolve, 800));
          return line.roundTrips();
        },
        { timeout: 30_000 },
      )
      .toBe(0);
    await expectEngine(window, id);
    expect(line.roundTrips()).toBeLessThanOrEqual(2);
  });
});

describe('the machine behind it', () => {
  it('lends a port to this machine until nobody wants it', async () => {
    const sshd = await startSshd();
    const far = createHttpServer((_request, response) => response.end('from afar'));
    far.listen(0, '127.0.0.1');
    await once(far, 'listening');
    closing.push({ [Symbol.dispose]: () => void far.close() });
    const { port } = far.address() as AddressInfo;
    const window = openWindow(sshd);
    const id = await addBox(window);
    await window.until(id, 'up', 'slow');
    const stop = new AbortController();
    const asked = { id, address: '127.0.0.1', port };
    const forwards = window.client.stream('hosts.forward', asked, stop.signal);
    const first = await forwards[Symbol.asyncIterator]().next();
    const lent = first.value?.port ?? 0;
    // Its own number is taken here by the very server behind it.
    expect(lent).not.toBe(port);
    expect(await (await fetch(`http://127.0.0.1:${lent}/`)).text()).toBe('from afar');
    stop.abort();
    await expect
      .poll(() => fetch(`http://127.0.0.1:${lent}/`).catch(() => 'closed'), { timeout: 10_000 })
      .toBe('closed');
  });

  it('tells facts, and opens its own shell at the asked size', async () => {
    const sshd = await startSshd();
    const window = openWindow(sshd);
    const id = await addBox(window);
    await window.until(id, 'up', 'slow');
    const facts = await window.client.call('hosts.facts', { id });
    expect(facts).toMatchObject({
      user: account.name,
      architecture: execFileSync('uname', ['-m']).toString().trim(),
      kernel: execFileSync('uname', ['-sr']).toString().trim(),
    });
    expect(Number(facts['memoryTotal'])).toBeGreaterThan(1e6);
    const begun = await window.client.call('terminals.begin', {
      target: { kind: 'there', host: id },
      columns: 93,
      rows: 31,
    });
    const terminal = window.client.duplex('terminals.show', begun);
    await window.client.call('terminals.resize', { ...begun, columns: 101, rows: 33 });
    await terminal.write(Buffer.from('id -un; stty size; exit\n'));
    const output = Buffer.concat(await Array.fromAsync(terminal.readable)).toString();
    expect(output).toContain(account.name);
    expect(output).toContain('33 101');
  });

  it('has no shell when it is not reached over SSH', async () => {
    const window = new HostWindow();
    closing.push(window);
    const id = await window.add('Local', { kind: 'socket', path: daemon.socket });
    await window.until(id, 'up');
    await expect(window.client.call('hosts.facts', { id })).rejects.toMatchObject({
      code: 'invalidArgument',
      message: 'Local is not reached over SSH',
    });
  });
});

describe('the host book', () => {
  it('is kept without secrets, and forgets what is removed', async () => {
    const sshd = await startSshd(['PasswordAuthentication yes']);
    const window = openWindow(sshd, ['IdentityFile none']);
    window.person(() => [account.password]);
    const id = await addBox(window);
    await window.until(id, 'up', 'slow');
    const file = join(window.directory, 'hosts.json');
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, 'utf8')).not.toContain(account.password);
    expect(new HostStore(file).list()).toEqual([
      { id, name: 'Box', way: { kind: 'ssh', destination: 'box', engineSocket: daemon.socket } },
    ]);
    await expect(addBox(window)).rejects.toMatchObject({ code: 'conflict' });
    await window.client.call('hosts.remove', { id });
    expect(new HostStore(file).list()).toEqual([]);
    expect(await window.client.call('hosts.list', {})).toEqual([]);
    await expect.poll(() => sshd.sessions(), { timeout: 15_000 }).toEqual([]);
  });
});
