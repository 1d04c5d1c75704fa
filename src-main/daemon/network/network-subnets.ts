/** The address pools of a new network, from what was asked (moby libnetwork network.go ipamAllocate). */
import {
  forbidden,
  internal,
  invalidArgument,
  isEngineError,
  notFound,
} from '../../../shared/errors.ts';
import {
  contains,
  formatIp,
  formatSubnet,
  type Ip,
  type IpFamily,
  overlaps,
  parseCidr,
  parseIp,
  type Subnet,
  tryParseIp,
} from './ip-address.ts';
import { AddressPool, type PoolChooser } from './ipam.ts';
import type { NetworkCreateRequest } from './network-controller.ts';
import type { IpamConfig, NetworkRecord, SubnetRecord } from './network-store.ts';

export interface SubnetSurroundings {
  readonly chooser: PoolChooser;
  /** Subnets of the other networks. */
  readonly networks: readonly Subnet[];
  /** Where the host has routes; only a subnet that nobody asked for avoids them. */
  readonly host: readonly Subnet[];
  /** Of the new network, for what it is told. */
  readonly name: string;
  /** Several subnets of a family. */
  readonly takesSeveral: boolean;
}

/** Throws Docker's errors for what is malformed, taken, or more than a bridge can carry. */
export function planSubnets(
  asked: NetworkCreateRequest['IPAM'],
  enableIPv6: boolean,
  around: SubnetSurroundings,
): NetworkRecord['ipam'] {
  const config = (asked?.Config ?? []).map(checkedConfig);
  const familyOf = (one: IpamConfig): IpFamily => parseCidr(one.Subnet ?? '').ip.family;
  const of = (family: IpFamily): readonly IpamConfig[] =>
    config.filter((one) => familyOf(one) === family);
  const driver = asked?.Driver || 'default';
  if (driver !== 'default') throw notFound(`plugin "${driver}" not found`);
  const taken: Subnet[] = [];
  const plan = (family: IpFamily, one: IpamConfig | undefined): SubnetRecord => {
    const networks = [...around.networks, ...taken];
    const record = planSubnet(family, one, { ...around, networks });
    taken.push(parseCidr(record.subnet).subnet);
    return record;
  };
  const [first4, ...more4] = of(4);
  const [first6, ...more6] = of(6);
  const v4 = plan(4, first4);
  const others4 = more4.map((one) => plan(4, one));
  const v6 = enableIPv6 ? plan(6, first6) : undefined;
  const others6 = enableIPv6 ? more6.map((one) => plan(6, one)) : [];
  const more = [...others4, ...others6];
  if (more.length > 0 && !around.takesSeveral)
    throw forbidden("bridge driver doesn't support multiple subnets");
  return {
    driver,
    options: asked?.Options ? { ...asked.Options } : null,
    config,
    v4,
    ...(v6 ? { v6 } : {}),
    ...(more.length > 0 ? { more } : {}),
  };
}

/** A network that is only options: its subnets are checked and kept, none is taken. */
export function planConfigOnly(asked: NetworkCreateRequest['IPAM']): NetworkRecord['ipam'] {
  return {
    driver: asked?.Driver || 'default',
    options: asked?.Options ? { ...asked.Options } : null,
    config: (asked?.Config ?? []).map(checkedConfig),
  };
}

function checkedConfig(raw: Readonly<Record<string, unknown>>): IpamConfig {
  const text = (key: string): string => {
    const value = raw[key] ?? '';
    if (typeof value !== 'string') throw invalidArgument(`invalid IPAM config: ${key}`);
    return value;
  };
  const subnet = text('Subnet');
  try {
    parseCidr(subnet);
  } catch (error) {
    if (!isEngineError(error)) throw error;
    throw internal(`Invalid subnet ${subnet} : ${error.message}`);
  }
  const gateway = text('Gateway');
  if (gateway !== '' && !tryParseIp(gateway))
    throw internal(`invalid gateway address ${gateway} in Ipam configuration`);
  const auxiliary = Object.entries(raw['AuxiliaryAddresses'] ?? {}).map(
    ([name, ip]) => [name, String(ip)] as const,
  );
  return {
    Subnet: subnet,
    ...(text('IPRange') === '' ? {} : { IPRange: text('IPRange') }),
    ...(text('Gateway') === '' ? {} : { Gateway: text('Gateway') }),
    ...(auxiliary.length > 0 ? { AuxiliaryAddresses: Object.fromEntries(auxiliary) } : {}),
  };
}

