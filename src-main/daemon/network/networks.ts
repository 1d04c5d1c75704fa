/** The networks of the daemon: the three that are always there, and the user's. */
import { createHash } from 'node:crypto';
import { networkInterfaces } from 'node:os';
import { conflict, forbidden, invalidArgument, notFound } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import type { Firewall } from './firewall.ts';
import {
  formatIp,
  formatSubnet,
  macFor,
  overlaps,
  parseCidr,
  parseIp,
  type Subnet,
} from './ip-address.ts';
import { AddressPool, choosePool } from './ipam.ts';
import type { LinkClient } from './link-client.ts';
import type { NetworkCreateRequest } from './network-controller.ts';
import { type NetworkRecord, NetworkStore, newNetworkId } from './network-store.ts';

/** The daemon's network options (dockerd's names). */
export interface NetworkConfig {
  /** `--bridge`: an existing bridge, or `none`. */
  readonly bridge?: string;
  /** `--bip`: address of our own bridge. */
  readonly bip?: string;
  readonly fixedCidr?: string;
  readonly defaultGateway?: string;
  readonly mtu: number;
  readonly icc: boolean;
  readonly iptables: boolean;
  readonly ipForward: boolean;
  readonly ipMasq: boolean;
  readonly defaultAddressPools: readonly { readonly base: string; readonly size: number }[];
  readonly defaultIp: string;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** What `host-gateway` stands for; undefined = the bridge's gateway. */
  readonly hostGatewayIp?: string;
}

export interface Network {
  readonly record: NetworkRecord;
  /** Bridge networks only. */
  readonly pool?: AddressPool;
}

export interface NetworksOptions {
  readonly dataRoot: string;
  readonly config: NetworkConfig;
  readonly links: LinkClient;
  readonly firewall: Firewall;
  readonly log: Log;
}

/** Subnets this machine has addresses in. */
function hostSubnets(exceptInterface: string): Subnet[] {
  return Object.entries(networkInterfaces())
    .filter(([name]) => name !== exceptInterface)
    .flatMap(([, addresses]) => addresses ?? [])
    .filter(({ family, cidr }) => family === 'IPv4' && cidr !== null)
    .map(({ cidr }) => parseCidr(cidr ?? '').subnet);
}

export class Networks {
  readonly #options: NetworksOptions;
  readonly #store: NetworkStore;
  readonly #byId = new Map<string, Network>();

  private constructor(options: NetworksOptions, store: NetworkStore) {
    this.#options = options;
    this.#store = store;
  }

  /** Loads what there is, makes what must be, sets up bridges and their rules. */
  static async open(options: NetworksOptions): Promise<Networks> {
    const networks = new Networks(options, await NetworkStore.open(options.dataRoot, options.log));
    const records = await networks.#store.load();
    const builtin = (name: string): NetworkRecord | undefined =>
      records.find((one) => one.name === name);
    await networks.#ensure(builtin('none') ?? plain('none', 'null'));
    await networks.#ensure(builtin('host') ?? plain('host', 'host'));
    if (options.config.bridge !== 'none')
      await networks.#ensure(networks.#defaultBridge(builtin('bridge')));
    for (const record of records.filter(({ name }) => !isPredefined(name)))
      await networks.#bringUp(record);
    return networks;
  }

