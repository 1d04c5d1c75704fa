/** Arithmetic of IPv4 and IPv6 addresses and subnets. */
import { isIPv4, isIPv6 } from 'node:net';
import { invalidArgument } from '../../../shared/errors.ts';

export type IpFamily = 4 | 6;

export interface Ip {
  readonly family: IpFamily;
  /** The address as one number. */
  readonly value: bigint;
}

export interface Subnet {
  readonly family: IpFamily;
  /** First address. */
  readonly base: bigint;
  readonly prefix: number;
}

const BITS = { 4: 32, 6: 128 } as const;

/** Undefined when the text is no address. */
export function tryParseIp(text: string): Ip | undefined {
  if (isIPv4(text)) return { family: 4, value: valueOf4(text) };
  if (isIPv6(text) && !text.includes('%')) return { family: 6, value: valueOf6(text) };
  return undefined;
}

export function parseIp(text: string): Ip {
  const ip = tryParseIp(text);
  if (!ip) throw invalidArgument(`invalid IP address: ${text}`);
  return ip;
}

const valueOf4 = (text: string): bigint =>
  text.split('.').reduce((sum, part) => sum * 256n + BigInt(part), 0n);

function valueOf6(text: string): bigint {
  const dotted = text.includes('.') ? text.slice(text.lastIndexOf(':') + 1) : '';
  const tail = dotted === '' ? 0n : valueOf4(dotted);
  const hex =
    dotted === ''
      ? text
      : `${text.slice(0, -dotted.length)}${(tail >> 16n).toString(16)}:${(tail & 0xffffn).toString(16)}`;
  const [head = '', rest] = hex.split('::');
  const words = (part: string): string[] => part.split(':').filter(Boolean);
  const left = words(head);
  const right = rest === undefined ? [] : words(rest);
  const zeros = Array.from({ length: 8 - left.length - right.length }, () => '0');
  return [...left, ...zeros, ...right].reduce(
    (sum, word) => (sum << 16n) + BigInt(`0x${word}`),
    0n,
  );
}

export function formatIp({ family, value }: Ip): string {
  return family === 4
    ? [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.')
    : format6(value);
}

/** RFC 5952: lower case, the longest run of zeros as `::`. */
function format6(value: bigint): string {
  const words = Array.from({ length: 8 }, (_, at) => (value >> BigInt(112 - at * 16)) & 0xffffn);
  let best = { start: 0, length: 1 };
  for (let start = 0; start < 8; start++) {
    let length = 0;
    while (start + length < 8 && words[start + length] === 0n) length++;
    if (length > best.length) best = { start, length };
  }
  const hex = (part: readonly bigint[]): string => part.map((word) => word.toString(16)).join(':');
  return best.length === 1
    ? hex(words)
    : `${hex(words.slice(0, best.start))}::${hex(words.slice(best.start + best.length))}`;
}

/** In network byte order: 4 or 16 bytes. */
export const bytesOfIp = ({ family, value }: Ip): Buffer =>
  Buffer.from(value.toString(16).padStart(BITS[family] / 4, '0'), 'hex');

export const ipOfBytes = (bytes: Uint8Array): Ip => ({
  family: bytes.length === 4 ? 4 : 6,
  value: BigInt(`0x${Buffer.from(bytes).toString('hex')}`),
});

export const sizeOf = ({ family, prefix }: Subnet): bigint => 1n << BigInt(BITS[family] - prefix);

export const lastOf = (subnet: Subnet): bigint => subnet.base + sizeOf(subnet) - 1n;

/** `10.0.0.5/24` → the subnet and the address in it. */
export function parseCidr(text: string): { readonly subnet: Subnet; readonly ip: Ip } {
  const [address = '', prefixText = '', ...more] = text.split('/');
  const ip = tryParseIp(address);
  const prefix = Number(prefixText);
  if (!ip || more.length > 0 || !/^\d{1,3}$/.test(prefixText) || prefix > BITS[ip.family])
    throw invalidArgument(`invalid CIDR address: ${text}`);
  const hostBits = BigInt(BITS[ip.family] - prefix);
  return { ip, subnet: { family: ip.family, base: (ip.value >> hostBits) << hostBits, prefix } };
}

export const formatSubnet = ({ family, base, prefix }: Subnet): string =>
  `${formatIp({ family, value: base })}/${prefix}`;

export const contains = (subnet: Subnet, ip: Ip): boolean =>
  ip.family === subnet.family && ip.value >= subnet.base && ip.value <= lastOf(subnet);

export const overlaps = (a: Subnet, b: Subnet): boolean =>
  a.family === b.family && a.base <= lastOf(b) && b.base <= lastOf(a);

/** `02:42:` and the IPv4 address, as Docker makes them. */
export const macFor = (ip: Ip): string =>
  ['02', '42', ...[...bytesOfIp(ip)].map((byte) => byte.toString(16).padStart(2, '0'))].join(':');