function planSubnet(
  family: IpFamily,
  asked: IpamConfig | undefined,
  around: SubnetSurroundings,
): SubnetRecord {
  const { chooser, networks, host } = around;
  const subnet = asked
    ? parseCidr(asked.Subnet ?? '').subnet
    : chooser.choose(family, [...networks, ...host]);
  const range = asked?.IPRange === undefined ? undefined : checkedRange(asked.IPRange, subnet);
  if (networks.some((used) => overlaps(used, subnet)))
    throw forbidden('Pool overlaps with other one on this address space');
  const gateway = asked?.Gateway === undefined ? undefined : checkedGateway(asked.Gateway, subnet);
  const record = {
    subnet: formatSubnet(subnet),
    ...(range ? { range: formatSubnet(range) } : {}),
    ...(asked?.AuxiliaryAddresses ? { auxiliary: asked.AuxiliaryAddresses } : {}),
  };
  const usedGateway = gateway ?? new AddressPool({ subnet, range }).gateway;
  checkAuxiliary(record.auxiliary, { subnet, gateway: usedGateway, name: around.name });
  return { ...record, gateway: formatIp(usedGateway) };
}

function checkedRange(text: string, subnet: Subnet): Subnet {
  const refuse = (): never => {
    throw internal(
      `failed to parse pool request for address space "LocalDefault" pool "${formatSubnet(subnet)}" subpool "${text}": Invalid Address SubPool`,
    );
  };
  try {
    const range = parseCidr(text).subnet;
    const isInside = overlaps(range, subnet) && range.prefix >= subnet.prefix;
    return isInside ? range : refuse();
  } catch (error) {
    if (isEngineError(error, 'invalidArgument')) return refuse();
    throw error;
  }
}

function checkedGateway(text: string, subnet: Subnet): Ip {
  const gateway = parseIp(text);
  if (!contains(subnet, gateway))
    throw internal(`failed to allocate gateway (${text}): Requested address is out of range`);
  const isUsable = new AddressPool({ subnet, gateway }).isUsable(gateway);
  if (!isUsable) throw internal(`failed to allocate gateway (${text}): Address already in use`);
  return gateway;
}

function checkAuxiliary(
  auxiliary: Readonly<Record<string, string>> = {},
  { subnet, gateway, name: network }: { subnet: Subnet; gateway: Ip; name: string },
): void {
  for (const [name, text] of Object.entries(auxiliary)) {
    const ip = tryParseIp(text);
    if (!ip)
      throw internal(
        `non parsable secondary ip address (${name}:${text}) passed for network ${network}`,
      );
    if (!contains(subnet, ip))
      throw forbidden(
        `auxiliary address: (${name}:${text}) must belong to the master pool: ${formatSubnet(subnet)}`,
      );
    if (ip.value === gateway.value)
      throw internal(
        `failed to allocate secondary ip address (${name}:${text}): Address already in use`,
      );
  }
}

/** All subnets of a network, in the order their addresses are given out. */
export const subnetRecords = ({ v4, v6, more = [] }: NetworkRecord['ipam']): SubnetRecord[] => [
  ...(v4 ? [v4] : []),
  ...(v6 ? [v6] : []),
  ...more,
];

/** The live pool of a recorded subnet. */
export function poolOf(record: SubnetRecord): AddressPool {
  return new AddressPool({
    subnet: parseCidr(record.subnet).subnet,
    gateway: parseIp(record.gateway),
    range: record.range === undefined ? undefined : parseCidr(record.range).subnet,
    reserved: Object.values(record.auxiliary ?? {}).map(parseIp),
  });
}

const DEFAULT_GATEWAY = { v4: 'DefaultGatewayIPv4', v6: 'DefaultGatewayIPv6' } as const;

/** Where containers send what is for elsewhere: the bridge, or the auxiliary address of that name. */
export function containerGateway(record: SubnetRecord): string {
  const family = record.subnet.includes(':') ? 'v6' : 'v4';
  return record.auxiliary?.[DEFAULT_GATEWAY[family]] ?? record.gateway;
}
