/** The network controller of this machine: networks, sandboxes, ports and rules put together. */
import { writeFileSync } from 'node:fs';
import { forbidden } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { Firewall } from './firewall.ts';
import { LinkClient } from './link-client.ts';
import type { NetworkController, NetworkEventSink } from './network-controller.ts';
import { networkFilter } from './network-filter.ts';
import { isPredefined, type Network, type NetworkConfig, Networks } from './networks.ts';
import { PortMapper } from './port-mapper.ts';
import { Sandboxes } from './sandboxes.ts';
import { wireNetwork } from './wire-network.ts';

export interface NetworkControllerOptions {
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly config: NetworkConfig;
  readonly events: NetworkEventSink;
  readonly log: Log;
}

export async function createNetworkController(
  options: NetworkControllerOptions,
): Promise<NetworkController> {
  const { config, execRoot } = options;
  const links = new LinkClient();
  const firewall = new Firewall(options.dataRoot, config.iptables);
  if (config.ipForward) writeFileSync('/proc/sys/net/ipv4/ip_forward', '1');
  const networks = await Networks.open({ ...options, links, firewall });
  const ports = new PortMapper(firewall);
  const sandboxes = new Sandboxes({ execRoot, config, networks, links, ports });
  await sandboxes.prepare();

  const eventOf = ({ record }: Network): { id: string; name: string; type: string } => ({
    id: record.id,
    name: record.name,
    type: record.driver,
  });
  const show = (network: Network, isDetailed: boolean): object =>
    wireNetwork(network, isDetailed ? sandboxes.attachments(network.record.id) : []);
  const isUsed = (network: Network): boolean => sandboxes.attachments(network.record.id).length > 0;

  const removeUnused = async (network: Network): Promise<void> => {
    await networks.remove(network);
    options.events('destroy', eventOf(network));
  };

  return {
    list: async (filters) => {
      const accepts = networkFilter(filters);
      return networks
        .all()
        .filter((network) => accepts(network.record, isUsed(network)))
        .map((network) => show(network, false));
    },
    inspect: async (name) => show(networks.find(name), true),
    create: async (request) => {
      const record = await networks.create(request);
      options.events('create', eventOf({ record }));
      return { Id: record.id, Warning: '' };
    },
    remove: async (name) => {
      const network = networks.find(name);
      const [first] = sandboxes.attachments(network.record.id);
      if (first && !isPredefined(network.record.name))
        throw forbidden(
          `error while removing network: network ${network.record.name} id ${network.record.id} has active endpoints`,
        );
      await removeUnused(network);
    },
    prune: async (filters) => {
      const accepts = networkFilter(filters);
      const doomed = networks
        .all()
        .filter(
          (network) =>
            !isPredefined(network.record.name) &&
            !isUsed(network) &&
            accepts(network.record, false),
        );
      for (const network of doomed) await removeUnused(network);
      return doomed.map(({ record }) => record.name);
    },
    checkMode: (mode) => void networks.find(mode),
    createSandbox: async (request, span) => {
      const state = await sandboxes.create(request, span);
      for (const name of Object.keys(state.networks))
        options.events('connect', eventOf(networks.find(name)), request.containerId);
      return state;
    },
    releaseSandbox: async (containerId) => {
      const sandbox = sandboxes.get(containerId);
      await sandboxes.release(containerId);
      for (const { network } of sandbox?.endpoints.values() ?? [])
        options.events('disconnect', eventOf(network), containerId);
    },
    restoreSandbox: (request, state) => sandboxes.restore(request, state),
    sweep: (live) => sandboxes.sweep(live),
    connect: async (name, containerId, request) => {
      const network = networks.find(name);
      if (network.record.name === 'host')
        throw forbidden('container cannot be connected to host network');
      const state = await sandboxes.connect(network, containerId, request);
      options.events('connect', eventOf(network), containerId);
      return state;
    },
    disconnect: async (name, containerId) => {
      const network = networks.find(name);
      const state = await sandboxes.disconnect(network, containerId);
      options.events('disconnect', eventOf(network), containerId);
      return state;
    },
    rename: async (containerId, newName) => {
      const sandbox = sandboxes.get(containerId);
      if (sandbox) sandbox.containerName = newName;
    },
    shutdown: async ({ keepSandboxes }) => {
      await ports.close();
      if (!keepSandboxes || sandboxes.count() === 0) {
        await firewall.close();
        await networks.deleteBridges();
      }
      await links.close();
    },
  };
}
