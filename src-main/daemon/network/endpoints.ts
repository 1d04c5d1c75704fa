/** Endpoints: what one container has on one network (moby libnetwork endpoint.go, daemon/container_operations.go). */
import { randomBytes } from 'node:crypto';
import { forbidden, internal, invalidArgument } from '../../../shared/errors.ts';
import {
  contains,
  formatIp,
  type Ip,
  type IpFamily,
  macFor,
  parseIp,
  tryParseIp,
} from './ip-address.ts';
import type { AddressPool } from './ipam.ts';
import type { EndpointLink } from './link-calls.ts';
import type { EndpointRequest, EndpointSettings, SandboxRequest } from './network-controller.ts';
import { isUserDefined, type Network, type NetworkPool } from './networks.ts';

export interface Endpoint {
  readonly network: Network;
  readonly settings: EndpointSettings;
}

const SHORT_ID_LENGTH = 12;
const MAC = /^([0-9a-f]{2}:){5}[0-9a-f]{2}$/i;

/** Takes addresses on a network for a container. Throws when that cannot be; then nothing is taken. */
export function attach(
  network: Network,
  container: SandboxRequest,
  asked: EndpointRequest,
): Endpoint {
  const { record } = network;
  if (record.configOnly) throw forbidden('cannot create endpoint on configuration-only network');
  checkRequest(network, asked);
  if (network.attachments.has(container.containerId))
    throw forbidden(
      `endpoint with name ${container.containerName} already exists in network ${record.name}`,
    );
  const settings = emptySettings(network, container, asked);
  const leadsOut = !record.internal && network.driver.hasGateway(record);
  const v4 = take(network, 4, asked.IPAMConfig?.IPv4Address);
  if (v4) {
    settings.IPAddress = formatIp(v4.ip);
    settings.IPPrefixLen = v4.pool.subnet.prefix;
    settings.MacAddress = macOf(network, container, asked) ?? macFor(v4.ip);
    settings.Gateway = leadsOut ? v4.gateway : '';
  }
  try {
    const v6 = take(network, 6, asked.IPAMConfig?.IPv6Address);
    if (v6) {
      settings.GlobalIPv6Address = formatIp(v6.ip);
      settings.GlobalIPv6PrefixLen = v6.pool.subnet.prefix;
      settings.IPv6Gateway = leadsOut ? v6.gateway : '';
    }
  } catch (error) {
    if (v4) v4.pool.release(v4.ip);
    throw error;
  }
  return register({ network, settings }, container);
}

/** Takes over an endpoint that outlived the daemon. */
export function reattach(
  network: Network,
  container: SandboxRequest,
  settings: EndpointSettings,
): Endpoint {
  for (const [pool, text] of addressesOf({ network, settings })) pool.restore(parseIp(text));
  return register({ network, settings }, container);
}

function register(endpoint: Endpoint, container: SandboxRequest): Endpoint {
  const { containerId, containerName } = container;
  const { network, settings } = endpoint;
  network.attachments.set(containerId, { containerId, containerName, settings });
  return endpoint;
}

/** Gives the addresses back. */
export function detach(endpoint: Endpoint, containerId: string): void {
  endpoint.network.attachments.delete(containerId);
  for (const [pool, text] of addressesOf(endpoint)) pool.release(parseIp(text));
}

function* addressesOf({ network, settings }: Endpoint): Generator<readonly [AddressPool, string]> {
  for (const text of [settings.IPAddress, settings.GlobalIPv6Address]) {
    const ip = tryParseIp(text);
    const found = ip && network.pools.find(({ pool }) => contains(pool.subnet, ip));
    if (found) yield [found.pool, text];
  }
}

/** How it is plugged in; undefined for networks without links. */
export function linkOf({ network, settings }: Endpoint): EndpointLink | undefined {
  const { IPAddress, IPPrefixLen, GlobalIPv6Address, GlobalIPv6PrefixLen } = settings;
  return network.driver.link(network.record, {
    id: settings.EndpointID,
    mac: settings.MacAddress,
    addresses: [
      ...(IPAddress === '' ? [] : [`${IPAddress}/${IPPrefixLen}`]),
      ...(GlobalIPv6Address === '' ? [] : [`${GlobalIPv6Address}/${GlobalIPv6PrefixLen}`]),
    ],
  });
}

/** User networks only resolve names: container name, aliases, short id. */
export const namesOf = ({ settings }: Endpoint, containerName: string): readonly string[] => [
  ...new Set([containerName, ...(settings.Aliases ?? [])]),
];

