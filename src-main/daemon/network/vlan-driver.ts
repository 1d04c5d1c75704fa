/**
 * Networks on a link of the host, each container with a link of its own on it (moby libnetwork
 * drivers/macvlan and drivers/ipvlan). The host itself does not reach them, nor they its ports.
 */
import { errorMessage, forbidden, internal } from '../../../shared/errors.ts';
import { hasErrno } from '../platform/libc.ts';
import type { WorkerClient } from '../platform/worker-client.ts';
import type { LinkCalls, VlanLink } from './link-calls.ts';
import type { EndpointPlan, NetworkDriver } from './network-driver.ts';
import type { NetworkRecord } from './network-store.ts';
import { parseVlanName, parseVlanOptions, type VlanId, type VlanKind } from './vlan-options.ts';

export interface VlanDriverOptions {
  readonly kind: VlanKind;
  readonly links: WorkerClient<LinkCalls>;
  /** Written on every link we make, so that a later daemon knows whose it is. */
  readonly alias: string;
}

/** Of the link that leads nowhere; `dm-` and `di-` are libnetwork's. */
const ownParentName = (kind: VlanKind, networkId: string): string =>
  `${kind === 'macvlan' ? 'dm' : 'di'}-${networkId.slice(0, 12)}`;

/** `NO_FLAG`: of ipvlan; all links of a parent reach each other. */
const NO_FLAG = 0;

export class VlanDriver implements NetworkDriver {
  readonly name: VlanKind;
  readonly hasSubnets = true;
  readonly takesSeveralSubnets = true;
  readonly publishesPorts = false;
  readonly #options: VlanDriverOptions;

  constructor(options: VlanDriverOptions) {
    this.name = options.kind;
    this.#options = options;
  }

  async plan(record: NetworkRecord, others: readonly NetworkRecord[]): Promise<NetworkRecord> {
    const options = parseVlanOptions(this.name, record.options);
    const name = options.parent || ownParentName(this.name, record.id);
    const other = others.find((one) => one.driver === this.name && one.parent?.name === name);
    if (other)
      throw forbidden(
        `network ${ownParentName(this.name, other.id)} is already using parent interface ${name}`,
        { status: 500 },
      );
    const isThere = (await this.#options.links.call('describeLink', name)) !== undefined;
    if (!isThere) await this.#checkVlanName(options.parent);
    return { ...record, parent: { name, isOurs: !isThere } };
  }

  async #checkVlanName(parent: string): Promise<VlanId | undefined> {
    if (parent === '') return undefined;
    const below = parent.split('.')[0] ?? '';
    const link = await this.#options.links.call('describeLink', below);
    return parseVlanName(parent, () => link !== undefined);
  }

  async bringUp(records: readonly NetworkRecord[]): Promise<void> {
    for (const record of records) await this.#parentUp(record);
  }

  async #parentUp({ parent, options }: NetworkRecord): Promise<void> {
    const { links, alias } = this.#options;
    if (!parent?.isOurs || (await links.call('describeLink', parent.name))) return;
    const vlan = await this.#checkVlanName(options['parent'] ?? '');
    try {
      await links.call('createParent', parent.name, alias, vlan);
    } catch (error) {
      const reason = hasErrno(error, 'EOPNOTSUPP') ? 'operation not supported' : undefined;
      const what = vlan ? `failed to create ${parent.name} vlan link: ` : '';
      throw internal(`${what}${reason ?? errorMessage(error)}`, { cause: error });
    }
  }

  async takeDown({ parent }: NetworkRecord): Promise<void> {
    if (parent?.isOurs) await this.#options.links.call('deleteLink', parent.name);
  }

  /** In layer 3 mode everything is sent to the link itself. */
  hasGateway(record: NetworkRecord): boolean {
    return parseVlanOptions(this.name, record.options).modeName !== 'l3';
  }

  link(record: NetworkRecord, endpoint: EndpointPlan): VlanLink {
    return {
      kind: this.name,
      parent: record.parent?.name ?? '',
      mode: parseVlanOptions(this.name, record.options).mode,
      flag: NO_FLAG,
      namePrefix: 'eth',
      // All links of an ipvlan parent have the parent's.
      mac: this.name === 'macvlan' ? endpoint.mac : '',
      addresses: endpoint.addresses,
      isOwnRoute: !this.hasGateway(record),
    };
  }
}
