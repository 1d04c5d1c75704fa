/** Connecting and disconnecting containers, live or at rest (moby daemon/container_operations.go). */
import { forbidden } from '../../../shared/errors.ts';
import type { EndpointRequest } from '../network/network-controller.ts';
import { type ContainerContext, saveProgress } from './container-context.ts';
import { isLive } from './container-state.ts';

export interface ContainerNetworks {
  connect(network: string, container: string, endpoint: EndpointRequest): Promise<void>;
  disconnect(network: string, container: string, force: boolean): Promise<void>;
}

export function containerNetworks(context: ContainerContext): ContainerNetworks {
  return {
    async connect(network, name, endpoint) {
      const container = context.registry.find(name);
      context.network.checkMode(network);
      await container.lock.run(async () => {
        const { record, progress } = container;
        if (record.hostConfig.NetworkMode?.startsWith('container:'))
          throw forbidden(
            'container sharing network namespace with another container or host cannot be connected to any other network',
          );
        if (progress.sandbox?.networks[network])
          throw forbidden(
            `endpoint with name ${container.name} already exists in network ${network}`,
          );
        const state = isLive(progress.state)
          ? await context.network.connect(network, container.id, endpoint)
          : undefined;
        record.endpoints = { ...record.endpoints, [network]: endpoint };
        if (state) progress.sandbox = state;
        await Promise.all([context.store.saveRecord(record), saveProgress(context, container)]);
      });
    },
    async disconnect(network, name, force) {
      const container = context.registry.find(name);
      await container.lock.run(async () => {
        const { record, progress } = container;
        if (isLive(progress.state)) {
          const state = await context.network.disconnect(network, container.id, force);
          if (state) progress.sandbox = state;
        }
        const { [network]: _gone, ...rest } = record.endpoints;
        record.endpoints = rest;
        await Promise.all([context.store.saveRecord(record), saveProgress(context, container)]);
      });
    },
  };
}
