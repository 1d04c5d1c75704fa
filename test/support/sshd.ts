/** A real sshd of the test's own on loopback: its keys, its configuration, its log, and an account to log in to. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import {
  appendFileSync,
  chmodSync,
  createWriteStream,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { freePort } from './registry.ts';

const START_LIMIT_MS = 20_000;

/** Makes a key pair with ssh-keygen; answers the private half's path. */
export function makeKey(path: string, type = 'ed25519', passphrase = ''): string {
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', passphrase, '-f', path, '-C', 'test']);
  return path;
}

export class TestSshd implements AsyncDisposable {
  readonly directory = mkdtempSync(join(tmpdir(), 'windlass-sshd-'));
  readonly #port: number;
  readonly #options: readonly string[];
  readonly #enter: readonly string[];
  #child: ChildProcess | undefined;

  private constructor(port: number, options: readonly string[], enter: readonly string[]) {
    this.#port = port;
    this.#options = options;
    this.#enter = enter;
  }

  /** `options` are lines of sshd_config that win over the defaults here; `enter` words that run it elsewhere. */
  static async start(
    options: readonly string[] = [],
    enter: readonly string[] = [],
  ): Promise<TestSshd> {
    const sshd = new TestSshd(await freePort(), options, enter);
    // sshd reads authorized_keys as the user who logs in.
    chmodSync(sshd.directory, 0o755);
    makeKey(join(sshd.directory, 'host_ed25519'));
    writeFileSync(sshd.authorizedKeys, '', { mode: 0o644 });
    await sshd.launch();
    return sshd;
  }

  get port(): number {
    return this.#port;
  }

  get authorizedKeys(): string {
    return join(this.directory, 'authorized_keys');
  }

  /** The host's public key as a line of known_hosts takes it: type and base64. */
  get hostKey(): string {
    return readFileSync(join(this.directory, 'host_ed25519.pub'), 'utf8')
      .split(' ')
      .slice(0, 2)
      .join(' ');
  }

  get log(): string {
    return readFileSync(join(this.directory, 'log'), 'utf8');
  }

  /** Lets a key in, with options of authorized_keys before it where given. */
  authorize(privateKey: string, restrictions = ''): void {
    const key = readFileSync(`${privateKey}.pub`, 'utf8');
    appendFileSync(this.authorizedKeys, `${restrictions}${restrictions && ' '}${key}`);
  }

  async launch(): Promise<void> {
    // Privilege separation wants it; a machine without a running sshd may lack it.
    if (!existsSync('/run/sshd')) mkdirSync('/run/sshd', { mode: 0o755 });
    const config = join(this.directory, 'sshd_config');
    const lines = [
      ...this.#options,
      `Port ${this.#port}`,
      ...(this.#enter.length === 0 ? ['ListenAddress 127.0.0.1'] : []),
      `HostKey ${join(this.directory, 'host_ed25519')}`,
      `AuthorizedKeysFile ${this.authorizedKeys}`,
      'PidFile none',
      'StrictModes no',
      'PermitRootLogin yes',
      'UsePAM no',
      'PasswordAuthentication no',
      'KbdInteractiveAuthentication no',
      'Subsystem sftp internal-sftp',
      'LogLevel VERBOSE',
    ];
    writeFileSync(config, `${lines.join('\n')}\n`);
    const command = ['/usr/sbin/sshd', '-D', '-e', '-f', config];
    const [program = '', ...args] = [...this.#enter, ...command];
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'] });
    child.stderr.pipe(createWriteStream(join(this.directory, 'log'), { flags: 'a' }));
    this.#child = child;
    const limit = Date.now() + START_LIMIT_MS;
    const before = existsSync(join(this.directory, 'log')) ? this.log.length : 0;
    while (!/Server listening/.test(this.#logFrom(before))) {
      if (child.exitCode !== null || Date.now() > limit)
        throw new Error(`sshd did not start: ${this.log}`);
      await delay(20);
    }
  }

  /** Ends the listener and every session. */
  async stop(): Promise<void> {
    const child = this.#child;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    this.cut();
    const ended = new Promise((resolve) => child.once('exit', resolve));
    child.kill('SIGKILL');
    await ended;
  }

  /** Process ids of the sessions, those of their commands included. */
  sessions(): number[] {
    return descendantsOf(this.#child?.pid ?? 0);
  }

  /** Ends the sessions as a broken cable would end them, for sshd's side; the listener stays. */
  cut(): void {
    for (const pid of this.sessions()) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // It has ended by itself.
      }
    }
  }

  #logFrom(start: number): string {
    return existsSync(join(this.directory, 'log')) ? this.log.slice(start) : '';
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** All descendants of a process. */
function descendantsOf(pid: number): number[] {
  let children: string;
  try {
    children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  } catch {
    // It has ended.
    return [];
  }
  const own = children.trim().split(/\s+/).filter(Boolean).map(Number);
  return own.flatMap((child) => [...descendantsOf(child), child]);
}

/** An ordinary account of the test's own; removed with everything of it at the end. */
export class TestAccount implements Disposable {
  readonly name = `wl${process.pid.toString(36)}${Math.random().toString(36).slice(2, 6)}`;
  readonly password = 'correct horse';

  constructor(groups: readonly string[] = []) {
    const extra = groups.length > 0 ? ['-G', groups.join(',')] : [];
    execFileSync('useradd', ['-m', '-s', '/bin/sh', ...extra, this.name]);
    execFileSync('chpasswd', { input: `${this.name}:${this.password}\n` });
  }

  [Symbol.dispose](): void {
    execFileSync('sh', ['-c', `pkill -9 -u ${this.name}; exit 0`]);
    execFileSync('userdel', ['-rf', this.name], { stdio: 'ignore' });
  }
}
