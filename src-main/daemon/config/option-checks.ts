/** Checks of single option values, the same for a flag and for daemon.json (moby opts/*.go, go-units). */
import { isIP } from 'node:net';
import { invalidArgument } from '../../../shared/errors.ts';

/** Throws `… is not an ip address`. */
export function checkIp(text: string): void {
  if (isIP(text.trim()) === 0) throw invalidArgument(`${text} is not an ip address`);
}

const DOMAIN = /^(:?[\da-z][\w-]*[\da-z]|[\da-z])(\.(:?[\da-z][\w-]*[\da-z]|[\da-z]))*\.?$/i;

/** A search domain; `.` alone means none. Throws `… is not a valid domain`. */
export function checkDomain(text: string): void {
  const domain = text.trim();
  if (domain === '.') return;
  if (!/[a-z]/i.test(domain) || !DOMAIN.test(domain) || domain.length > 255)
    throw invalidArgument(`${domain} is not a valid domain`);
}

/** Throws `bad attribute format: …`. */
export function checkLabel(text: string): void {
  if (!text.includes('=')) throw invalidArgument(`bad attribute format: ${text}`);
}

const LIMITS = [
  'core',
  'cpu',
  'data',
  'fsize',
  'locks',
  'memlock',
  'msgqueue',
  'nice',
  'nofile',
  'nproc',
  'rss',
  'rtprio',
  'rttime',
  'sigpending',
  'stack',
];

export interface Ulimit {
  readonly Name: string;
  readonly Soft: number;
  readonly Hard: number;
}

/** `name=soft[:hard]`. Throws in go-units' words. */
export function parseUlimit(text: string): Ulimit {
  const [name = '', values, ...rest] = text.split('=');
  if (values === undefined || rest.length > 0)
    throw invalidArgument(`invalid ulimit argument: ${text}`);
  if (!LIMITS.includes(name)) throw invalidArgument(`invalid ulimit type: ${name}`);
  const parts = values.split(':');
  if (parts.length > 2)
    throw invalidArgument(
      `too many limit value arguments - ${values}, can only have up to two, \`soft[:hard]\``,
    );
  for (const part of parts) {
    if (!/^[-+]?\d+$/.test(part))
      throw invalidArgument(`strconv.ParseInt: parsing "${part}": invalid syntax`);
  }
  const [soft = 0, hard = soft] = parts.map(Number);
  if (hard !== -1 && soft > hard)
    throw invalidArgument(
      `ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`,
    );
  return { Name: name, Soft: soft, Hard: hard };
}

/** `base=CIDR,size=N` of `--default-address-pool`. */
export function parsePool(text: string): { base: string; size: number } {
  let base = '';
  let size = 0;
  for (const field of text.split(',')) {
    const [key = '', value] = field.split('=');
    if (value === undefined)
      throw invalidArgument(`invalid field '${field}' must be a key=value pair`);
    switch (key.toLowerCase()) {
      case 'base':
        base = value;
        break;
      case 'size':
        if (!/^[-+]?\d+$/.test(value))
          throw invalidArgument(
            `invalid size value: "${value}" (must be integer): strconv.Atoi: parsing "${value}": invalid syntax`,
          );
        size = Number(value);
        break;
      default:
        throw invalidArgument(`unexpected key '${key}' in '${field}'`);
    }
  }
  return { base, size };
}

/** A mirror's URL with a `/` at its end. Throws `invalid mirror: …` (moby registry/config.go ValidateMirror). */
export function checkedMirror(text: string): string {
  if (!URL.canParse(text)) {
    const scheme = /^([a-z][a-z\d+.-]*):/i.exec(text)?.[1] ?? '';
    throw invalidArgument(`invalid mirror: unsupported scheme "${scheme}" in "${text}"`);
  }
  const url = new URL(text);
  const scheme = url.protocol.slice(0, -1);
  if (scheme !== 'http' && scheme !== 'https')
    throw invalidArgument(`invalid mirror: unsupported scheme "${scheme}" in "${text}"`);
  if ((url.pathname !== '' && url.pathname !== '/') || url.search !== '' || url.hash !== '')
    throw invalidArgument(`invalid mirror: path, query, or fragment at end of the URI "${text}"`);
  if (url.username !== '') {
    url.password = 'xxxxx';
    throw invalidArgument(`invalid mirror: username/password not allowed in URI "${url.href}"`);
  }
  return `${text.replace(/\/$/, '')}/`;
}

const BIND_ADDRESS = /^(?:\[([^\]]*)\]|([^:[\]]*))(?::(\d*))?$/;

/**
 * Docker's forms of `-H` as `unix://PATH`, `fd://…` or `tcp://ADDRESS:PORT`; without a scheme it is tcp.
 * Throws `Invalid bind address format: …` (moby opts/hosts.go).
 */
export function normalizedHost(text: string, defaults: { socket: string; port: number }): string {
  const host = text.trim();
  if (host === '' || host === 'unix://') return `unix://${defaults.socket}`;
  const [scheme, ...rest] = host.split('://');
  const address = rest.length === 0 ? host : rest.join('://');
  if (rest.length > 0 && (scheme === 'unix' || scheme === 'fd')) return host;
  const match = BIND_ADDRESS.exec(address.replace(/\/$/, ''));
  const name = match?.[1] ?? match?.[2] ?? '';
  const port = match?.[3] ? Number(match[3]) : defaults.port;
  if ((rest.length > 0 && scheme !== 'tcp') || !match || port > 65_535)
    throw invalidArgument(`Invalid bind address format: ${host}`);
  const bound = name === '' ? 'localhost' : name;
  return `tcp://${bound.includes(':') ? `[${bound}]` : bound}:${port}`;
}
