/** The networks of the daemon: the three that are always there, and the user's. */
import { isDeepStrictEqual } from 'node:util';
import {
  conflict,
  errorMessage,
  forbidden,
  invalidArgument,
  notFound,
} from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { failpoint } from '../platform/failpoint.ts';
import type { WorkerClient } from '../platform/worker-client.ts';
import { planDefaultBridge } from './default-bridge.ts';
import { hostSubnets } from './host-subnets.ts';
import { parseCidr, type Subnet } from './ip-address.ts';
import { type AddressPool, PoolChooser } from './ipam.ts';
import type { LinkCalls } from './link-calls.ts';
import type { NetworkConfig } from './network-config.ts';
import type { EndpointSettings, NetworkCreateRequest } from './network-controller.ts';
import type { NetworkDriver } from './network-driver.ts';
import { checkCreate, checkSwarm } from './network-request.ts';
import { creationTime, type NetworkRecord, NetworkStore, newNetworkId } from './network-store.ts';
import {
  containerGateway,
  planConfigOnly,
  planSubnets,
  poolOf,
  subnetRecords,
} from './network-subnets.ts';

/** Addresses of one subnet. */
export interface NetworkPool {
  readonly pool: AddressPool;
  /** Where containers send what is for elsewhere. */
  readonly gateway: string;
}

/** A container on a network. */
export interface Attachment {
  readonly containerId: string;
  readonly containerName: string;
  readonly settings: EndpointSettings;
}

export interface Network {
  readonly record: NetworkRecord;
  readonly driver: NetworkDriver;
  /** Addresses are taken from the first of the family that has one left. */
  readonly pools: readonly NetworkPool[];
  /** By container id; a network with one of them cannot be removed. */
  readonly attachments: Map<string, Attachment>;
}

export interface NetworksOptions {
  readonly dataRoot: string;
  readonly config: NetworkConfig;
  readonly links: WorkerClient<LinkCalls>;
  /** By name. */
  readonly drivers: ReadonlyMap<string, NetworkDriver>;
  /** Of the bridges we make. */
  readonly alias: string;
  readonly log: Log;
}

export const DEFAULT_NETWORK = 'bridge';
export const isPredefined = (name: string): boolean =>
  [DEFAULT_NETWORK, 'host', 'none'].includes(name);

/** A network with name resolution and fixed addresses. */
export const isUserDefined = ({ record }: Network): boolean => !isPredefined(record.name);

export class Networks {
  readonly #options: NetworksOptions;
  readonly #store: NetworkStore;
  readonly #chooser: PoolChooser;
  readonly #byId = new Map<string, Network>();
  /** Creating and removing go one after another: names and subnets are checked before they are taken. */
  #changing: Promise<unknown> = Promise.resolve();

  private constructor(options: NetworksOptions, store: NetworkStore) {
    this.#options = options;
    this.#store = store;
    this.#chooser = new PoolChooser(options.config.defaultAddressPools);
  }

  /** Loads what there is, makes what must be, removes bridges of networks that are no more. */
  static async open(options: NetworksOptions): Promise<Networks> {
    const store = await NetworkStore.open(options.dataRoot, options.log);
    const networks = new Networks(options, store);
    await networks.#openAll(await store.load());
    return networks;
  }

  async #openAll(loaded: readonly NetworkRecord[]): Promise<void> {
    const known = loaded.filter(({ driver }) => this.#options.drivers.has(driver));
    const users = known.filter(({ name }) => !isPredefined(name));
    const builtins = await this.#builtins(known, users);
    await this.#removeStaleBridges([...builtins, ...users]);
    await this.#bringUp(builtins);
    try {
      await this.#bringUp(users);
    } catch (error) {
      if (users.length > 1) for (const record of users) await this.#tryBringUp(record);
      else this.#reportDown(users[0], error);
    }
    for (const record of [...builtins, ...users]) this.#add(record);
    const isNew = (record: NetworkRecord): boolean =>
      !loaded.some((one) => isDeepStrictEqual(one, record));
    for (const record of builtins.filter(isNew)) await this.#store.save(record);
  }

