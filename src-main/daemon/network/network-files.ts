/**
 * The three files of a sandbox (moby libnetwork etchosts, resolvconf, sandbox_dns_unix.go). They are
 * written in place, not renamed: the container has them bind-mounted, a new inode would not be seen.
 */
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { hasErrno } from '../platform/libc.ts';

const HOSTS_HEAD = `127.0.0.1\tlocalhost
::1\tlocalhost ip6-localhost ip6-loopback
fe00::0\tip6-localnet
ff00::0\tip6-mcastprefix
ff02::1\tip6-allnodes
ff02::2\tip6-allrouters
`;
const FALLBACK_SERVERS = ['8.8.8.8', '8.8.4.4'];

export interface NetworkFilesRequest {
  readonly directory: string;
  readonly hostname: string;
  readonly domainname: string;
  /** Addresses of the container itself. */
  readonly addresses: readonly string[];
  /** `name:ip`, resolved. */
  readonly extraHosts: readonly (readonly [name: string, ip: string])[];
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** `--network host`: the host's own hosts file and name servers, loopback ones included. */
  readonly isHostNetwork: boolean;
}

export interface NetworkFilePaths {
  readonly hostsPath: string;
  readonly hostnamePath: string;
  readonly resolvConfPath: string;
}

function readIfPresent(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return '';
    throw error;
  }
}

function hostsFile(request: NetworkFilesRequest): string {
  const head = request.isHostNetwork ? readIfPresent('/etc/hosts') : HOSTS_HEAD;
  const { hostname, domainname } = request;
  const names = domainname === '' ? hostname : `${hostname}.${domainname} ${hostname}`;
  const extra = request.extraHosts.map(([name, ip]) => `${ip}\t${name}\n`);
  const own = request.addresses.map((ip) => `${ip}\t${names}\n`);
  return [head, ...extra, ...own].join('');
}

interface ResolvConf {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

/** systemd-resolved's stub is of no use in another namespace; its upstream file is. */
function hostResolvConf(): ResolvConf {
  const stub = readIfPresent('/etc/resolv.conf');
  const isStub = /^nameserver\s+127\.0\.0\.53\s*$/m.test(stub);
  const text = isStub ? readIfPresent('/run/systemd/resolve/resolv.conf') || stub : stub;
  const values = (keyword: string): string[] =>
    [...text.matchAll(new RegExp(`^\\s*${keyword}\\s+(.+)$`, 'gm'))].map((match) =>
      (match[1] ?? '').trim(),
    );
  return {
    servers: values('nameserver'),
    search: values('search').at(-1)?.split(/\s+/) ?? [],
    options: values('options').at(-1)?.split(/\s+/) ?? [],
  };
}

const isLoopback = (ip: string): boolean => ip.startsWith('127.') || ip === '::1';

function resolvConfFile(request: NetworkFilesRequest): string {
  const host = hostResolvConf();
  const usable = request.isHostNetwork
    ? host.servers
    : host.servers.filter((ip) => !isLoopback(ip) && !ip.includes(':'));
  const fallback = usable.length > 0 ? usable : FALLBACK_SERVERS;
  const servers = request.dns.length > 0 ? request.dns : fallback;
  const asked = request.dnsSearch.length > 0 ? request.dnsSearch : host.search;
  const search = asked.filter((domain) => domain !== '.');
  const options = request.dnsOptions.length > 0 ? request.dnsOptions : host.options;
  return [
    ...(search.length > 0 ? [`search ${search.join(' ')}\n`] : []),
    ...servers.map((server) => `nameserver ${server}\n`),
    ...(options.length > 0 ? [`options ${options.join(' ')}\n`] : []),
  ].join('');
}

/** Writes all three; answers where they are. */
export async function writeNetworkFiles(request: NetworkFilesRequest): Promise<NetworkFilePaths> {
  const paths = {
    hostsPath: join(request.directory, 'hosts'),
    hostnamePath: join(request.directory, 'hostname'),
    resolvConfPath: join(request.directory, 'resolv.conf'),
  };
  await Promise.all([
    writeFile(paths.hostsPath, hostsFile(request), { mode: 0o644 }),
    writeFile(paths.hostnamePath, `${request.hostname}\n`, { mode: 0o644 }),
    writeFile(paths.resolvConfPath, resolvConfFile(request), { mode: 0o644 }),
  ]);
  return paths;
}
