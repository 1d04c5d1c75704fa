/** Subnets this machine reaches already; a new network must not take one of them. */
import { readFileSync } from 'node:fs';
import { hasErrno } from '../platform/libc.ts';
import { type Subnet, tryParseIp } from './ip-address.ts';

const COLUMNS = { interface: 0, destination: 1, mask: 7 } as const;

/** Hexadecimal, least significant byte first (proc(5), /proc/net/route). */
const addressOf = (text: string): bigint =>
  BigInt(`0x${Buffer.from(text, 'hex').reverse().toString('hex') || '0'}`);

/** IPv4 destinations of the main routing table but the default, and the host's name servers. */
export function hostSubnets(exceptInterface = ''): readonly Subnet[] {
  const [, ...lines] = readText('/proc/net/route').trim().split('\n');
  const routes = lines.flatMap((line): readonly Subnet[] => {
    const columns = line.split('\t');
    const base = addressOf(columns[COLUMNS.destination] ?? '');
    const mask = addressOf(columns[COLUMNS.mask] ?? '');
    const prefix = mask.toString(2).replaceAll('0', '').length;
    const isOther = columns[COLUMNS.interface] !== exceptInterface;
    return isOther && prefix > 0 ? [{ family: 4, base, prefix }] : [];
  });
  return [...routes, ...nameServers()];
}

function nameServers(): readonly Subnet[] {
  return [...readText('/etc/resolv.conf').matchAll(/^\s*nameserver\s+(\S+)/gm)].flatMap(
    ([, text = '']): readonly Subnet[] => {
      const ip = tryParseIp(text);
      return ip?.family === 4 ? [{ family: 4, base: ip.value, prefix: 32 }] : [];
    },
  );
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return '';
    throw error;
  }
}
