/** What start and test need before they can run: npm packages and Debian packages. Runs on Node 20, without dependencies. */
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = dirname(dirname(fileURLToPath(import.meta.url)));
const stamps = join(root, '.cache');

/** The pinned Node, whatever Node started npm. */
export const pinnedNode = join(root, 'node_modules/node/bin/node');

/** Runs a program in the project, its output ours; answers its exit code. */
export function run(command, args, options = {}) {
  const { status, error } = spawnSync(command, args, { cwd: root, stdio: 'inherit', ...options });
  if (error) throw error;
  return status ?? 1;
}

/** Runs a program that must succeed. */
export function must(command, args, options = {}) {
  const code = run(command, args, options);
  if (code !== 0) {
    process.stderr.write(`${command} ${args.join(' ')} failed with exit code ${code}\n`);
    process.exit(code);
  }
}

export const hashOf = (paths) => {
  const hash = createHash('sha256');
  for (const path of paths) hash.update(readFileSync(path));
  return hash.digest('hex');
};

export function readStamp(name) {
  const path = join(stamps, name);
  return existsSync(path) ? readFileSync(path, 'utf8') : '';
}

export function writeStamp(name, value) {
  mkdirSync(stamps, { recursive: true });
  writeFileSync(join(stamps, name), value);
}

/** npm packages, when they are missing or the lock file has changed. */
export function installNpmPackages() {
  const wanted = hashOf([join(root, 'package-lock.json')]);
  if (existsSync(pinnedNode) && readStamp('npm') === wanted) return;
  process.stdout.write('Installing npm packages…\n');
  // Electron's runtime is fetched apart; without it the web shell serves the same window.
  // Not `npm ci`: it refuses a lock file without the optional packages of other platforms, which some
  // registries do not serve. The versions are the lock file's all the same.
  must('npm', ['install', '--no-save', '--no-audit', '--no-fund', '--loglevel=error'], {
    env: {
      ...process.env,
      ELECTRON_SKIP_BINARY_DOWNLOAD: process.env.ELECTRON_SKIP_BINARY_DOWNLOAD ?? '1',
    },
  });
  writeStamp('npm', wanted);
}

/** Program that tells a package is there → Debian package. */
export const DAEMON_PACKAGES = {
  containerd: 'containerd',
  runc: 'runc',
  ip: 'iproute2',
  nft: 'nftables',
  ps: 'procps',
};
export const TEST_PACKAGES = {
  ...DAEMON_PACKAGES,
  docker: 'docker.io',
  dockerd: 'docker.io',
  'docker-registry': 'docker-registry',
  chromium: 'chromium',
  sshd: 'openssh-server',
  'busybox:static': 'busybox-static',
  curl: 'curl',
  openssl: 'openssl',
  'fuse-overlayfs': 'fuse-overlayfs',
  'mkfs.btrfs': 'btrfs-progs',
  python3: 'python3',
  xz: 'xz-utils',
  bzip2: 'bzip2',
  podman: 'podman',
  sudo: 'sudo',
  'docker-compose': 'docker-compose',
  rootlesskit: 'rootlesskit',
  slirp4netns: 'slirp4netns',
  newuidmap: 'uidmap',
  'firewall-cmd': 'firewalld',
  'dbus-daemon': 'dbus',
};

const DIRECTORIES = ['/usr/local/sbin', '/usr/local/bin', '/usr/sbin', '/usr/bin', '/sbin', '/bin'];

function isThere(program) {
  if (program === 'busybox:static')
    return (
      spawnSync('dpkg-query', ['-W', '-f=${Status}', 'busybox-static'])
        .stdout?.toString()
        .includes('install ok') ?? false
    );
  return DIRECTORIES.some((directory) => existsSync(join(directory, program)));
}

/** Debian packages that are missing: installed when root, else one line that does it, and exit 1. */
export function installDebianPackages(wanted) {
  if (process.platform !== 'linux') return;
  const missing = [
    ...new Set(
      Object.entries(wanted)
        .filter(([program]) => !isThere(program))
        .map(([, name]) => name),
    ),
  ];
  if (missing.length === 0) return;
  if (process.getuid() !== 0 || !existsSync('/usr/bin/apt-get')) {
    process.stderr.write(`sudo apt-get install --no-install-recommends ${missing.join(' ')}\n`);
    process.exit(1);
  }
  process.stdout.write(`Installing Debian packages: ${missing.join(' ')}\n`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // Installing a server must not start it.
  const policy = '/usr/sbin/policy-rc.d';
  const isOurs = !existsSync(policy);
  if (isOurs) writeFileSync(policy, '#!/bin/sh\nexit 101\n', { mode: 0o755 });
  try {
    must('apt-get', ['update', '-qq'], { env });
    must('apt-get', ['install', '-y', '-qq', '--no-install-recommends', ...missing], {
      env,
      stdio: ['ignore', 'ignore', 'inherit'],
    });
  } finally {
    if (isOurs) rmSync(policy, { force: true });
  }
}
