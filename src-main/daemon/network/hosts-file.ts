/**
 * A container's /etc/hosts (moby libnetwork etchosts). It is changed in place, not renamed: the container
 * has it bind-mounted, a new inode would not be seen. Lines the container wrote itself stay.
 */
import { readFile, writeFile } from 'node:fs/promises';
import { hasErrno } from '../platform/libc.ts';

const HEAD = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;
const HOST_FILE = '/etc/hosts';

/** One line: an address and the names it has. */
export interface HostsEntry {
  readonly ip: string;
  readonly names: string;
}

const line = ({ ip, names }: HostsEntry): string => `${ip}\t${names}\n`;

/** `web.example.com` is known as `web` too. */
export function ownNames(hostname: string, domainname: string): string {
  const full = domainname === '' ? hostname : `${hostname}.${domainname}`;
  const dot = full.indexOf('.');
  return dot < 0 ? full : `${full} ${full.slice(0, dot)}`;
}

export const hostsText = (entries: readonly HostsEntry[]): string =>
  [HEAD, ...entries.map(line)].join('');

/** `--network host` shows the host's own file, unless entries were asked for. */
export async function hostNetworkHostsText(extra: readonly HostsEntry[]): Promise<string> {
  if (extra.length > 0) return hostsText(extra);
  try {
    return await readFile(HOST_FILE, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return '';
    throw error;
  }
}

/** Gives the line whose first name is `name` another address. */
export async function moveHost(path: string, name: string, ip: string): Promise<void> {
  const before = await readFile(path, 'utf8');
  const after = before
    .split('\n')
    .map((text) => {
      const [address = '', names = ''] = text.split('\t');
      return address !== '' && names.split(' ')[0] === name ? `${ip}\t${names}` : text;
    })
    .join('\n');
  if (after !== before) await writeFile(path, after);
}

/** Adds and removes lines of a running container. */
export async function changeHosts(
  path: string,
  change: { readonly add?: readonly HostsEntry[]; readonly remove?: readonly HostsEntry[] },
): Promise<void> {
  const { add = [], remove = [] } = change;
  if (add.length + remove.length === 0) return;
  const gone = new Set(remove.map((entry) => line(entry).trimEnd()));
  const before = (await readFile(path, 'utf8')).split('\n');
  const kept = before.filter((text) => !gone.has(text)).join('\n');
  const end = kept === '' || kept.endsWith('\n') ? '' : '\n';
  await writeFile(path, [kept, end, ...add.map(line)].join(''));
}
