/** Everything that enters a network namespace or talks netlink; synchronous, and moves the calling thread about. */

import { failpoint } from '../platform/failpoint.ts';
import { hasErrno, SyscallError } from '../platform/libc.ts';
import {
  createNamespace,
  dropNamespace,
  inNamespace,
  setNetworkSysctl,
} from '../platform/net-namespace.ts';
import { type LinkInfo, Netlink } from '../platform/netlink.ts';
import { forgetUdpFlows } from '../platform/netlink-conntrack.ts';
import { changeMapElements, countRules, type MapElement } from '../platform/netlink-nftables.ts';
import { bytesOfIp, formatIp, ipOfBytes, parseCidr, parseIp } from './ip-address.ts';
import {
  type BridgeRequest,
  type EndpointLink,
  type LinkCalls,
  type LinkDescription,
  PORT_MAPS,
  type PortRule,
  type VethLink,
  type VlanLink,
} from './link-calls.ts';

/** In the home namespace, for as long as the worker lives. */
const host = new Netlink();
const LOOPBACK = 1;
const EEXIST = 17;
const ENODEV = 19;
/** As Go words them. */
const REASONS = [
  { code: 'EOPNOTSUPP', text: 'operation not supported' },
  { code: 'EBUSY', text: 'device or resource busy' },
  { code: 'EINVAL', text: 'invalid argument' },
] as const;
const PROTOCOL_NUMBER = { tcp: 6, udp: 17, sctp: 132 } as const;

function describe(link: LinkInfo): LinkDescription {
  const addresses = host
    .addresses(link.index)
    .map(({ bytes, prefix }) => `${formatIp(ipOfBytes(bytes))}/${prefix}`);
  return { name: link.name, alias: link.alias, kind: link.kind, addresses };
}

function bridgeUp(request: BridgeRequest): void {
  const { name, alias } = request;
  const known = host.link(name);
  // No alias: we were killed between making and naming it.
  if (known && (known.kind !== 'bridge' || (known.alias !== alias && known.alias !== '')))
    throw new SyscallError('add bridge', EEXIST, name);
  if (!known) {
    host.createBridge(name, request);
    failpoint('network create: link made');
  }
  const index = known?.index ?? host.link(name)?.index ?? 0;
  const wanted = request.addresses.map((text) => parseCidr(text));
  if (known) {
    host.setAlias(index, alias);
    host.setMtu(index, request.mtu);
  }
  if (wanted.some(({ ip }) => ip.family === 6)) {
    setNetworkSysctl(`ipv6/conf/${name}/disable_ipv6`, '0');
    setNetworkSysctl(`ipv6/conf/${name}/accept_ra`, '0');
  }
  if (request.routesLoopback) setNetworkSysctl(`ipv4/conf/${name}/route_localnet`, '1');
  if (known) dropOtherAddresses(index, request.addresses);
  for (const { ip, subnet } of wanted) host.addAddress(index, bytesOfIp(ip), subnet.prefix);
  host.setUp(index);
}

/** The address of our bridge follows the options; link-local ones are the kernel's. */
function dropOtherAddresses(index: number, wanted: readonly string[]): void {
  for (const { bytes, prefix } of host.addresses(index)) {
    const text = `${formatIp(ipOfBytes(bytes))}/${prefix}`;
    if (!wanted.includes(text) && !text.startsWith('fe80:'))
      host.deleteAddress(index, bytes, prefix);
  }
}

/** Runs inside the namespace; `inner` is a socket of it. */
function plugIn(inner: Netlink, namespaceFd: number, link: EndpointLink): void {
  const peerName = freeName(inner, link.namePrefix);
  if (link.kind === 'veth') createVeth(link, peerName, namespaceFd);
  else createVlan(link, peerName, namespaceFd);
  const index = inner.link(peerName)?.index;
  if (index === undefined) throw new Error(`link ${peerName} did not appear`);
  const addresses = link.addresses.map((text) => parseCidr(text));
  if (addresses.some(({ ip }) => ip.family === 6)) {
    setNetworkSysctl('ipv6/conf/lo/disable_ipv6', '0');
    setNetworkSysctl(`ipv6/conf/${peerName}/disable_ipv6`, '0');
  }
  for (const { ip, subnet } of addresses) inner.addAddress(index, bytesOfIp(ip), subnet.prefix);
  inner.setUp(index);
  if (link.kind === 'veth' || !link.isOwnRoute) return;
  for (const { ip } of addresses) inner.setDefaultRouteOn(index, ip.family);
}