  all(): readonly Network[] {
    return [...this.#byId.values()];
  }

  /** By name, id or unique id prefix. Throws `network X not found`. */
  find(nameOrId: string): Network {
    const wanted = nameOrId === 'default' ? 'bridge' : nameOrId;
    const found = this.#byId.get(wanted) ?? this.all().find(({ record }) => record.name === wanted);
    if (found) return found;
    const matches =
      wanted === '' ? [] : this.all().filter(({ record }) => record.id.startsWith(wanted));
    const [only] = matches;
    if (matches.length > 1)
      throw invalidArgument(
        `network ${nameOrId} is ambiguous (${matches.length} matches found based on ID prefix)`,
      );
    if (!only) throw notFound(`network ${nameOrId} not found`);
    return only;
  }

  /** The default bridge's name and address follow the options of each start. */
  #defaultBridge(known: NetworkRecord | undefined): NetworkRecord {
    const { config, dataRoot } = this.#options;
    const adopted = config.bridge === undefined || config.bridge === '' ? undefined : config.bridge;
    const bridge = adopted ?? ownBridgeName(dataRoot, config.bip);
    const { subnet, gateway } =
      adopted === undefined ? this.#ownSubnet(known, bridge) : adoptedSubnet(adopted);
    return {
      ...(known ?? plain('bridge', 'bridge')),
      bridge,
      subnet: formatSubnet(subnet),
      gateway: config.defaultGateway ?? formatIp(gateway),
      ...(config.fixedCidr === undefined ? {} : { ipRange: config.fixedCidr }),
      ownsBridge: adopted === undefined,
      options: {
        'com.docker.network.bridge.default_bridge': 'true',
        'com.docker.network.bridge.enable_icc': String(config.icc),
        'com.docker.network.bridge.enable_ip_masquerade': String(config.ipMasq),
        'com.docker.network.bridge.host_binding_ipv4': config.defaultIp,
        'com.docker.network.bridge.name': bridge,
        'com.docker.network.driver.mtu': String(config.mtu),
      },
    };
  }

  #ownSubnet(
    known: NetworkRecord | undefined,
    bridge: string,
  ): { subnet: Subnet; gateway: number } {
    const { bip, defaultAddressPools } = this.#options.config;
    if (bip !== undefined && bip !== '') {
      const { subnet, ip } = parseCidr(bip);
      return { subnet, gateway: ip };
    }
    const inUse = hostSubnets(bridge);
    const kept = known?.subnet === undefined ? undefined : parseCidr(known.subnet).subnet;
    const isFree = kept && !inUse.some((used) => overlaps(used, kept));
    const subnet = isFree ? kept : choosePool(inUse, defaultAddressPools);
    return { subnet, gateway: subnet.base + 1 };
  }

  async #ensure(record: NetworkRecord): Promise<void> {
    await this.#bringUp(record);
    await this.#store.save(record);
  }

  async #bringUp(record: NetworkRecord): Promise<Network> {
    const network: Network =
      record.driver === 'bridge' ? { record, pool: poolOf(record) } : { record };
    if (record.driver === 'bridge') await this.#bringUpBridge(record);
    this.#byId.set(record.id, network);
    return network;
  }

  async #bringUpBridge(record: NetworkRecord): Promise<void> {
    const { config, links, firewall, dataRoot } = this.#options;
    const { bridge = '', subnet = '', gateway = '' } = record;
    const { subnet: parsed } = parseCidr(subnet);
    if (record.ownsBridge)
      await links.run({
        kind: 'ensureBridge',
        name: bridge,
        mac: macFor(parseIp(gateway)),
        mtu: Number(record.options['com.docker.network.driver.mtu'] ?? config.mtu),
        alias: `windlass ${dataRoot}`,
        address: record.internal ? gateway : gateway,
        prefix: parsed.prefix,
      });
    const option = (name: string, fallback: boolean): boolean =>
      (record.options[`com.docker.network.bridge.${name}`] ?? String(fallback)) === 'true';
    await firewall.addBridge({
      bridge,
      subnet,
      masquerade: option('enable_ip_masquerade', true),
      icc: option('enable_icc', true),
      internal: record.internal,
    });
  }

  async create(request: NetworkCreateRequest): Promise<NetworkRecord> {
    const { Name: name, Driver: driver = 'bridge' } = request;
    if (name === '') throw invalidArgument('invalid name: name is empty');
    if (isPredefined(name) || name === 'default')
      throw forbidden(`operation is not permitted on predefined ${name} network `);
    if (this.all().some(({ record }) => record.name === name))
      throw conflict(`network with name ${name} already exists`);
    if (driver === 'host' || driver === 'null')
      throw forbidden(`only one instance of "${driver}" network is allowed`);
    if (driver !== 'bridge' && driver !== '') throw notFound(`plugin "${driver}" not found`);
    const record = this.#newBridge(request);
    await this.#bringUp(record);
    await this.#store.save(record);
    return record;
  }

  #newBridge(request: NetworkCreateRequest): NetworkRecord {
    const id = newNetworkId();
    const asked = request.IPAM?.Config?.[0] ?? {};
    const text = (key: string): string | undefined => {
      const value = asked[key];
      return typeof value === 'string' && value !== '' ? value : undefined;
    };
    const inUse = this.all().flatMap(({ pool }) => (pool ? [pool.subnet] : []));
    const subnetText = text('Subnet');
    const subnet =
      subnetText === undefined
        ? choosePool([...inUse, ...hostSubnets('')], this.#options.config.defaultAddressPools)
        : parseCidr(subnetText).subnet;
    if (inUse.some((used) => overlaps(used, subnet)))
      throw forbidden('Pool overlaps with other one on this address space');
    const options = { ...request.Options };
    return {
      id,
      name: request.Name,
      created: new Date().toISOString().replace('Z', '000000Z'),
      driver: 'bridge',
      internal: request.Internal ?? false,
      attachable: request.Attachable ?? false,
      enableIPv6: request.EnableIPv6 ?? false,
      options,
      labels: { ...request.Labels },
      bridge: options['com.docker.network.bridge.name'] ?? `br-${id.slice(0, 12)}`,
      subnet: formatSubnet(subnet),
      gateway: text('Gateway') ?? formatIp(subnet.base + 1),
      ...(text('IPRange') === undefined ? {} : { ipRange: text('IPRange') as string }),
      auxAddresses: (asked['AuxiliaryAddresses'] ?? {}) as Record<string, string>,
      ipamOptions: { ...request.IPAM?.Options },
      ownsBridge: true,
    };
  }

  async remove(network: Network): Promise<void> {
    const { record } = network;
    if (isPredefined(record.name))
      throw forbidden(`${record.name} is a pre-defined network and cannot be removed`);
    this.#byId.delete(record.id);
    if (record.bridge !== undefined) {
      await this.#options.firewall.removeBridge(record.bridge);
      if (record.ownsBridge)
        await this.#options.links.run({ kind: 'deleteLink', name: record.bridge });
    }
    await this.#store.remove(record.id);
  }

  /** Removes the bridges we made. */
  async deleteBridges(): Promise<void> {
    for (const { record } of this.all()) {
      if (record.ownsBridge && record.bridge !== undefined)
        await this.#options.links.run({ kind: 'deleteLink', name: record.bridge });
    }
  }
}

