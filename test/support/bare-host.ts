/**
 * A machine of its own as far as software can tell: the files of this one under a layer that is thrown away,
 * its own network, processes, mounts, /run and /var/lib; nothing runs in it but what is started there.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type CommandResult, command } from './daemon.ts';
import { endProcess } from './end-process.ts';
import { Outside } from './network-room.ts';

const START_LIMIT_MS = 30_000;

/** `$1` is an empty directory. /tmp stays the test's own, so that a server's files can be laid there. */
const BOOT = `set -e
mount --make-rprivate /
state=$(mktemp -d)
mount -t tmpfs tmpfs "$state"
mkdir "$state/upper" "$state/work" "$state/root"
mount -t overlay overlay -o "lowerdir=/,upperdir=$state/upper,workdir=$state/work" "$state/root"
root="$state/root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount --rbind /sys/fs/cgroup "$root/sys/fs/cgroup"
mount --rbind /dev "$root/dev"
mount --rbind /tmp "$root/tmp"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/var/lib"
mount -t tmpfs tmpfs "$root/root"
mkdir "$root/run/sshd" "$root/run/lock" "$root/.before"
cd "$root"
pivot_root . .before
umount -l .before
rmdir .before
ip link set lo up
touch "$1/up"
trap : TERM
while :; do sleep 1000 & wait; done
`;

export class BareHost implements AsyncDisposable {
  readonly #directory = mkdtempSync(join(tmpdir(), 'bare-host-'));
  readonly #network: Outside;
  readonly #child: ChildProcess;
  #init = '';

  private constructor(network: Outside) {
    this.#network = network;
    const namespaces = ['--mount', '--pid', '--uts', '--ipc', '--fork', '--kill-child'];
    const words = ['unshare', ...namespaces, 'sh', '-c', BOOT, 'init', this.#directory];
    const enter = ['--pdeathsig', 'KILL', 'nsenter', `--net=${network.path}`];
    this.#child = spawn('setpriv', [...enter, ...words], {
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  }

  static async start(): Promise<BareHost> {
    const host = new BareHost(await Outside.open());
    for (const limit = Date.now() + START_LIMIT_MS; !existsSync(join(host.#directory, 'up')); ) {
      if (Date.now() > limit || host.#child.exitCode !== null) {
        await host[Symbol.asyncDispose]();
        throw new Error('the bare host did not start');
      }
      await delay(20);
    }
    const { pid = 0 } = host.#child;
    const { stdout } = await command('cat', [`/proc/${pid}/task/${pid}/children`]);
    host.#init = stdout.trim();
    return host;
  }

  /** Where it is reached. */
  get address(): string {
    return this.#network.address;
  }

  /** Words before a command that run it there; it keeps the process id that it has here, its children have theirs there. */
  get enter(): readonly string[] {
    const namespaces = ['--net', '--mount', '--pid', '--uts', '--ipc', '--no-fork'];
    return ['nsenter', '-t', this.#init, ...namespaces];
  }

  /** A script as its root, at once and without SSH. */
  shell(script: string): Promise<CommandResult> {
    const [, ...args] = this.enter;
    return command('nsenter', [...args, 'sh', '-c', script], { cwd: '/' });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endProcess(this.#child);
    this.#network[Symbol.dispose]();
    rmSync(this.#directory, { recursive: true, force: true });
  }
}
