/** Names of containers on user networks, and how a container sees them (moby libnetwork sandbox.go ResolveName). */
import { formatIp, type IpFamily, ipOfBytes, tryParseIp } from './ip-address.ts';

/** A container on a network. */
export interface NamedEndpoint {
  readonly id: string;
  /** The container's own name first, then its aliases. */
  readonly names: readonly string[];
  /** At most one a family. */
  readonly addresses: readonly string[];
}

/** A network as one container has it. */
export interface VisibleNetwork {
  readonly id: string;
  readonly name: string;
  /** `--link`: alias → name of the other container. */
  readonly links: Readonly<Record<string, string>>;
}

export class NameTable {
  readonly #networks = new Map<string, Map<string, NamedEndpoint>>();
  /** `network name` → ids of the endpoints that have it. */
  readonly #byName = new Map<string, Set<string>>();

  set(networkId: string, endpoint: NamedEndpoint): void {
    this.remove(networkId, endpoint.id);
    const endpoints = this.#networks.get(networkId) ?? new Map<string, NamedEndpoint>();
    this.#networks.set(networkId, endpoints.set(endpoint.id, endpoint));
    for (const key of keysOf(networkId, endpoint))
      this.#byName.set(key, (this.#byName.get(key) ?? new Set()).add(endpoint.id));
  }

  remove(networkId: string, endpointId: string): void {
    const endpoints = this.#networks.get(networkId);
    const endpoint = endpoints?.get(endpointId);
    if (!endpoints || !endpoint) return;
    endpoints.delete(endpointId);
    if (endpoints.size === 0) this.#networks.delete(networkId);
    for (const key of keysOf(networkId, endpoint)) {
      const ids = this.#byName.get(key);
      ids?.delete(endpointId);
      if (ids?.size === 0) this.#byName.delete(key);
    }
  }

  /** Addresses of every container with that name; undefined when there is none. */
  addressesOf(networkId: string, name: string): readonly string[] | undefined {
    const ids = this.#byName.get(keyOf(networkId, name));
    const endpoints = this.#networks.get(networkId);
    return ids && [...ids].flatMap((id) => endpoints?.get(id)?.addresses ?? []);
  }

  /** The container's name; undefined when nobody has the address. */
  nameOf(networkId: string, address: string): string | undefined {
    const endpoints = this.#networks.get(networkId)?.values() ?? [];
    for (const endpoint of endpoints)
      if (endpoint.addresses.includes(address)) return endpoint.names[0];
    return undefined;
  }
}

const keyOf = (networkId: string, name: string): string => `${networkId} ${name.toLowerCase()}`;
const keysOf = (networkId: string, endpoint: NamedEndpoint): readonly string[] =>
  endpoint.names.map((name) => keyOf(networkId, name));

/**
 * Addresses of a name as a container with these networks sees it. `a.b.c` is looked for as such, then as
 * `a.b` on network `c`, then as `a` on network `b.c`. Undefined: not a name of ours; []: it has no address
 * of the family.
 */
export function resolveName(
  table: NameTable,
  networks: readonly VisibleNetwork[],
  question: { readonly name: string; readonly family: IpFamily },
): readonly string[] | undefined {
  for (const { name, network } of readings(question.name)) {
    const seen = networks.filter((one) => network === '' || one.name.toLowerCase() === network);
    for (const isLinked of [true, false]) {
      const found = seen.flatMap((one) => {
        const target = one.links[name];
        if ((target !== undefined) !== isLinked) return [];
        const addresses = table.addressesOf(one.id, target ?? name);
        return addresses ? [addresses] : [];
      });
      const [first] = found;
      if (!first) continue;
      const ofFamily = found.map((addresses) =>
        addresses.filter((text) => tryParseIp(text)?.family === question.family),
      );
      return ofFamily.find((addresses) => addresses.length > 0) ?? [];
    }
  }
  return undefined;
}

function* readings(name: string): Generator<{ name: string; network: string }> {
  const lower = name.toLowerCase();
  yield { name: lower, network: '' };
  for (let dot = lower.lastIndexOf('.'); dot > 0; dot = lower.lastIndexOf('.', dot - 1))
    yield { name: lower.slice(0, dot), network: lower.slice(dot + 1) };
}

/** `4.3.2.1.in-addr.arpa` → `name.network` of the container with 1.2.3.4; undefined when it is not ours. */
export function resolvePointer(
  table: NameTable,
  networks: readonly VisibleNetwork[],
  name: string,
): string | undefined {
  const address = pointerAddress(name.toLowerCase());
  if (address === undefined) return undefined;
  for (const network of networks) {
    const found = table.nameOf(network.id, address);
    if (found !== undefined) return `${found}.${network.name}`;
  }
  return undefined;
}

const POINTER_ZONE = { v4: '.in-addr.arpa', v6: '.ip6.arpa' } as const;

function pointerAddress(name: string): string | undefined {
  if (name.endsWith(POINTER_ZONE.v4))
    return name.slice(0, -POINTER_ZONE.v4.length).split('.').reverse().join('.');
  if (!name.endsWith(POINTER_ZONE.v6)) return undefined;
  const digits = name.slice(0, -POINTER_ZONE.v6.length).split('.').reverse().join('');
  if (!/^[0-9a-f]{32}$/.test(digits)) return undefined;
  return formatIp(ipOfBytes(Buffer.from(digits, 'hex')));
}