export const isPredefined = (name: string): boolean => ['bridge', 'host', 'none'].includes(name);

const plain = (name: string, driver: NetworkRecord['driver']): NetworkRecord => ({
  id: newNetworkId(),
  name,
  created: new Date().toISOString().replace('Z', '000000Z'),
  driver,
  internal: false,
  attachable: false,
  enableIPv6: false,
  options: {},
  labels: {},
});

/** `windlass0` for the usual data root; another daemon gets a name of its own. */
function ownBridgeName(dataRoot: string, bip: string | undefined): string {
  const isUsual = dataRoot === '/var/lib/windlass' && bip === undefined;
  return isUsual
    ? 'windlass0'
    : `wl-${createHash('sha256').update(dataRoot).digest('hex').slice(0, 8)}`;
}

function adoptedSubnet(bridge: string): { subnet: Subnet; gateway: number } {
  const address = networkInterfaces()[bridge]?.find(({ family }) => family === 'IPv4');
  if (!address?.cidr)
    throw invalidArgument(
      `bridge ${bridge} does not exist or has no IPv4 address; make it first (ip link add ${bridge} type bridge) or leave --bridge out`,
    );
  const { subnet, ip } = parseCidr(address.cidr);
  return { subnet, gateway: ip };
}

function poolOf(record: NetworkRecord): AddressPool {
  const reserved = Object.values(record.auxAddresses ?? {}).map(parseIp);
  return new AddressPool(parseCidr(record.subnet ?? '').subnet, {
    gateway: parseIp(record.gateway ?? ''),
    reserved,
    ...(record.ipRange === undefined ? {} : { range: parseCidr(record.ipRange).subnet }),
  });
}
