/** Starts the daemon once more, as root of a user namespace with a network of its own (moby contrib/dockerd-rootless.sh). */
import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, rmSync } from 'node:fs';
import { constants, userInfo } from 'node:os';
import { join } from 'node:path';
import { unavailable } from '../../../shared/errors.ts';
import { rootlessProblems } from './rootless-check.ts';
import { runtimeDirectory } from './rootless-paths.ts';

/** What slirp4netns handles best on a virtual link. */
const MTU = '65520';
const SYSTEM_DIRECTORIES = ['/usr/local/sbin', '/usr/sbin', '/sbin'];

/**
 * Runs `program` inside rootlesskit, signals handed on, until it ends; answers its exit code. Throws unavailable
 * with the commands that mend it when this user cannot.
 */
export function enterRootlesskit(program: readonly string[]): Promise<number> {
  const { username, uid } = userInfo();
  const path = [process.env['PATH'] ?? '', ...SYSTEM_DIRECTORIES].filter(Boolean).join(':');
  const problems = rootlessProblems({ user: username, uid, path });
  if (problems.length > 0) throw unavailable(problems.join('\n'));
  const runtime = runtimeDirectory(process.env, uid);
  if (!existsSync(runtime)) {
    mkdirSync(runtime, { mode: 0o700 });
    chmodSync(runtime, 0o700);
  }
  const state = join(runtime, 'windlass/rootlesskit');
  mkdirSync(join(runtime, 'windlass'), { recursive: true, mode: 0o711 });
  // rootlesskit locks it while it lives, so another one is told, not broken.
  const options = [
    `--state-dir=${state}`,
    '--net=slirp4netns',
    `--mtu=${MTU}`,
    '--slirp4netns-sandbox=auto',
    '--slirp4netns-seccomp=auto',
    '--disable-host-loopback',
    '--port-driver=builtin',
    '--copy-up=/etc',
    '--copy-up=/run',
    '--propagation=rslave',
  ];
  const child = spawn('rootlesskit', [...options, ...program], {
    stdio: 'inherit',
    env: { ...process.env, PATH: path, XDG_RUNTIME_DIR: runtime },
  });
  process.on('SIGTERM', () => void child.kill('SIGTERM'));
  // A terminal sends it to all of us at once.
  process.on('SIGINT', () => void (process.stdin.isTTY || child.kill('SIGTERM')));
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      rmSync(state, { recursive: true, force: true });
      resolve(code ?? 128 + constants.signals[signal ?? 'SIGKILL']);
    });
  });
}