function createVlan(link: VlanLink, name: string, namespaceFd: number): void {
  const parent = host.link(link.parent);
  if (!parent)
    throw new Error(
      `error occurred looking up the ${link.kind} parent iface ${link.parent} error: Link not found`,
    );
  try {
    host.createVlan({ ...link, name, parentIndex: parent.index, namespaceFd });
  } catch (error) {
    const known = REASONS.find(({ code }) => hasErrno(error, code));
    if (!known) throw error;
    throw new Error(`failed to create the ${link.kind} port: ${known.text}`, { cause: error });
  }
}

function createVeth(link: VethLink, peerName: string, namespaceFd: number): void {
  const bridge = host.link(link.bridge);
  if (!bridge) throw new Error(`bridge ${link.bridge} does not exist`);
  host.createVeth({
    hostName: link.hostName,
    bridgeIndex: bridge.index,
    peerName,
    peerMac: link.mac,
    namespaceFd,
    mtu: link.mtu,
  });
  if (link.isolated || link.hairpin) {
    const port = host.link(link.hostName);
    if (port) host.setBridgePort(port.index, link);
  }
}

function freeName(inner: Netlink, prefix: string): string {
  const names = new Set(inner.links().map(({ name }) => name));
  let number = 0;
  while (names.has(`${prefix}${number}`)) number++;
  return `${prefix}${number}`;
}

function createSandbox(
  path: string,
  endpoints: readonly EndpointLink[],
  gateways: readonly string[],
): void {
  try {
    createNamespace(path, (namespaceFd) => {
      // Only what asks for IPv6 has it, as in Docker's containers.
      setNetworkSysctl('ipv6/conf/all/disable_ipv6', '1');
      using inner = new Netlink();
      inner.setUp(LOOPBACK);
      for (const link of endpoints) plugIn(inner, namespaceFd, link);
      failpoint('start: namespace made');
      for (const gateway of gateways) inner.setDefaultRoute(bytesOfIp(parseIp(gateway)));
    });
  } catch (error) {
    dropNamespace(path);
    throw error;
  }
}

function addEndpoint(path: string, link: EndpointLink): void {
  inNamespace(path, (namespaceFd) => {
    using inner = new Netlink();
    try {
      plugIn(inner, namespaceFd, link);
      failpoint('connect: link made');
    } catch (error) {
      unplug(inner, link);
      throw error;
    }
  });
}

function removeEndpoint(path: string, link: EndpointLink): void {
  // Its other end goes with it.
  if (link.kind === 'veth') return host.deleteLink(link.hostName);
  inNamespace(path, () => {
    using inner = new Netlink();
    unplug(inner, link);
  });
}

function unplug(inner: Netlink, link: EndpointLink): void {
  if (link.kind === 'veth') return host.deleteLink(link.hostName);
  const own = inner.links().find((found) => isLinkOn(inner, found, link));
  if (own) inner.deleteLink(own.name);
}

const addressesOf = (inner: Netlink, index: number): readonly string[] =>
  inner.addresses(index).map(({ bytes, prefix }) => `${formatIp(ipOfBytes(bytes))}/${prefix}`);

/** A link on a parent is known in its namespace by its addresses. */
const isLinkOn = (inner: Netlink, { index }: LinkInfo, { addresses }: VlanLink): boolean =>
  addressesOf(inner, index).some((address) => addresses.includes(address));