  async #bringUp(records: readonly NetworkRecord[]): Promise<void> {
    for (const driver of this.#options.drivers.values()) {
      const own = records.filter((record) => record.driver === driver.name);
      if (own.length > 0) await driver.bringUp(own);
    }
  }

  /** One network that cannot come up does not keep the daemon from starting. */
  async #tryBringUp(record: NetworkRecord): Promise<void> {
    try {
      await this.#bringUp([record]);
    } catch (error) {
      this.#reportDown(record, error);
    }
  }

  #reportDown(record: NetworkRecord | undefined, error: unknown): void {
    const fields = { network: record?.name, error: errorMessage(error) };
    this.#options.log.error('network could not be brought up', fields);
  }

  async #builtins(
    known: readonly NetworkRecord[],
    others: readonly NetworkRecord[],
  ): Promise<readonly NetworkRecord[]> {
    const { config, dataRoot, links, alias } = this.#options;
    const find = (name: string, driver: string): NetworkRecord =>
      known.find((one) => one.name === name) ?? newRecord({ Name: name }, driver);
    const bare = [find('none', 'null'), find('host', 'host')];
    if (config.bridge === 'none') return bare;
    const chooser = this.#chooser;
    const surroundings = { config, dataRoot, links, chooser, alias, others };
    return [...bare, await planDefaultBridge(find('bridge', 'bridge'), surroundings)];
  }

  /** What a killed daemon left: bridges with our mark that no network uses. */
  async #removeStaleBridges(records: readonly NetworkRecord[]): Promise<void> {
    const { links, alias, log } = this.#options;
    const used = new Set(records.flatMap(({ bridge, parent }) => [bridge?.name, parent?.name]));
    for (const name of await links.call('linksOf', alias)) {
      if (used.has(name)) continue;
      await links.call('deleteLink', name);
      log.warn('bridge of no network removed', { bridge: name });
    }
  }

  #add(record: NetworkRecord): void {
    const driver = this.#driver(record.driver);
    const pools = subnetRecords(record.ipam).map((subnet) => ({
      pool: poolOf(subnet),
      gateway: containerGateway(subnet),
    }));
    this.#byId.set(record.id, { record, driver, pools, attachments: new Map() });
  }

  #driver(name: string): NetworkDriver {
    const driver = this.#options.drivers.get(name);
    if (!driver) throw notFound(`plugin "${name}" not found`);
    return driver;
  }

  all(): readonly Network[] {
    return [...this.#byId.values()];
  }

  /** False with `--bridge none`. */
  get hasDefaultBridge(): boolean {
    return this.all().some(({ record }) => record.name === DEFAULT_NETWORK);
  }

  /** By id, name or unique id prefix. Throws `network X not found`. */
  find(nameOrId: string): Network {
    const wanted = nameOrId === 'default' ? 'bridge' : nameOrId;
    const named = this.all().filter(({ record }) => record.name === wanted);
    const found = this.#byId.get(wanted) ?? named[0];
    if (named.length > 1 && found === named[0])
      throw invalidArgument(
        `network ${nameOrId} is ambiguous (${named.length} matches found based on name)`,
      );
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

  /** '' when nobody else has the name. */
  duplicateWarning({ id, name }: NetworkRecord): string {
    const other = this.all().find(({ record }) => record.name === name && record.id !== id);
    return other ? `Network with name ${name} (id : ${other.record.id}) already exists` : '';
  }

  create(request: NetworkCreateRequest): Promise<NetworkRecord> {
    return this.#exclusively(() => this.#create(request));
  }

  async #create(request: NetworkCreateRequest): Promise<NetworkRecord> {
    const { Name: name } = request;
    if (isPredefined(name) || name === 'default')
      throw forbidden(`operation is not permitted on predefined ${name} network `);
    if (request.CheckDuplicate && this.all().some(({ record }) => record.name === name))
      throw conflict(`network with name ${name} already exists`);
    checkCreate(request);
    if (request.ConfigOnly) return this.#createConfigOnly(request);
    checkSwarm(request);
    const driver = this.#driver(request.Driver || 'bridge');
    if (!driver.hasSubnets)
      throw forbidden(`only one instance of "${driver.name}" network is allowed`);
    const configured = this.#withConfig(request);
    const others = this.all().map((network) => network.record);
    const ipam = planSubnets(configured.IPAM, configured.EnableIPv6 ?? false, {
      chooser: this.#chooser,
      networks: others.flatMap(subnetsOf),
      host: hostSubnets(),
      name,
      takesSeveral: driver.takesSeveralSubnets,
    });
    const record = await driver.plan({ ...newRecord(configured, driver.name), ipam }, others);
    await using undo = new AsyncDisposableStack();
    // Recorded first: a bridge without a network could not be told from somebody else's before it has its mark.
    undo.defer(() => this.#store.remove(record.id));
    await this.#store.save(record);
    failpoint('network create: recorded');
    undo.defer(() => driver.takeDown(record));
    await driver.bringUp([record]);
    failpoint('network create: bridge up');
    this.#add(record);
    undo.move();
    return record;
  }

  async #createConfigOnly(request: NetworkCreateRequest): Promise<NetworkRecord> {
    const record = {
      ...newRecord(request, 'null'),
      ipam: planConfigOnly(request.IPAM),
      configOnly: true,
    };
    await this.#store.save(record);
    this.#add(record);
    return record;
  }

  /** With the options of the network it is made from. Throws `configuration network "x" does not exist`. */
  #withConfig(request: NetworkCreateRequest): NetworkCreateRequest {
    const from = request.ConfigFrom?.Network ?? '';
    if (from === '') return request;
    const found = this.all().find(({ record }) => record.configOnly && record.name === from);
    if (!found) throw notFound(`configuration network "${from}" does not exist`);
    const { ipam, options, labels, enableIPv6 } = found.record;
    const IPAM = { Driver: ipam.driver, Options: ipam.options, Config: ipam.config };
    return { ...request, IPAM, Options: options, Labels: labels, EnableIPv6: enableIPv6 };
  }

  /** Throws `X is a pre-defined network and cannot be removed`, `… has active endpoints`. */
  remove(network: Network): Promise<void> {
    return this.#exclusively(async () => {
      const { id, name } = network.record;
      if (isPredefined(name))
        throw forbidden(`${name} is a pre-defined network and cannot be removed`);
      if (!this.#byId.has(id)) throw notFound(`network ${name} not found`);
      if (network.attachments.size > 0)
        throw forbidden(
          `error while removing network: network ${name} id ${id} has active endpoints`,
        );
      const isSource = network.record.configOnly ?? false;
      if (isSource && this.all().some(({ record }) => record.configFrom === name))
        throw forbidden(`error while removing network: configuration network "${name}" is in use`);
      this.#byId.delete(id);
      await this.#store.remove(id);
      failpoint('network remove: record removed');
      await network.driver.takeDown(network.record);
      failpoint('network remove: taken down');
    });
  }

  #exclusively<T>(work: () => Promise<T>): Promise<T> {
    const change = this.#changing.then(work);
    this.#changing = change.catch(() => undefined);
    return change;
  }

  /** At the daemon's end: what we made on the machine goes, the networks stay recorded. */
  async takeDown(): Promise<void> {
    await this.#changing;
    for (const { driver, record } of this.all()) await driver.takeDown(record);
  }
}

const subnetsOf = ({ ipam }: NetworkRecord): readonly Subnet[] =>
  subnetRecords(ipam).map(({ subnet }) => parseCidr(subnet).subnet);

const newRecord = (request: NetworkCreateRequest, driver: string): NetworkRecord => ({
  id: newNetworkId(),
  name: request.Name,
  created: creationTime(),
  driver,
  internal: request.Internal ?? false,
  attachable: request.Attachable ?? false,
  enableIPv6: request.EnableIPv6 ?? false,
  options: { ...request.Options },
  labels: { ...request.Labels },
  ipam: { driver: 'default', options: null, config: [] },
  ...(request.ConfigFrom?.Network ? { configFrom: request.ConfigFrom.Network } : {}),
});
