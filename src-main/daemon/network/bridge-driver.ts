/** Networks on a Linux bridge, one veth pair a container (moby libnetwork drivers/bridge). */
import { conflict, forbidden, invalidArgument } from '../../../shared/errors.ts';
import { hasErrno } from '../platform/libc.ts';
import type { WorkerClient } from '../platform/worker-client.ts';
import { type BridgeOptions, parseBridgeOptions } from './bridge-options.ts';
import type { BridgeRules, Firewall } from './firewall.ts';
import { contains, macFor, parseCidr, parseIp } from './ip-address.ts';
import type { LinkCalls, VethLink } from './link-calls.ts';
import type { NetworkConfig } from './network-config.ts';
import type { EndpointPlan, NetworkDriver } from './network-driver.ts';
import type { NetworkRecord, SubnetRecord } from './network-store.ts';
import { containerGateway } from './network-subnets.ts';

export interface BridgeDriverOptions {
  readonly links: WorkerClient<LinkCalls>;
  readonly firewall: Firewall;
  readonly config: NetworkConfig;
  /** Written on every bridge we make, so that a later daemon knows whose it is. */
  readonly alias: string;
}

/** The bridge's end of a veth pair; found again by the endpoint's id alone. */
const hostLinkName = (endpointId: string): string => `veth${endpointId.slice(0, 7)}`;

export class BridgeDriver implements NetworkDriver {
  readonly name = 'bridge';
  readonly hasSubnets = true;
  readonly takesSeveralSubnets = false;
  readonly publishesPorts = true;
  readonly #options: BridgeDriverOptions;

  constructor(options: BridgeDriverOptions) {
    this.#options = options;
  }

  async plan(record: NetworkRecord, others: readonly NetworkRecord[]): Promise<NetworkRecord> {
    const options = parseBridgeOptions(record.options);
    const name = options.name ?? record.bridge?.name ?? `br-${record.id.slice(0, 12)}`;
    const other = others.find(({ bridge }) => bridge?.name === name);
    if (other)
      throw forbidden(
        `cannot create network ${record.id} (${name}): conflicts with network ${other.id} (${name}): networks have same bridge name`,
      );
    for (const family of ['v4', 'v6'] as const) checkGateway(record, family);
    const known = await this.#options.links.call('describeLink', name);
    const isOurs = known === undefined || known.alias === this.#options.alias;
    if (!isOurs && !known.addresses.includes(bridgeAddress(record.ipam.v4) ?? ''))
      throw invalidArgument(
        `bridge ${name} exists and is not ours; give the network its address (${known.addresses.join(', ')}) or another name`,
      );
    return { ...record, bridge: { name, isOurs } };
  }

  async bringUp(records: readonly NetworkRecord[]): Promise<void> {
    for (const record of records) await this.#bridgeUp(record);
    await this.#options.firewall.addBridges(records.map((record) => rulesOf(record)));
  }

  async #bridgeUp(record: NetworkRecord): Promise<void> {
    const { links, config, alias } = this.#options;
    const { bridge, ipam } = record;
    if (!bridge?.isOurs || !ipam.v4) return;
    try {
      await links.call('bridgeUp', {
        name: bridge.name,
        mac: macFor(parseIp(ipam.v4.gateway)),
        mtu: this.#mtu(parseBridgeOptions(record.options)),
        alias,
        addresses: [bridgeAddress(ipam.v4), bridgeAddress(ipam.v6)].filter(isText),
        routesLoopback: config.userlandProxy === false,
      });
    } catch (error) {
      if (!hasErrno(error, 'EEXIST')) throw error;
      throw conflict(`link ${bridge.name} exists already and is not a bridge of this daemon`, {
        cause: error,
      });
    }
  }

  #mtu(options: BridgeOptions): number {
    return options.mtu ?? this.#options.config.mtu;
  }

  async takeDown({ bridge }: NetworkRecord): Promise<void> {
    if (!bridge) return;
    await this.#options.firewall.removeBridge(bridge.name);
    if (bridge.isOurs) await this.#options.links.call('deleteLink', bridge.name);
  }

  hasGateway(): boolean {
    return true;
  }

  link(record: NetworkRecord, endpoint: EndpointPlan): VethLink {
    const options = parseBridgeOptions(record.options);
    return {
      kind: 'veth',
      bridge: record.bridge?.name ?? '',
      hostName: hostLinkName(endpoint.id),
      namePrefix: options.linkPrefix,
      mac: endpoint.mac,
      addresses: endpoint.addresses,
      mtu: this.#mtu(options),
      isolated: !options.icc,
      hairpin: this.#options.config.userlandProxy === false,
    };
  }
}

const isText = (text: string | undefined): text is string => text !== undefined;

/** The gateway with the subnet's prefix. */
function bridgeAddress(record: SubnetRecord | undefined): string | undefined {
  return record && `${record.gateway}/${parseCidr(record.subnet).subnet.prefix}`;
}

function rulesOf(record: NetworkRecord): BridgeRules {
  const { icc, masquerade } = parseBridgeOptions(record.options);
  return {
    bridge: record.bridge?.name ?? '',
    subnet: record.ipam.v4?.subnet ?? '',
    masquerade,
    icc,
    internal: record.internal,
    isOurs: record.bridge?.isOurs ?? false,
  };
}

function checkGateway(record: NetworkRecord, family: 'v4' | 'v6'): void {
  const subnet = record.ipam[family];
  if (subnet === undefined) return;
  const gateway = parseIp(containerGateway(subnet));
  if (!contains(parseCidr(subnet.subnet).subnet, gateway))
    throw invalidArgument('default gateway ip must be part of the network');
}
