/** The network controller of this machine: networks, sandboxes, names, ports and rules put together. */

import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { errorMessage, notFound } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { WorkerClient } from '../platform/worker-client.ts';
import { BridgeDriver } from './bridge-driver.ts';
import { Firewall } from './firewall.ts';
import { watchFirewall } from './firewall-watch.ts';
import type { LinkCalls } from './link-calls.ts';
import { NameService } from './name-service.ts';
import type { NetworkConfig } from './network-config.ts';
import type { NetworkController, NetworkEventSink } from './network-controller.ts';
import { bareDriver, type NetworkDriver } from './network-driver.ts';
import { listFilter, pruneFilter } from './network-filter.ts';
import type { NetworkRecord } from './network-store.ts';
import { isPredefined, type Network, Networks } from './networks.ts';
import { rootlesskitPorts } from './outer-ports.ts';
import { PortMapper } from './port-mapper.ts';
import { PortPublisher } from './port-publisher.ts';
import type { ProxyCalls } from './proxy-calls.ts';
import { SandboxNames } from './sandbox-names.ts';
import { checkMixture, Sandboxes } from './sandboxes.ts';
import { VlanDriver } from './vlan-driver.ts';
import { wireNetwork } from './wire-network.ts';

export interface NetworkControllerOptions {
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly config: NetworkConfig;
  readonly events: NetworkEventSink;
  readonly log: Log;
}

/** Makes or adopts the default bridge and brings up every network; on failure all of it is undone. */
export async function createNetworkController(
  options: NetworkControllerOptions,
): Promise<NetworkController> {
  await using undo = new AsyncDisposableStack();
  const parts = await openParts(options, undo);
  const workers = undo.move();
  return controllerOf(options, parts, workers);
}

interface Parts {
  readonly firewall: Firewall;
  readonly networks: Networks;
  readonly sandboxes: Sandboxes;
}

async function openParts(
  options: NetworkControllerOptions,
  undo: AsyncDisposableStack,
): Promise<Parts> {
  const { dataRoot, execRoot, config, log } = options;
  const usesProxy = config.userlandProxy !== false;
  const onLost = (error: Error): void => log.error('network worker', { error: error.message });
  const links = undo.use(new WorkerClient<LinkCalls>('link-worker', import.meta.url, onLost));
  // Taking a rule away waits for the kernel (10 ms); links of other containers do not wait with it.
  const rules = undo.use(new WorkerClient<LinkCalls>('link-worker', import.meta.url, onLost));
  const proxies = undo.use(new WorkerClient<ProxyCalls>('proxy-worker', import.meta.url, onLost));
  const service = undo.use(new NameService(log));
  const isEnabled = config.iptables;
  const firewall = new Firewall({ owner: dataRoot, rules, isEnabled, usesProxy, log });
  if (isEnabled) undo.use(watchFirewall(firewall, log));
  if (config.ipForward) enableForwarding();
  const alias = `windlass ${dataRoot}`;
  const bridge = new BridgeDriver({ links, firewall, config, alias });
  const drivers = new Map<string, NetworkDriver>(
    [
      bridge,
      new VlanDriver({ kind: 'macvlan', links, alias }),
      new VlanDriver({ kind: 'ipvlan', links, alias }),
      bareDriver('host'),
      bareDriver('null'),
    ].map((driver) => [driver.name, driver]),
  );
  const networks = await Networks.open({ dataRoot, config, links, drivers, alias, log });
  const outer = rootlesskitPorts(process.env);
  // Inside rootlesskit there is no IPv6 to the outside.
  const hasIPv6 = outer === undefined && existsSync('/proc/net/if_inet6');
  const mapper = new PortMapper({ firewall, rules, proxies, usesProxy, hasIPv6, outer, log });
  const ports = new PortPublisher(mapper, config.defaultIp);
  const names = new SandboxNames({ config, networks, service });
  const sandboxes = new Sandboxes({ execRoot, networks, links, ports, names, alias, log });
  await sandboxes.prepare();
  return { firewall, networks, sandboxes };
}

/** Without it containers reach nothing but the host. */
function enableForwarding(): void {
  const path = '/proc/sys/net/ipv4/ip_forward';
  if (readFileSync(path, 'utf8').trim() !== '1') writeFileSync(path, '1');
}

function controllerOf(
  options: NetworkControllerOptions,
  { firewall, networks, sandboxes }: Parts,
  workers: AsyncDisposable,
): NetworkController {
  const publish = (
    action: Parameters<NetworkEventSink>[0],
    { id, name, driver }: NetworkRecord,
    containerId?: string,
  ): void => options.events(action, { id, name, type: driver }, containerId);

  const removeNetwork = async (network: Network): Promise<void> => {
    await networks.remove(network);
    publish('destroy', network.record);
  };

  return {
    list: async (filters) => {
      const accepts = listFilter(filters);
      return networks
        .all()
        .filter(accepts)
        .map((network) => wireNetwork(network, false));
    },
    inspect: async (name, { scope }) => {
      if (!['', 'local'].includes(scope)) throw notFound(`network ${name} not found`);
      return wireNetwork(networks.find(name), true);
    },
    create: async (request) => {
      const record = await networks.create(request);
      publish('create', record);
      return { Id: record.id, Warning: networks.duplicateWarning(record) };
    },
    remove: async (name) => removeNetwork(networks.find(name)),
    prune: async (filters) => {
      const accepts = pruneFilter(filters);
      const isUnused = ({ record, attachments }: Network): boolean =>
        !isPredefined(record.name) && attachments.size === 0;
      const gone: string[] = [];
      for (const network of networks.all().filter((one) => isUnused(one) && accepts(one))) {
        try {
          await removeNetwork(network);
          gone.push(network.record.name);
        } catch (error) {
          const fields = { network: network.record.name, error: errorMessage(error) };
          options.log.warn('network could not be pruned', fields);
        }
      }
      return gone;
    },
    checkMode: (mode) => networks.find(mode).record.name,
    checkConnect: checkMixture,
    createSandbox: async (request, span) => {
      const state = await sandboxes.create(request, span);
      for (const { NetworkID } of Object.values(state.networks))
        publish('connect', networks.find(NetworkID).record, request.containerId);
      return state;
    },
    releaseSandbox: async (containerId) => {
      for (const { record } of await sandboxes.release(containerId))
        publish('disconnect', record, containerId);
    },
    restoreSandbox: (request, state) => sandboxes.restore(request, state),
    sweep: (live) => sandboxes.sweep(live),
    connect: async (name, containerId, request) => {
      const network = networks.find(name);
      const state = await sandboxes.connect(network, containerId, request);
      if (state) publish('connect', network.record, containerId);
      return state;
    },
    disconnect: async (name, containerId) => {
      const network = networks.find(name);
      const state = await sandboxes.disconnect(network, containerId);
      publish('disconnect', network.record, containerId);
      return state;
    },
    rename: (containerId, newName) => sandboxes.rename(containerId, newName),
    shutdown: async ({ keepSandboxes }) => {
      if (!keepSandboxes || sandboxes.count === 0) {
        await firewall.close();
        await networks.takeDown();
      }
      await workers[Symbol.asyncDispose]();
    },
  };
}
