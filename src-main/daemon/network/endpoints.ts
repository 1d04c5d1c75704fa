/** Endpoints: what one container has on one network (moby libnetwork endpoint.go, daemon/container_operations.go). */
import { randomBytes } from 'node:crypto';
import { forbidden, internal, invalidArgument } from '../../../shared/errors.ts';
import { formatIp, type Ip, macFor, parseIp, tryParseIp } from './ip-address.ts';
import type { AddressPool } from './ipam.ts';
import type { EndpointLink } from './link-calls.ts';
import type { EndpointRequest, EndpointSettings, SandboxRequest } from './network-controller.ts';
import { containerGateway } from './network-subnets.ts';
import { isUserDefined, type Network } from './networks.ts';

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
  const { record, pools } = network;
  checkRequest(network, asked);
  if (network.attachments.has(container.containerId))
    throw forbidden(
      `endpoint with name ${container.containerName} already exists in network ${record.name}`,
    );
  const settings = emptySettings(network, container, asked);
  if (pools.v4) {
    const ip = take(network, pools.v4, asked.IPAMConfig?.IPv4Address);
    settings.IPAddress = formatIp(ip);
    settings.IPPrefixLen = pools.v4.subnet.prefix;
    settings.MacAddress = macOf(network, container, asked) ?? macFor(ip);
    settings.Gateway = record.internal ? '' : containerGateway(record.ipam, 'v4');
  }
  if (pools.v6) {
    try {
      settings.GlobalIPv6Address = formatIp(take(network, pools.v6, asked.IPAMConfig?.IPv6Address));
    } catch (error) {
      pools.v4?.release(parseIp(settings.IPAddress));
      throw error;
    }
    settings.GlobalIPv6PrefixLen = pools.v6.subnet.prefix;
    settings.IPv6Gateway = record.internal ? '' : containerGateway(record.ipam, 'v6');
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
  const { v4, v6 } = network.pools;
  if (v4 && settings.IPAddress !== '') yield [v4, settings.IPAddress];
  if (v6 && settings.GlobalIPv6Address !== '') yield [v6, settings.GlobalIPv6Address];
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

function take(network: Network, pool: AddressPool, asked: string | undefined): Ip {
  if (asked) return pool.claim(parseIp(asked));
  const ip = pool.allocate();
  const { name, id } = network.record;
  if (!ip)
    throw internal(
      `no available IPv${pool.subnet.family} addresses on this network's address pools: ${name} (${id})`,
    );
  return ip;
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
