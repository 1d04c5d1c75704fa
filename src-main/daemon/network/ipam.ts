/** Address management: pools for networks and addresses in them (moby libnetwork ipam). */
import { forbidden, internal, invalidArgument, notFound } from '../../../shared/errors.ts';
import {
  contains,
  formatIp,
  type Ip,
  type IpFamily,
  lastOf,
  overlaps,
  parseCidr,
  type Subnet,
  sizeOf,
} from './ip-address.ts';

export interface AddressPoolOptions {
  readonly subnet: Subnet;
  /** Undefined: the first address of the range, or of the subnet. */
  readonly gateway?: Ip | undefined;
  /** Only addresses of it are given out unasked. */
  readonly range?: Subnet | undefined;
  /** Addresses of machines that are no containers. */
  readonly reserved?: readonly Ip[];
}

/** One network's addresses of one family. */
export class AddressPool {
  readonly subnet: Subnet;
  readonly gateway: Ip;
  readonly #range: Subnet;
  /** Never given out: network, broadcast, gateway, reserved. */
  readonly #fixed: ReadonlySet<bigint>;
  readonly #taken = new Set<bigint>();
  #next: bigint;

  constructor(options: AddressPoolOptions) {
    const { subnet, range = subnet, reserved = [] } = options;
    const { family } = subnet;
    this.subnet = subnet;
    this.#range = range;
    const unusable = new Set([subnet.base, ...(family === 4 ? [lastOf(subnet)] : [])]);
    const first = unusable.has(range.base) ? range.base + 1n : range.base;
    this.gateway = options.gateway ?? { family, value: first };
    this.#fixed = new Set([...unusable, this.gateway.value, ...reserved.map(({ value }) => value)]);
    this.#next = range.base;
  }

  /**
   * The next free address after the last one given. moby gives the lowest, but removes the old link before;
   * here the kernel does that in its own time, and until then the link answers for its address.
   */
  allocate(): Ip | undefined {
    const size = sizeOf(this.#range);
    const { base, family } = this.#range;
    const tries = BigInt(this.#taken.size + this.#fixed.size) + 1n;
    for (let step = 0n; step < size && step < tries; step++) {
      const value = base + ((this.#next - base + step) % size);
      if (this.#taken.has(value) || this.#fixed.has(value)) continue;
      this.#taken.add(value);
      this.#next = value + 1n;
      return { family, value };
    }
    return undefined;
  }

  /** A certain address. Throws when it is outside or taken. */
  claim(ip: Ip): Ip {
    if (!contains(this.subnet, ip))
      throw invalidArgument(
        `Invalid address ${formatIp(ip)}: It does not belong to any of this network's subnets`,
      );
    if (this.#taken.has(ip.value) || this.#fixed.has(ip.value))
      throw forbidden('Address already in use');
    this.#taken.add(ip.value);
    return ip;
  }

  /** Neither the network's own address nor its broadcast. */
  isUsable(ip: Ip): boolean {
    const { base, family } = this.subnet;
    return ip.value !== base && !(family === 4 && ip.value === lastOf(this.subnet));
  }

  /** Marks an address of a re-adopted container, which may be marked already. */
  restore(ip: Ip): void {
    this.#taken.add(ip.value);
  }

  release(ip: Ip): void {
    this.#taken.delete(ip.value);
  }
}

export interface DefaultPool {
  readonly base: string;
  readonly size: number;
}

/** Docker's own pools: 172.17–31/16, then 192.168/16 in pieces of /20. */
const DOCKER_POOLS: readonly DefaultPool[] = [
  ...Array.from({ length: 15 }, (_, at) => ({ base: `172.${17 + at}.0.0/16`, size: 16 })),
  { base: '192.168.0.0/16', size: 20 },
];

function* pieces({ base, size }: DefaultPool): Generator<Subnet> {
  const { subnet } = parseCidr(base);
  const bits = subnet.family === 4 ? 32 : 128;
  if (size < subnet.prefix || size > bits)
    throw internal(`invalid default address pool: ${base} in pieces of /${size}`);
  const step = 1n << BigInt(bits - size);
  for (let at = subnet.base; at <= lastOf(subnet); at += step)
    yield { family: subnet.family, base: at, prefix: size };
}

/** Gives out the default pools in turn: a network that follows another does not get its subnet at once. */
export class PoolChooser {
  readonly #pools: readonly DefaultPool[];
  /** Subnets before it come last. */
  #after: Subnet | undefined;

  constructor(configured: readonly DefaultPool[]) {
    this.#pools = configured.length > 0 ? configured : DOCKER_POOLS;
  }

  /** A pool that overlaps nothing in use. Throws notFound when there is none. */
  choose(family: IpFamily, inUse: readonly Subnet[]): Subnet {
    let passed = this.#after === undefined;
    let fallback: Subnet | undefined;
    for (const pool of this.#pools.values().flatMap(pieces)) {
      const isFree = pool.family === family && !inUse.some((used) => overlaps(used, pool));
      if (isFree && passed) return this.#chosen(pool);
      if (isFree) fallback ??= pool;
      const { base, prefix } = this.#after ?? pool;
      passed ||= pool.base === base && pool.prefix === prefix;
    }
    if (fallback) return this.#chosen(fallback);
    throw notFound(
      `could not find an available, non-overlapping IPv${family} address pool among the defaults to assign to the network`,
    );
  }

  #chosen(pool: Subnet): Subnet {
    this.#after = pool;
    return pool;
  }
}