/** The endpoint that leads out: with both families before one, then by the network's name. */
export function gatewayEndpoint(endpoints: Iterable<Endpoint>): Endpoint | undefined {
  const rank = ({ settings }: Endpoint): number =>
    (settings.Gateway === '' ? 0 : 1) + (settings.IPv6Gateway === '' ? 0 : 2);
  return [...endpoints]
    .filter((endpoint) => rank(endpoint) > 0)
    .sort(
      (a, b) => rank(b) - rank(a) || (a.network.record.name < b.network.record.name ? -1 : 1),
    )[0];
}

export const gatewaysOf = (endpoint: Endpoint | undefined): readonly string[] =>
  [endpoint?.settings.Gateway, endpoint?.settings.IPv6Gateway].flatMap((text) => text || []);

/** Undefined: the network has no subnet of the family. */
function take(
  network: Network,
  family: IpFamily,
  asked: string | undefined,
): (NetworkPool & { readonly ip: Ip }) | undefined {
  const pools = network.pools.filter(({ pool }) => pool.subnet.family === family);
  const [first] = pools;
  if (!first) return undefined;
  if (asked) {
    const wanted = parseIp(asked);
    const own = pools.find(({ pool }) => contains(pool.subnet, wanted)) ?? first;
    return { ...own, ip: own.pool.claim(wanted) };
  }
  for (const one of pools) {
    const ip = one.pool.allocate();
    if (ip) return { ...one, ip };
  }
  const { name, id } = network.record;
  throw internal(
    `no available IPv${family} addresses on this network's address pools: ${name} (${id})`,
  );
}

/** A MAC of Config belongs to the network the container was created on. */
function macOf(
  { record }: Network,
  container: SandboxRequest,
  asked: EndpointRequest,
): string | undefined {
  const isOwn = [record.name, record.id].includes(container.networkMode);
  const mac = asked.MacAddress || (isOwn ? container.macAddress : undefined);
  if (mac && !MAC.test(mac)) throw invalidArgument(`address ${mac}: invalid MAC address`);
  return mac || undefined;
}

function checkRequest(network: Network, asked: EndpointRequest): void {
  const { IPv4Address = '', IPv6Address = '' } = asked.IPAMConfig ?? {};
  if (IPv4Address !== '' && tryParseIp(IPv4Address)?.family !== 4)
    throw invalidArgument(`Invalid IPv4 address: ${IPv4Address})`);
  if (IPv6Address !== '' && tryParseIp(IPv6Address)?.family !== 6)
    throw invalidArgument(`Invalid IPv6 address: ${IPv6Address})`);
  const hasAddress = IPv4Address !== '' || IPv6Address !== '';
  if (!isUserDefined(network)) {
    if (hasAddress)
      throw invalidArgument('user specified IP address is supported on user defined networks only');
    if ((asked.Aliases ?? []).length > 0)
      throw invalidArgument(
        'network-scoped alias is supported only for containers in user defined networks',
      );
  }
  const subnets = network.record.ipam.config.map(({ Subnet = '' }) => Subnet);
  const lacks = (text: string, isV6: boolean): boolean =>
    text !== '' && !subnets.some((subnet) => subnet.includes(':') === isV6);
  if (lacks(IPv4Address, false) || lacks(IPv6Address, true))
    throw invalidArgument(
      'user specified IP address is supported only when connecting to networks with user configured subnets',
    );
}

function emptySettings(
  network: Network,
  container: SandboxRequest,
  asked: EndpointRequest,
): EndpointSettings {
  const { containerId, containerName, hostname } = container;
  const own = [
    containerId.slice(0, SHORT_ID_LENGTH),
    ...(hostname === containerName ? [] : [hostname]),
  ];
  const aliases = isUserDefined(network)
    ? [...new Set([...(asked.Aliases ?? []), ...own])].filter(Boolean)
    : (asked.Aliases ?? null);
  return {
    IPAMConfig: asked.IPAMConfig ?? null,
    Links: asked.Links ?? null,
    Aliases: aliases,
    NetworkID: network.record.id,
    EndpointID: randomBytes(32).toString('hex'),
    Gateway: '',
    IPAddress: '',
    IPPrefixLen: 0,
    IPv6Gateway: '',
    GlobalIPv6Address: '',
    GlobalIPv6PrefixLen: 0,
    MacAddress: '',
    DriverOpts: asked.DriverOpts ?? null,
  };
}
