/** `type`, `device`, `o` of the local driver, and the mount they ask for (moby volume/local/local_unix.go). */
import { lookup } from 'node:dns/promises';
import { isIP } from 'node:net';
import { errorMessage, internal, invalidArgument } from '../../../shared/errors.ts';
import { hasErrno } from '../platform/libc.ts';
import { type MountFlag, mount, mountFlagBits, unmountIfMounted } from '../platform/mount.ts';

export type LocalOptions = Readonly<Record<string, string>>;

const KNOWN = ['type', 'o', 'device', 'size'];
/** Each is only whole with the others. */
const MANDATORY: readonly (readonly [string, readonly string[]])[] = [
  ['device', ['type']],
  ['type', ['device']],
  ['o', ['device', 'type']],
];

/** Throws invalidArgument in dockerd's words. */
export function checkLocalOptions(options: LocalOptions): void {
  const unknown = Object.keys(options).find((name) => !KNOWN.includes(name));
  if (unknown !== undefined) throw invalidArgument(`invalid option: "${unknown}"`);
  for (const [name, others] of MANDATORY) {
    const missing =
      options[name] === undefined
        ? undefined
        : others.find((other) => options[other] === undefined);
    if (missing !== undefined) throw invalidArgument(`missing required option: "${missing}"`);
  }
  if (options['size'] !== undefined)
    throw invalidArgument('quota size requested but no quota support');
}

/** True when there is something to mount at the data directory. */
export const hasMount = (options: LocalOptions): boolean =>
  Boolean(options['device']) || Boolean(options['type']);

/** mount(8) words that are flags; what takes one away has no bit of its own. */
const FLAGS: Readonly<Record<string, MountFlag | ''>> = {
  ro: 'ro',
  rw: '',
  nosuid: 'nosuid',
  suid: '',
  nodev: 'nodev',
  dev: '',
  noexec: 'noexec',
  exec: '',
  noatime: 'noatime',
  atime: '',
  nodiratime: 'nodiratime',
  diratime: '',
  relatime: 'relatime',
  norelatime: '',
  bind: 'bind',
  rbind: 'rbind',
  defaults: '',
};

const ADDRESS = /(^|,)addr=([^,]*)/;

/** Mounts at `path`. Throws internal `failed to mount local volume: …`. */
export async function mountLocal(path: string, options: LocalOptions): Promise<void> {
  const { type = '', device = '' } = options;
  const o = await withAddress(type, options['o'] ?? '');
  const words = o.split(',').filter(Boolean);
  const flags = words.map((word) => FLAGS[word] ?? '').filter((flag) => flag !== '');
  const data = words.filter((word) => FLAGS[word] === undefined).join(',');
  const request = { source: device, target: path, type: type === 'none' ? '' : type };
  try {
    unmountIfMounted(path);
    mount({ ...request, flags, data });
    // The kernel ignores a bind's other flags until it is told again.
    if (flags.some((flag) => flag === 'bind' || flag === 'rbind') && flags.length > 1)
      mount({ ...request, flags: [...flags, 'remount'], data });
  } catch (error) {
    const bits = mountFlagBits(flags);
    const details = [
      ...(bits === 0 ? [] : [`, flags: 0x${bits.toString(16)}`]),
      ...(data === '' ? [] : [`, data: ${data}`]),
    ];
    throw internal(
      `failed to mount local volume: mount ${device}:${path}${details.join('')}: ${reasonOf(error)}`,
      { cause: error },
    );
  }
}

const WORDS: Readonly<Record<string, string>> = {
  ENOENT: 'no such file or directory',
  ENODEV: 'no such device',
  ENOTDIR: 'not a directory',
  ENOTBLK: 'block device required',
  EINVAL: 'invalid argument',
  EACCES: 'permission denied',
  EPERM: 'operation not permitted',
  ECONNREFUSED: 'connection refused',
  ETIMEDOUT: 'connection timed out',
};

const reasonOf = (error: unknown): string =>
  (error instanceof Error && 'code' in error ? WORDS[String(error.code)] : undefined) ??
  errorMessage(error);

async function addressOf(name: string): Promise<string> {
  try {
    return (await lookup(name)).address;
  } catch (error) {
    const isUnknown = hasErrno(error, 'ENOTFOUND');
    throw internal(
      `error resolving passed in network volume address: lookup ${name}: ${isUnknown ? 'no such host' : errorMessage(error)}`,
      { cause: error },
    );
  }
}

/** The kernel's nfs and cifs take addresses only; a name is looked up for them. */
async function withAddress(type: string, o: string): Promise<string> {
  if (!type.startsWith('nfs') && type !== 'cifs') return o;
  const name = ADDRESS.exec(o)?.[2] ?? '';
  if (name === '' || isIP(name) !== 0) return o;
  const address = await addressOf(name);
  return o.replace(ADDRESS, `$1addr=${address}`);
}
