import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, it } from 'vitest';
import { rootlessProblems } from './rootless-check.ts';

let root: string;
const put = (path: string, text: string, mode = 0o644): void => {
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  chmodSync(join(root, path), mode);
};
const problems = (): string[] =>
  rootlessProblems({ user: 'ann', uid: 1000, path: `/nowhere:${join(root, 'bin')}`, root });

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'windlass-rootless-'));
  const programs = [
    'rootlesskit',
    'slirp4netns',
    'newuidmap',
    'containerd',
    'runc',
    'ip',
    'nft',
    'ps',
  ];
  for (const name of programs) put(`bin/${name}`, '', 0o755);
  put('etc/subuid', 'bob:100000:65536\nann:165536:65536\n');
  put('etc/subgid', '# groups\n1000:165536:65536\n');
});
afterEach(() => rmSync(root, { recursive: true }));

it('finds nothing missing, ids by name or by number', () => {
  expect(problems()).toEqual([]);
});

it('names the packages of missing programs', () => {
  rmSync(join(root, 'bin/rootlesskit'));
  chmodSync(join(root, 'bin/newuidmap'), 0o644);
  expect(problems()).toEqual([
    'Programs are missing. Run: sudo apt-get install --no-install-recommends rootlesskit uidmap',
  ]);
});

it('gives ids that nobody has', () => {
  put('etc/subuid', 'bob:300000:65536\nann:165536:1000\n');
  expect(problems()).toEqual([
    'ann has no ids for the users of containers. Run: sudo usermod --add-subuids 365536-431071 ann',
  ]);
  rmSync(join(root, 'etc/subgid'));
  put('etc/subuid', '');
  expect(problems()).toEqual([
    'ann has no ids for the users of containers. Run: sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 ann',
  ]);
});

it('tells of a kernel that forbids it', () => {
  put('proc/sys/kernel/unprivileged_userns_clone', '0\n');
  put('proc/sys/user/max_user_namespaces', '0\n');
  put('proc/sys/kernel/apparmor_restrict_unprivileged_userns', '1\n');
  expect(problems().map((text) => text.split('Run: ')[1])).toEqual([
    'sudo sysctl -w kernel.unprivileged_userns_clone=1',
    'sudo sysctl -w user.max_user_namespaces=28633',
    'sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
  ]);
});
