/**
 * A daemon in network, mount and process namespaces of its own: two of them never meet, whatever they do to
 * links, rules and mounts, and ending the first process of the namespaces ends and frees all of it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  closeSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { removeCgroups } from './cgroups.ts';
import { answersPing, type EngineAnswer, engineRequest } from './engine-request.ts';

/** Generous: a loaded machine with two CPUs starts two daemons and a containerd each. */
const START_LIMIT_MS = 90_000;

/** /sys shows the namespace's own links but keeps the cgroup mounts; the shell stays, to reap orphans. */
const INIT_SCRIPT = `
keep=$(mktemp -d)
mount --rbind /sys/fs/cgroup "$keep" && mount -t sysfs sysfs /sys && mount --move "$keep" /sys/fs/cgroup
rmdir "$keep"
ip link set lo up
"$@" &
daemon=$!
while kill -0 $daemon 2>/dev/null; do wait; done
`;

export class ConfinedDaemon implements AsyncDisposable {
  readonly root: string;
  readonly #child: ChildProcess;

  private constructor(root: string, words: readonly string[]) {
    this.root = root;
    const log = openSync(this.logPath, 'a');
    const namespaces = ['--net', '--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const init = ['sh', '-c', INIT_SCRIPT, 'init', ...words, ...this.#options()];
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...namespaces, ...init], {
      stdio: ['ignore', log, log],
    });
    closeSync(log);
  }

  /**
   * Starts a daemon that takes dockerd's options and waits until it answers.
   * @param name - short, part of the directory's name
   * @param words - program and first arguments
   */
  static async start(name: string, words: readonly string[]): Promise<ConfinedDaemon> {
    const root = mkdtempSync(join(tmpdir(), `${name}-`));
    writeFileSync(join(root, 'daemon.json'), '{}');
    mkdirSync(join(root, 'scratch'));
    const daemon = new ConfinedDaemon(root, words);
    try {
      await daemon.#ready();
    } catch (error) {
      await daemon[Symbol.asyncDispose]();
      throw error;
    }
    return daemon;
  }

  get socket(): string {
    return join(this.root, 'docker.sock');
  }

  get logPath(): string {
    return join(this.root, 'daemon.log');
  }

  get dataRoot(): string {
    return join(this.root, 'data');
  }

  get execRoot(): string {
    return join(this.root, 'exec');
  }

  /** For the files of tests; both sides of a bind mount see it. */
  get scratch(): string {
    return join(this.root, 'scratch');
  }

  /** Below every cgroup hierarchy; holds all containers of this daemon. */
  get #cgroup(): string {
    return this.root.slice(this.root.lastIndexOf('/') + 1);
  }

  #options(): string[] {
    return [
      ...['--data-root', this.dataRoot, '--exec-root', this.execRoot],
      ...['--pidfile', join(this.root, 'pid'), '-H', `unix://${this.socket}`],
      ...['--config-file', join(this.root, 'daemon.json'), '--bip', '172.31.0.1/16'],
      ...['--cgroup-parent', `/${this.#cgroup}`, '--exec-opt', 'native.cgroupdriver=cgroupfs'],
    ];
  }

  async #ready(): Promise<void> {
    for (const limit = Date.now() + START_LIMIT_MS; Date.now() < limit; await delay(50)) {
      if (await answersPing(this.socket)) return;
      if (this.#child.exitCode !== null) break;
    }
    const log = readFileSync(this.logPath, 'utf8');
    throw new Error(`${this.#cgroup} did not start: ${log.slice(-4000)}`);
  }

  /** Process id, as we see it, of the first process of the namespaces; '' when it has ended. */
  get init(): string {
    const pid = this.#child.pid ?? 0;
    try {
      // setpriv and unshare have replaced each other; the one child is the namespace's first process.
      return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ')[0] ?? '';
    } catch {
      return '';
    }
  }

  api(method: string, path: string, body?: unknown): Promise<EngineAnswer> {
    return engineRequest(this.socket, method, path, body);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const child = this.#child;
    if (child.exitCode === null && child.signalCode === null) {
      const exited = new Promise((resolve) => child.once('exit', resolve));
      const { init } = this;
      if (init !== '') process.kill(Number(init), 'SIGKILL');
      else child.kill('SIGKILL');
      await exited;
    }
    await removeCgroups(this.#cgroup);
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }
}
