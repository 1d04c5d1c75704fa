/** Where to look for a repository: mirrors, https, plain http where it is allowed (moby registry). */
import { lookup } from 'node:dns/promises';
import { readdir, readFile } from 'node:fs/promises';
import { BlockList, isIP } from 'node:net';
import { join } from 'node:path';
import { hasErrno } from '../platform/libc.ts';

export interface RegistryConfig {
  /** Mirrors of docker.io, as URLs. */
  readonly mirrors: readonly string[];
  /** `host[:port]` or CIDR; 127.0.0.0/8 and ::1 are always among them. */
  readonly insecureRegistries: readonly string[];
  readonly maxConcurrentDownloads: number;
  readonly maxDownloadAttempts: number;
  /** Certificates by host (default /etc/docker/certs.d). */
  readonly certsDirectory?: string;
  /** A connection that delivers nothing for so long counts as broken. */
  readonly stallTimeoutMs?: number;
  /** One "second" of the countdown between two attempts. */
  readonly retryUnitMs?: number;
}

interface EndpointTls {
  readonly rejectUnauthorized: boolean;
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
}

export interface RegistryEndpoint {
  /** `https://registry-1.docker.io`, without a slash at its end. */
  readonly url: string;
  readonly isMirror: boolean;
  readonly tls: EndpointTls;
}

const DEFAULT_REGISTRY = 'https://registry-1.docker.io';

/** `host`, `host:port`, `[::1]:port` without the port. */
function hostOf(authority: string): string {
  return authority.replace(/:\d+$/, '').replace(/^\[|\]$/g, '');
}

function blockListOf(entries: readonly string[]): BlockList {
  const list = new BlockList();
  list.addSubnet('127.0.0.0', 8);
  list.addAddress('::1', 'ipv6');
  for (const entry of entries) {
    const [address = '', bits] = entry.split('/');
    const family = isIP(address);
    if (bits !== undefined && family !== 0) {
      list.addSubnet(address, Number(bits), family === 6 ? 'ipv6' : 'ipv4');
    }
  }
  return list;
}

/** True when plain http, or https with any certificate, may be spoken to the registry. */
async function isInsecureRegistry(
  registry: string,
  insecureRegistries: readonly string[],
): Promise<boolean> {
  const entries = insecureRegistries.map((entry) => entry.replace(/^https?:\/\//i, ''));
  if (entries.includes(registry)) return true;
  const host = hostOf(registry);
  const list = blockListOf(entries);
  const addresses = isIP(host) ? [host] : await resolveAll(host);
  return addresses.some((address) => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4'));
}

async function resolveAll(host: string): Promise<string[]> {
  try {
    return (await lookup(host, { all: true })).map(({ address }) => address);
  } catch {
    // Behind a proxy the name need not resolve here; then only the list of names decides.
    return [];
  }
}

async function tlsFor(host: string, isInsecure: boolean, directory: string): Promise<EndpointTls> {
  const path = join(directory, host);
  let names: string[] = [];
  try {
    names = await readdir(path);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
  }
  const read = (name: string): Promise<string> => readFile(join(path, name), 'utf8');
  const ca = await Promise.all(names.filter((name) => name.endsWith('.crt')).map(read));
  const certName = names.find((name) => name.endsWith('.cert'));
  const keyName = certName?.replace(/\.cert$/, '.key');
  return {
    rejectUnauthorized: !isInsecure,
    ...(ca.length > 0 ? { ca } : {}),
    ...(certName && keyName ? { cert: await read(certName), key: await read(keyName) } : {}),
  };
}

/** The endpoints of a registry in the order in which they are tried. */
export async function pullEndpoints(
  domain: string,
  config: RegistryConfig,
): Promise<readonly RegistryEndpoint[]> {
  const certs = config.certsDirectory ?? '/etc/docker/certs.d';
  const endpoint = async (url: string, isMirror: boolean): Promise<RegistryEndpoint> => {
    const { host } = new URL(url);
    const isInsecure = await isInsecureRegistry(host, config.insecureRegistries);
    return { url: url.replace(/\/+$/, ''), isMirror, tls: await tlsFor(host, isInsecure, certs) };
  };
  if (domain === 'docker.io') {
    const mirrors = config.mirrors.map((url) =>
      /^https?:\/\//.test(url) ? url : `https://${url}`,
    );
    return Promise.all([
      ...mirrors.map((url) => endpoint(url, true)),
      endpoint(DEFAULT_REGISTRY, false),
    ]);
  }
  const secure = await endpoint(`https://${domain}`, false);
  if (secure.tls.rejectUnauthorized) return [secure];
  return [secure, { ...secure, url: `http://${domain}` }];
}