function settleSandbox(
  path: string,
  endpoints: readonly EndpointLink[],
  { gateways, alias }: { gateways: readonly string[]; alias: string },
): readonly string[] {
  const bridges = new Set(
    host.links().flatMap((link) => (link.alias === alias ? [link.index] : [])),
  );
  return inNamespace(path, (namespaceFd) => {
    using inner = new Netlink();
    const strangers = inner
      .links()
      .filter((link) => link.isPeerElsewhere)
      .filter((link) =>
        link.kind === 'veth'
          ? isStrangeVeth(link, endpoints, bridges)
          : ['macvlan', 'ipvlan'].includes(link.kind) && isStrangeVlan(inner, link, endpoints),
      );
    const missing = endpoints.filter((link) => !isPlugged(inner, link));
    const gone = strangers.flatMap(({ index }) => addressesOf(inner, index));
    for (const { name } of strangers) inner.deleteLink(name);
    for (const link of missing) plugIn(inner, namespaceFd, link);
    if (strangers.length + missing.length > 0) routeOut(inner, gateways);
    return gone;
  });
}

/** The pair's other end is a port of a bridge of ours, and no endpoint's. */
function isStrangeVeth(
  { index, peerIndex }: LinkInfo,
  endpoints: readonly EndpointLink[],
  bridges: ReadonlySet<number>,
): boolean {
  const port = host.links().find((link) => link.index === peerIndex);
  if (port?.peerIndex !== index || !bridges.has(port.masterIndex)) return false;
  return !endpoints.some((link) => link.kind === 'veth' && link.hostName === port.name);
}

const isStrangeVlan = (
  inner: Netlink,
  found: LinkInfo,
  endpoints: readonly EndpointLink[],
): boolean => !endpoints.some((link) => link.kind !== 'veth' && isLinkOn(inner, found, link));

const isPlugged = (inner: Netlink, link: EndpointLink): boolean =>
  link.kind === 'veth'
    ? host.link(link.hostName) !== undefined
    : inner.links().some((found) => isLinkOn(inner, found, link));

function createParent(name: string, alias: string, vlan?: { parent: string; id: number }): void {
  const parent = vlan && host.link(vlan.parent);
  if (vlan && !parent) throw new SyscallError('find link', ENODEV, vlan.parent);
  host.createParent(name, vlan && parent && { parentIndex: parent.index, id: vlan.id });
  const index = host.link(name)?.index ?? 0;
  host.setAlias(index, alias);
  host.setUp(index);
}

function setGateways(path: string, gateways: readonly string[]): void {
  inNamespace(path, () => {
    using inner = new Netlink();
    routeOut(inner, gateways);
  });
}

function routeOut(inner: Netlink, gateways: readonly string[]): void {
  const wanted = gateways.map((text) => parseIp(text));
  for (const family of [4, 6] as const) {
    const gateway = wanted.find((ip) => ip.family === family);
    if (gateway) inner.setDefaultRoute(bytesOfIp(gateway));
    else inner.deleteDefaultRoute(family);
  }
}

function mapElement(rule: PortRule): MapElement {
  const port = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
  const isAny = rule.hostIp === '0.0.0.0';
  const key = [Buffer.from([PROTOCOL_NUMBER[rule.protocol]]), port(rule.hostPort)];
  return {
    map: isAny ? PORT_MAPS.everyAddress : PORT_MAPS.oneAddress,
    key: isAny ? key : [bytesOfIp(parseIp(rule.hostIp)), ...key],
    value: [bytesOfIp(parseIp(rule.containerIp)), port(rule.containerPort)],
  };
}

export const linkOperations: LinkCalls = {
  describeLink: (name) => {
    const link = host.link(name);
    return link && describe(link);
  },
  linksOf: (alias) =>
    host
      .links()
      .filter((link) => link.alias === alias)
      .map(({ name }) => name),
  bridgeUp,
  deleteLink: (name) => host.deleteLink(name),
  createSandbox,
  addEndpoint,
  removeEndpoint,
  settleSandbox,
  createParent,
  setGateways,
  dropSandbox: dropNamespace,
  changePorts: (table, { add, remove }) =>
    changeMapElements(table, { add: add.map(mapElement), remove: remove.map(mapElement) }),
  countRules,
  forgetUdpFlows: (hostPorts) => forgetUdpFlows(new Set(hostPorts)),
};
