/** The network `bridge`, as the daemon's options want it (moby daemon/daemon_unix.go initBridgeDriver). */
import { createHash } from 'node:crypto';
import { invalidArgument } from '../../../shared/errors.ts';
import type { WorkerClient } from '../platform/worker-client.ts';
import { BRIDGE_OPTION } from './bridge-options.ts';
import { hostSubnets } from './host-subnets.ts';
import { contains, formatIp, formatSubnet, overlaps, parseCidr, parseIp } from './ip-address.ts';
import { AddressPool, type PoolChooser } from './ipam.ts';
import type { LinkCalls, LinkDescription } from './link-calls.ts';
import type { NetworkConfig } from './network-config.ts';
import type { IpamConfig, NetworkRecord, SubnetRecord } from './network-store.ts';

const USUAL_DATA_ROOT = '/var/lib/windlass';
const USUAL_BRIDGE = 'windlass0';

export interface DefaultBridgeOptions {
  readonly config: NetworkConfig;
  readonly dataRoot: string;
  readonly links: WorkerClient<LinkCalls>;
  readonly chooser: PoolChooser;
  /** Of our bridges. */
  readonly alias: string;
  /** The user's networks, whose subnets are taken. */
  readonly others: readonly NetworkRecord[];
}

/** `base` with bridge, subnets and options of this start; what it had before is kept where it still fits. */
export async function planDefaultBridge(
  base: NetworkRecord,
  options: DefaultBridgeOptions,
): Promise<NetworkRecord> {
  const { config } = options;
  const adopted = config.bridge || undefined;
  const name = adopted ?? (await ownBridgeName(options));
  const subnets =
    adopted === undefined
      ? ownSubnet(base, name, options)
      : adoptedSubnet(adopted, config, await options.links.call('describeLink', adopted));
  const v4 = withConfig(subnets, config);
  const v6 = subnetV6(config);
  return {
    ...base,
    enableIPv6: v6 !== undefined,
    bridge: { name, isOurs: adopted === undefined },
    ipam: {
      driver: 'default',
      options: null,
      config: [v4, ...(v6 ? [v6] : [])].map(wireConfig),
      v4,
      ...(v6 ? { v6 } : {}),
    },
    options: {
      [BRIDGE_OPTION.isDefault]: 'true',
      [BRIDGE_OPTION.icc]: String(config.icc),
      [BRIDGE_OPTION.masquerade]: String(config.ipMasq),
      [BRIDGE_OPTION.defaultIp]: config.defaultIp,
      [BRIDGE_OPTION.name]: name,
      [BRIDGE_OPTION.mtu]: String(config.mtu),
    },
  };
}

/** `windlass0` for the usual data root, unless somebody else has it; other daemons have names of their own. */
async function ownBridgeName({ dataRoot, links, alias }: DefaultBridgeOptions): Promise<string> {
  const own = `wl-${createHash('sha256').update(dataRoot).digest('hex').slice(0, 8)}`;
  if (dataRoot !== USUAL_DATA_ROOT) return own;
  const known = await links.call('describeLink', USUAL_BRIDGE);
  const isFree = !known || known.alias === alias || known.alias === '';
  return isFree ? USUAL_BRIDGE : own;
}

function ownSubnet(
  known: NetworkRecord,
  bridge: string,
  { config, chooser, others }: DefaultBridgeOptions,
): SubnetRecord {
  if (config.bip) {
    const { subnet, ip } = parseCidr(config.bip);
    return { subnet: formatSubnet(subnet), gateway: formatIp(ip) };
  }
  const taken = others.flatMap(({ ipam }) => (ipam.v4 ? [parseCidr(ipam.v4.subnet).subnet] : []));
  const inUse = [...taken, ...hostSubnets(bridge)];
  const kept = known.ipam.v4 && parseCidr(known.ipam.v4.subnet).subnet;
  const isFree = kept && !inUse.some((used) => overlaps(used, kept));
  const subnet = isFree ? kept : chooser.choose(4, inUse);
  return { subnet: formatSubnet(subnet), gateway: formatIp(new AddressPool({ subnet }).gateway) };
}

function adoptedSubnet(
  name: string,
  config: NetworkConfig,
  link: LinkDescription | undefined,
): SubnetRecord {
  if (!link)
    throw invalidArgument(`bridge device with non default name ${name} must be created manually`);
  const all = link.addresses.map((text) => parseCidr(text)).filter(({ ip }) => ip.family === 4);
  const range = config.fixedCidr === undefined ? undefined : parseCidr(config.fixedCidr).subnet;
  const chosen = all.find(({ ip }) => range && contains(range, ip)) ?? all[0];
  if (!chosen)
    throw invalidArgument(
      `bridge device with non default name ${name} must have a valid IP address`,
    );
  return { subnet: formatSubnet(chosen.subnet), gateway: formatIp(chosen.ip) };
}

function withConfig(record: SubnetRecord, config: NetworkConfig): SubnetRecord {
  const { subnet } = parseCidr(record.subnet);
  const range = config.fixedCidr === undefined ? undefined : parseCidr(config.fixedCidr).subnet;
  if (range && !overlaps(range, subnet))
    throw invalidArgument(`--fixed-cidr ${config.fixedCidr} is not part of ${record.subnet}`);
  if (config.defaultGateway !== undefined && !contains(subnet, parseIp(config.defaultGateway)))
    throw invalidArgument('default gateway ip must be part of the network');
  return {
    ...record,
    ...(range ? { range: formatSubnet(range) } : {}),
    ...(config.defaultGateway === undefined
      ? {}
      : { auxiliary: { DefaultGatewayIPv4: config.defaultGateway } }),
  };
}

function subnetV6(config: NetworkConfig): SubnetRecord | undefined {
  if (config.ipv6 && !config.fixedCidrV6)
    throw invalidArgument(
      'IPv6 is enabled for the default bridge, but no subnet is configured. Specify an IPv6 subnet using --fixed-cidr-v6',
    );
  if (!config.ipv6 || !config.fixedCidrV6) return undefined;
  const { subnet } = parseCidr(config.fixedCidrV6);
  return { subnet: formatSubnet(subnet), gateway: formatIp(new AddressPool({ subnet }).gateway) };
}

const wireConfig = (record: SubnetRecord): IpamConfig => ({
  Subnet: record.subnet,
  ...(record.range === undefined ? {} : { IPRange: record.range }),
  Gateway: record.gateway,
  ...(record.auxiliary === undefined ? {} : { AuxiliaryAddresses: record.auxiliary }),
});
