/** Address management: pools for networks, addresses in them, the least recently freed last (moby libnetwork ipam). */
import { conflict, internal, invalidArgument } from '../../../shared/errors.ts';
import {
  contains,
  formatIp,
  overlaps,
  parseCidr,
  parseIp,
  type Subnet,
  sizeOf,
} from './ip-address.ts';

/** One network's addresses. */
export class AddressPool {
  readonly subnet: Subnet;
  readonly gateway: number;
  readonly #range: Subnet;
  readonly #taken = new Set<number>();
  #next: number;

  constructor(
    subnet: Subnet,
    options: { gateway?: number; range?: Subnet; reserved?: readonly number[] },
  ) {
    this.subnet = subnet;
    this.#range = options.range ?? subnet;
    this.gateway = options.gateway ?? subnet.base + 1;
    this.#taken.add(subnet.base);
    this.#taken.add(subnet.base + sizeOf(subnet) - 1);
    this.#taken.add(this.gateway);
    for (const ip of options.reserved ?? []) this.#taken.add(ip);
    this.#next = this.#range.base;
  }

  /** The next free address after the last one given, so that a freed one is not reused at once. */
  allocate(): number {
    const size = sizeOf(this.#range);
    for (let step = 0; step < size; step++) {
      const ip = this.#range.base + ((this.#next - this.#range.base + step) % size);
      if (this.#taken.has(ip)) continue;
      this.#taken.add(ip);
      this.#next = ip + 1;
      return ip;
    }
    throw internal("no available IPv4 addresses on this network's address pools");
  }

  /** A certain address. Throws when it is outside or taken. */
  claim(ip: number): number {
    if (!contains(this.subnet, ip))
      throw invalidArgument(
        `Invalid address ${formatIp(ip)}: It does not belong to any of this network's subnets`,
      );
    if (this.#taken.has(ip)) throw conflict('Address already in use', { status: 403 });
    this.#taken.add(ip);
    return ip;
  }

  /** Marks an address of a re-adopted container, which may be marked already. */
  restore(ip: number): void {
    this.#taken.add(ip);
  }

  release(ip: number): void {
    if (ip !== this.gateway) this.#taken.delete(ip);
  }
}

/** Docker's own pools: 172.17–31/16, then 192.168/16 in pieces of /20. */
function* defaultPools(): Generator<Subnet> {
  for (let second = 17; second < 32; second++)
    yield { base: parseIp(`172.${second}.0.0`), prefix: 16 };
  for (let third = 0; third < 256; third += 16)
    yield { base: parseIp(`192.168.${third}.0`), prefix: 20 };
}

function* splitPool(base: string, size: number): Generator<Subnet> {
  const { subnet } = parseCidr(base);
  const step = 2 ** (32 - size);
  for (let at = subnet.base; at < subnet.base + sizeOf(subnet); at += step)
    yield { base: at, prefix: size };
}

/** The first pool that overlaps nothing in use. */
export function choosePool(
  inUse: readonly Subnet[],
  configured: readonly { readonly base: string; readonly size: number }[] = [],
): Subnet {
  const candidates =
    configured.length > 0
      ? configured.flatMap(({ base, size }) => [...splitPool(base, size)])
      : [...defaultPools()];
  const free = candidates.find((pool) => !inUse.some((used) => overlaps(used, pool)));
  if (!free)
    throw internal(
      'could not find an available, non-overlapping IPv4 address pool among the defaults to assign to the network',
    );
  return free;
}
