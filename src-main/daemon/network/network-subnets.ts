/** The address pools of a new network, from what was asked (moby libnetwork network.go ipamAllocate). */
import { forbidden, internal, invalidArgument, isEngineError } from '../../../shared/errors.ts';
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
  if (of(4).length > 1 || of(6).length > 1)
    throw forbidden("bridge driver doesn't support multiple subnets");
  const v4 = planSubnet(4, of(4)[0], around);
  const v6 = enableIPv6 ? planSubnet(6, of(6)[0], around) : undefined;
  return {
    driver: asked?.Driver || 'default',
    options: asked?.Options ? { ...asked.Options } : null,
    config,
    v4,
    ...(v6 ? { v6 } : {}),
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
    throw invalidArgument(`Invalid subnet ${subnet} : ${error.message}`);
  }
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
  if (networks.some((used) => overlaps(used, subnet)))
    throw forbidden('Pool overlaps with other one on this address space');
  const range = asked?.IPRange === undefined ? undefined : checkedRange(asked.IPRange, subnet);
  const record = {
    subnet: formatSubnet(subnet),
    ...(range ? { range: formatSubnet(range) } : {}),
    ...(asked?.AuxiliaryAddresses ? { auxiliary: asked.AuxiliaryAddresses } : {}),
  };
  checkAuxiliary(record.auxiliary, subnet);
  const gateway = asked?.Gateway === undefined ? undefined : checkedGateway(asked.Gateway, subnet);
  return { ...record, gateway: formatIp(gateway ?? new AddressPool({ subnet, range }).gateway) };
}

function checkedRange(text: string, subnet: Subnet): Subnet {
  const refuse = (): never => {
    throw invalidArgument(
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
  const gateway = tryParseIp(text);
  if (!gateway) throw invalidArgument(`invalid gateway address ${text} in Ipam config`);
  if (!contains(subnet, gateway))
    throw internal(`failed to allocate gateway (${text}): Requested address is out of range`);
  const isUsable = new AddressPool({ subnet, gateway }).isUsable(gateway);
  if (!isUsable) throw internal(`failed to allocate gateway (${text}): Address already in use`);
  return gateway;
}

function checkAuxiliary(auxiliary: Readonly<Record<string, string>> = {}, subnet: Subnet): void {
  for (const [name, text] of Object.entries(auxiliary)) {
    const ip = tryParseIp(text);
    if (!ip)
      throw invalidArgument(
        `non parsable secondary ip address (${name}:${text}) passed for network`,
      );
    if (!contains(subnet, ip))
      throw forbidden(
        `auxiliary address: (${name}:${text}) must belong to the master pool: ${formatSubnet(subnet)}`,
      );
  }
}

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
export function containerGateway(ipam: NetworkRecord['ipam'], family: 'v4' | 'v6'): string {
  const record = ipam[family];
  return record?.auxiliary?.[DEFAULT_GATEWAY[family]] ?? record?.gateway ?? '';
}
