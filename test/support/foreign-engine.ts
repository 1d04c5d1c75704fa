/** Engines that are not ours, dockerd 20.10 and Podman, on the test's own network so that its registries are in reach. */
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { removeCgroups } from './cgroups.ts';
import { endProcess } from './end-process.ts';
import { answersPing } from './engine-request.ts';

const START_LIMIT_MS = 90_000;

export type ForeignKind = 'dockerd' | 'podman';

/**
 * No links and no rules: containers of these have `NetworkMode: none`. Podman's own choice, crun, knows no
 * machine with both kinds of cgroups.
 */
const WORDS: Record<ForeignKind, (root: string, socket: string) => string[]> = {
  dockerd: (root, socket) => [
    ...['dockerd', '--data-root', join(root, 'data'), '--exec-root', join(root, 'exec')],
    ...['--pidfile', join(root, 'pid'), '--config-file', join(root, 'daemon.json')],
    ...['-H', `unix://${socket}`, '--bridge', 'none', '--iptables=false', '--ip6tables=false'],
    ...['--ip-forward=false', '--cgroup-parent', `/${nameOf(root)}`],
    ...['--exec-opt', 'native.cgroupdriver=cgroupfs'],
  ],
  podman: (root, socket) => [
    ...['podman', '--root', join(root, 'data'), '--runroot', join(root, 'exec')],
    ...['--tmpdir', join(root, 'tmp'), '--cgroup-manager', 'cgroupfs', '--runtime', 'runc'],
    ...['--events-backend', 'file', 'system', 'service', '--time', '0', `unix://${socket}`],
  ],
};

const nameOf = (root: string): string => root.slice(root.lastIndexOf('/') + 1);

export class ForeignEngine implements AsyncDisposable {
  readonly root: string;
  readonly #child: ChildProcess;

  private constructor(kind: ForeignKind) {
    this.root = mkdtempSync(join(tmpdir(), `${kind}-`));
    writeFileSync(join(this.root, 'daemon.json'), '{}');
    writeFileSync(
      join(this.root, 'registries.conf'),
      'unqualified-search-registries = []\n[[registry]]\nlocation = "127.0.0.1"\nprefix = "127.0.0.1"\ninsecure = true\n',
    );
    const log = openSync(join(this.root, 'log'), 'a');
    const namespaces = ['--mount', '--pid', '--fork', '--kill-child', '--mount-proc'];
    const words = WORDS[kind](this.root, this.socket);
    this.#child = spawn('setpriv', ['--pdeathsig', 'KILL', 'unshare', ...namespaces, ...words], {
      stdio: ['ignore', log, log],
      env: { ...process.env, CONTAINERS_REGISTRIES_CONF: join(this.root, 'registries.conf') },
    });
    closeSync(log);
  }

  /** Starts one and waits until it answers. Dispose ends it with everything it runs. */
  static async start(kind: ForeignKind): Promise<ForeignEngine> {
    const engine = new ForeignEngine(kind);
    for (const limit = Date.now() + START_LIMIT_MS; !(await answersPing(engine.socket)); ) {
      if (engine.#child.exitCode !== null || Date.now() > limit) {
        const log = readFileSync(join(engine.root, 'log'), 'utf8');
        await engine[Symbol.asyncDispose]();
        throw new Error(`${kind} did not start: ${log.slice(-4000)}`);
      }
      await delay(50);
    }
    return engine;
  }

  get socket(): string {
    return join(this.root, 'docker.sock');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await endProcess(this.#child);
    await removeCgroups(nameOf(this.root));
    rmSync(this.root, { recursive: true, force: true, maxRetries: 5 });
  }
}
