/** Where to look for a repository: mirrors, https, plain http where it is allowed (moby registry). */
import { lookup } from 'node:dns/promises';
import { BlockList, isIP } from 'node:net';
import { type EndpointTls, registryTls } from './registry-tls.ts';

export interface RegistryConfig {
  /** Mirrors of docker.io, as URLs. */
  readonly mirrors: readonly string[];
  /** `host[:port]` or CIDR; 127.0.0.0/8 and ::1 are always among them. */
  readonly insecureRegistries: readonly string[];
  readonly maxConcurrentDownloads: number;
  readonly maxDownloadAttempts: number;
  readonly maxConcurrentUploads: number;
  /** Where certificates lie by host (default /etc/windlass/certs.d and /etc/docker/certs.d). */
  readonly certsDirectories?: readonly string[];
  /** A connection that delivers nothing for so long counts as broken. */
  readonly stallTimeoutMs?: number;
  /** One "second" of the countdown between two attempts. */
  readonly retryUnitMs?: number;
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

/** The endpoints images are pulled from, in the order in which they are tried: mirrors first. */
export async function pullEndpoints(
  domain: string,
  config: RegistryConfig,
): Promise<readonly RegistryEndpoint[]> {
  const mirrors = domain === 'docker.io' ? config.mirrors : [];
  const urls = mirrors.map((url) => (/^https?:\/\//.test(url) ? url : `https://${url}`));
  const endpoints = urls.map((url) => endpointOf(url, config, true));
  return [...(await Promise.all(endpoints)), ...(await pushEndpoints(domain, config))];
}

async function endpointOf(
  url: string,
  config: RegistryConfig,
  isMirror: boolean,
): Promise<RegistryEndpoint> {
  const { host } = new URL(url);
  const isInsecure = await isInsecureRegistry(host, config.insecureRegistries);
  const tls = await registryTls(host, isInsecure, config.certsDirectories);
  return { url: url.replace(/\/+$/, ''), isMirror, tls };
}

/** The endpoints of a registry itself. */
export async function pushEndpoints(
  domain: string,
  config: RegistryConfig,
): Promise<readonly RegistryEndpoint[]> {
  if (domain === 'docker.io') return [await endpointOf(DEFAULT_REGISTRY, config, false)];
  const secure = await endpointOf(`https://${domain}`, config, false);
  if (secure.tls.rejectUnauthorized) return [secure];
  return [secure, { ...secure, url: `http://${domain}` }];
}
