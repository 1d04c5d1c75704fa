/** A container's /etc/resolv.conf (moby libnetwork resolvconf, sandbox_dns_unix.go). */
import { readFileSync } from 'node:fs';
import { isIP, isIPv4, isIPv6 } from 'node:net';
import { hasErrno } from '../platform/libc.ts';

/** Where the embedded resolver is reached in a container. */
export const RESOLVER_ADDRESS = '127.0.0.11';
const RESOLVER_OPTION = 'ndots:0';
const FALLBACK = {
  v4: ['8.8.8.8', '8.8.4.4'],
  v6: ['2001:4860:4860::8888', '2001:4860:4860::8844'],
};
/** systemd-resolved's stub is of no use in another namespace; its upstream file is. */
const STUB = '127.0.0.53';
const HOST_FILE = '/etc/resolv.conf';
const SYSTEMD_FILE = '/run/systemd/resolve/resolv.conf';

/** What `--dns`, `--dns-search` and `--dns-option` asked for; empty = the host's. */
interface DnsSettings {
  readonly servers: readonly string[];
  readonly search: readonly string[];
  readonly options: readonly string[];
}

/** A name server for what is not ours to answer. */
export interface Upstream {
  readonly address: string;
  /** It listens on the host's loopback, so it is asked from there. */
  readonly isOnHost: boolean;
}

export interface ResolvConfRequest {
  readonly asked: DnsSettings;
  readonly network: 'host' | 'none' | 'default' | 'user';
  readonly hasIPv6: boolean;
}

export interface ResolvConf {
  readonly text: string;
  /** For the embedded resolver. */
  readonly upstreams: readonly Upstream[];
  /** The user chose `ndots` himself: single words are not asked upstream. */
  readonly isNdotsSet: boolean;
}

export function readHostResolvConf(path = HOST_FILE): string {
  const own = readIfPresent(path);
  const servers = serversOf(own);
  return servers.length === 1 && servers[0] === STUB ? readIfPresent(SYSTEMD_FILE) || own : own;
}

function readIfPresent(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return '';
    throw error;
  }
}

/** `host`: the text of the host's file. */
export function buildResolvConf(host: string, request: ResolvConfRequest): ResolvConf {
  const { asked, network, hasIPv6 } = request;
  const isAsked = asked.servers.length + asked.search.length + asked.options.length > 0;
  if (network === 'host' && !isAsked) return { text: host, upstreams: [], isNdotsSet: false };
  const own = isAsked ? merged(host, asked) : filtered(host, hasIPv6);
  if (network !== 'user') return { text: own, upstreams: [], isNdotsSet: false };
  // A loopback server the user named is one in the container; one of the host's file is the host's.
  const named = serversOf(isAsked ? own : host).filter((ip) => isIPv4(ip));
  const upstreams = named.length > 0 ? named : serversOf(own).filter((ip) => isIPv4(ip));
  const options = optionsOf(own);
  const isNdotsSet = options.some((option) => option.startsWith('ndots:'));
  return {
    text: resolvConfText({
      servers: [RESOLVER_ADDRESS, ...serversOf(own).filter((ip) => isIPv6(ip))],
      search: searchOf(own),
      options: isNdotsSet ? options : [...options, RESOLVER_OPTION],
    }),
    upstreams: upstreams.map((address) => ({
      address,
      isOnHost: !isAsked && isLoopback(address),
    })),
    isNdotsSet,
  };
}

/** What was asked, and the host's for the rest. */
function merged(host: string, asked: DnsSettings): string {
  const or = (own: readonly string[], hosts: readonly string[]): readonly string[] =>
    own.length > 0 ? own : hosts;
  return resolvConfText({
    servers: or(asked.servers, serversOf(host)),
    search: or(asked.search, searchOf(host)),
    options: or(asked.options, optionsOf(host)),
  });
}

function resolvConfText({ servers, search, options }: DnsSettings): string {
  const domains = search.join(' ').trim();
  return [
    ...(domains === '' || domains === '.' ? [] : [`search ${domains}\n`]),
    ...servers.map((server) => `nameserver ${server}\n`),
    ...(options.length > 0 ? [`options ${options.join(' ')}\n`] : []),
  ].join('');
}

/** Lines as moby's expressions take them out (libnetwork resolvconf), with the empty ones that follow. */
const LOCAL_SERVER = /^nameserver\s+(127\.(\d{1,3}\.){2}\d{1,3}|::1$)\s*\n*/gm;
const IPV6_SERVER = /^nameserver\s+([0-9a-f]{0,4}:){2,7}[0-9a-f]{0,4}(%\w+)?\s*\n*/gim;

/** The host's file as it is, without servers that cannot be reached from a container. */
function filtered(host: string, hasIPv6: boolean): string {
  const reachable = orFallback(host.replace(LOCAL_SERVER, ''), [...FALLBACK.v4, ...FALLBACK.v6]);
  return hasIPv6 ? reachable : orFallback(reachable.replace(IPV6_SERVER, ''), FALLBACK.v4);
}

function orFallback(text: string, servers: readonly string[]): string {
  if (serversOf(text).length > 0) return text;
  return `${text}\n${servers.map((server) => `nameserver ${server}`).join('\n')}`;
}

const isLoopback = (ip: string): boolean => ip.startsWith('127.') || ip === '::1';

/** The values of a keyword, comments left out. */
const valuesOf = (text: string, keyword: string): readonly string[] =>
  [...text.replace(/[#;].*$/gm, '').matchAll(new RegExp(`^\\s*${keyword}\\s+(.+)$`, 'gm'))].map(
    (match) => (match[1] ?? '').trim(),
  );

const serversOf = (text: string): readonly string[] =>
  valuesOf(text, 'nameserver').filter((value) => isIP(value.replace(/%.*/, '')) !== 0);
const searchOf = (text: string): readonly string[] =>
  valuesOf(text, 'search').at(-1)?.split(/\s+/) ?? [];
const optionsOf = (text: string): readonly string[] =>
  valuesOf(text, 'options').at(-1)?.split(/\s+/) ?? [];
