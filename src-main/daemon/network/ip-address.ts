/** IPv4 arithmetic: addresses as unsigned 32-bit numbers, subnets in CIDR form. */
import { invalidArgument } from '../../../shared/errors.ts';

export interface Subnet {
  /** First address. */
  readonly base: number;
  readonly prefix: number;
}

export function parseIp(text: string): number {
  const parts = text.split('.').map(Number);
  const isValid =
    parts.length === 4 && parts.every((part) => Number.isInteger(part) && part >= 0 && part <= 255);
  if (!isValid || !/^[\d.]+$/.test(text)) throw invalidArgument(`invalid IP address: ${text}`);
  return parts.reduce((sum, part) => sum * 256 + part, 0);
}

export const formatIp = (ip: number): string =>
  [24, 16, 8, 0].map((shift) => (ip >>> shift) & 255).join('.');

export const sizeOf = ({ prefix }: Subnet): number => 2 ** (32 - prefix);
const maskOf = (prefix: number): number => (prefix === 0 ? 0 : (0xffffffff << (32 - prefix)) >>> 0);

/** `10.0.0.5/24` → the subnet and the address in it. */
export function parseCidr(text: string): { subnet: Subnet; ip: number } {
  const [address = '', prefixText = ''] = text.split('/');
  const prefix = Number(prefixText);
  if (!/^\d+$/.test(prefixText) || prefix > 32)
    throw invalidArgument(`invalid CIDR address: ${text}`);
  const ip = parseIp(address);
  return { ip, subnet: { base: (ip & maskOf(prefix)) >>> 0, prefix } };
}

export const formatSubnet = ({ base, prefix }: Subnet): string => `${formatIp(base)}/${prefix}`;
export const contains = (subnet: Subnet, ip: number): boolean =>
  ip >= subnet.base && ip < subnet.base + sizeOf(subnet);
export const overlaps = (a: Subnet, b: Subnet): boolean =>
  contains(a, b.base) || contains(b, a.base);

/** `02:42:` and the address, as Docker makes them. */
export const macFor = (ip: number): string =>
  `02:42:${[24, 16, 8, 0].map((shift) => ((ip >>> shift) & 255).toString(16).padStart(2, '0')).join(':')}`;
