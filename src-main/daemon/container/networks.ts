/** Connecting and disconnecting containers, live or at rest (moby daemon/container_operations.go). */
import { forbidden, internal, isEngineError, notFound } from '../../../shared/errors.ts';
import type { EndpointRequest } from '../network/network-controller.ts';
import { failpoint } from '../platform/failpoint.ts';
import type { Container } from './container.ts';
import { type ContainerContext, saveProgress } from './container-context.ts';
import { isLive } from './container-state.ts';

export interface ContainerNetworks {
  connect(network: string, container: string, endpoint: EndpointRequest): Promise<void>;
  disconnect(network: string, container: string, force: boolean): Promise<void>;
}

export function containerNetworks(context: ContainerContext): ContainerNetworks {
  const save = async (container: Container): Promise<void> => {
    await context.store.saveRecord(container.record);
    failpoint('connect: record written');
    await saveProgress(context, container);
  };
  return {
    async connect(nameOrId, containerName, endpoint) {
      const container = context.registry.find(containerName);
      const network = context.network.checkMode(nameOrId);
      await container.lock.run(async () => {
        checkConnect(context, container, network);
        const { record, progress } = container;
        const state = await context.network.connect(network, container.id, endpoint);
        failpoint('connect: sandbox changed');
        record.endpoints = { ...record.endpoints, [network]: endpoint };
        if (state) progress.sandbox = state;
        await save(container);
      });
    },
    async disconnect(nameOrId, containerName, force) {
      const network = context.network.checkMode(nameOrId);
      const container = findContainer(context, containerName, force);
      await container.lock.run(async () => {
        const { record, progress } = container;
        if (record.endpoints[network] === undefined)
          throw internal(`container ${container.id} is not connected to network ${network}`);
        const state = await context.network.disconnect(network, container.id, force);
        failpoint('disconnect: sandbox changed');
        if (state) progress.sandbox = state;
        const { [network]: _gone, ...rest } = record.endpoints;
        record.endpoints = rest;
        await save(container);
      });
    },
  };
}

/**
 * Of one that runs in a new daemon's hands: a network counts when both its files tell of it, so that a
 * connect that was cut off is undone and a disconnect done. Answers whether its record was changed.
 */
export function agreeOnNetworks(
  context: ContainerContext,
  { record, progress }: Container,
): boolean {
  const { sandbox } = progress;
  if (!sandbox) return false;
  const asked = new Set(Object.keys(record.endpoints).map((name) => networkName(context, name)));
  const networks = chosen(sandbox.networks, (name) => asked.has(name));
  progress.sandbox = { ...sandbox, networks };
  const before = Object.keys(record.endpoints).length;
  record.endpoints = chosen(record.endpoints, (name) => networkName(context, name) in networks);
  return Object.keys(record.endpoints).length < before;
}

const chosen = <T>(
  all: Readonly<Record<string, T>>,
  isWanted: (name: string) => boolean,
): Readonly<Record<string, T>> =>
  Object.fromEntries(Object.entries(all).filter(([name]) => isWanted(name)));

/** The network's own name; one that is not there (yet, or any more) is called as it was written. */
export function networkName(context: ContainerContext, written: string): string {
  try {
    return context.network.checkMode(written);
  } catch (error) {
    if (!isEngineError(error, 'notFound')) throw error;
    return written === 'default' ? 'bridge' : written;
  }
}

/** By force a container that is gone is looked for among the endpoints, where none outlives it. */
function findContainer(context: ContainerContext, name: string, force: boolean): Container {
  try {
    return context.registry.find(name);
  } catch (error) {
    if (!force || !isEngineError(error, 'notFound')) throw error;
    throw notFound(`endpoint ${name} not found`, { cause: error });
  }
}

function checkConnect(context: ContainerContext, container: Container, network: string): void {
  const { record, progress } = container;
  if (record.hostConfig.NetworkMode?.startsWith('container:'))
    throw forbidden(
      'container sharing network namespace with another container or host cannot be connected to any other network',
    );
  const connected = Object.keys(record.endpoints);
  if (isLive(progress.state) && connected.includes(network))
    throw forbidden(`endpoint with name ${container.name} already exists in network ${network}`);
  if (!connected.includes(network)) context.network.checkConnect(connected, network);
}
