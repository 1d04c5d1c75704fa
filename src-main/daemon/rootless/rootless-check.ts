/** What an ordinary user lacks for a daemon of his own, each with the one command that mends it. */
import { accessSync, constants, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** Ids a user needs besides his own; what useradd gives. */
const IDS = 65_536;
const FIRST_ID = 100_000;

/** Program → Debian's package. */
const PROGRAMS = {
  rootlesskit: 'rootlesskit',
  slirp4netns: 'slirp4netns',
  newuidmap: 'uidmap',
  containerd: 'containerd',
  runc: 'runc',
  ip: 'iproute2',
  nft: 'nftables',
  ps: 'procps',
} as const;

/** Where to look; a test's own root instead of this machine's. */
export interface RootlessMachine {
  readonly user: string;
  readonly uid: number;
  readonly path: string;
  readonly root?: string;
}

function hasProgram(path: string, name: string): boolean {
  return path.split(':').some((directory) => {
    try {
      accessSync(join(directory, name), constants.X_OK);
      return true;
    } catch {
      // Not in this one.
      return false;
    }
  });
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    // Not there: says nothing.
    return '';
  }
}

interface IdRange {
  readonly owner: string;
  readonly first: number;
  readonly count: number;
}

const rangesOf = (text: string): IdRange[] =>
  text.split('\n').flatMap((line) => {
    const [owner = '', first, count] = line.trim().split(':');
    return owner === '' || owner.startsWith('#') || count === undefined
      ? []
      : [{ owner, first: Number(first), count: Number(count) }];
  });

/** The command that gives a user ids nobody else has, where he has none; undefined where he has. */
function missingIds({ user, uid, root = '' }: RootlessMachine): string | undefined {
  const files = ['/etc/subuid', '/etc/subgid'].map((path) => rangesOf(textOf(`${root}${path}`)));
  const hasIds = files.map((ranges) =>
    ranges.some(({ owner, count }) => (owner === user || owner === `${uid}`) && count >= IDS),
  );
  if (hasIds.every(Boolean)) return undefined;
  const first = Math.max(FIRST_ID, ...files.flat().map((range) => range.first + range.count));
  const range = `${first}-${first + IDS - 1}`;
  const options = ['--add-subuids', '--add-subgids'].filter((_, at) => !hasIds[at]);
  return `sudo usermod ${options.map((option) => `${option} ${range}`).join(' ')} ${user}`;
}

/** Sentences with commands; none when a rootless daemon can run. */
export function rootlessProblems(machine: RootlessMachine): string[] {
  const { path, root = '' } = machine;
  const kernel = (name: string): string => textOf(`${root}/proc/sys/${name}`).trim();
  const missing = Object.entries(PROGRAMS).filter(([program]) => !hasProgram(path, program));
  const packages = [...new Set(missing.map(([, name]) => name))].join(' ');
  const ids = missingIds(machine);
  return [
    ...(packages === ''
      ? []
      : [`Programs are missing. Run: sudo apt-get install --no-install-recommends ${packages}`]),
    ...(ids === undefined
      ? []
      : [`${machine.user} has no ids for the users of containers. Run: ${ids}`]),
    ...(kernel('kernel/unprivileged_userns_clone') === '0'
      ? [
          'Ordinary users may not make user namespaces. Run: sudo sysctl -w kernel.unprivileged_userns_clone=1',
        ]
      : []),
    ...(kernel('user/max_user_namespaces') === '0'
      ? ['There may be no user namespaces. Run: sudo sysctl -w user.max_user_namespaces=28633']
      : []),
    ...(kernel('kernel/apparmor_restrict_unprivileged_userns') === '1'
      ? [
          'AppArmor keeps ordinary users from user namespaces. Run: sudo sysctl -w kernel.apparmor_restrict_unprivileged_userns=0',
        ]
      : []),
  ];
}
