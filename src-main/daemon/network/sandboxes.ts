/** Sandboxes: one network namespace a container, its endpoints, its ports, its three files (moby libnetwork sandbox.go). */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { invalidArgument, isEngineError, notFound } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { failpoint } from '../platform/failpoint.ts';
import type { WorkerClient } from '../platform/worker-client.ts';
import {
  attach,
  detach,
  type Endpoint,
  gatewayEndpoint,
  gatewaysOf,
  linkOf,
  reattach,
} from './endpoints.ts';
import { changeHosts, ownNames } from './hosts-file.ts';
import type { LinkCalls } from './link-calls.ts';
import type {
  EndpointRequest,
  EndpointSettings,
  PortMap,
  SandboxRequest,
  SandboxState,
  SpanSink,
} from './network-controller.ts';
import { writeNetworkFiles } from './network-files.ts';
import { DEFAULT_NETWORK, type Network, type Networks } from './networks.ts';
import type { PortPublisher } from './port-publisher.ts';
import type { Sandbox, Scene } from './sandbox.ts';
import type { SandboxNames } from './sandbox-names.ts';

export interface SandboxesOptions {
  readonly execRoot: string;
  readonly networks: Networks;
  readonly links: WorkerClient<LinkCalls>;
  readonly ports: PortPublisher;
  readonly names: SandboxNames;
  /** Of our bridges. */
  readonly alias: string;
  readonly log: Log;
}

/** Every path of ours ends in this directory, which also says what is left over. */
const namespaceDirectory = (execRoot: string): string => join(execRoot, 'netns');

export class Sandboxes {
  readonly #options: SandboxesOptions;
  readonly #live = new Map<string, Sandbox>();

  constructor(options: SandboxesOptions) {
    this.#options = options;
  }

  async prepare(): Promise<void> {
    await mkdir(namespaceDirectory(this.#options.execRoot), { recursive: true, mode: 0o755 });
  }

  get(containerId: string): Sandbox | undefined {
    return this.#live.get(containerId);
  }

  get count(): number {
    return this.#live.size;
  }

  #keyOf(containerId: string): string {
    const short = createHash('sha256').update(containerId).digest('hex').slice(0, 12);
    return join(namespaceDirectory(this.#options.execRoot), short);
  }

  async create(request: SandboxRequest, span: SpanSink): Promise<SandboxState> {
    const { containerId } = request;
    await this.release(containerId);
    const { ports, names } = this.#options;
    await using undo = new AsyncDisposableStack();
    const endpoints = this.#attachAll(request, undo);
    const key = request.networkMode === 'host' ? '' : this.#keyOf(containerId);
    const scene = { request, key, endpoints };
    undo.defer(() => this.#dropNamespace(key));
    undo.defer(() => ports.withdraw(containerId));
    undo.defer(() => names.forget(containerId, endpoints));
    const [, shown, files] = await settled([
      this.#createNamespace(scene, span).then(() =>
        names.announce(scene, { replaces: false }, span),
      ),
      ports.publish(request, endpoints, span),
      span('network files', () => this.#writeFiles(scene)),
    ] as const);
    const id = randomBytes(32).toString('hex');
    const state = { id, key, ...files, networks: settingsOf(endpoints), ports: shown };
    this.#live.set(containerId, { ...scene, state });
    undo.move();
    return state;
  }

  async #createNamespace({ key, endpoints }: Scene, span: SpanSink): Promise<void> {
    if (key === '') return;
    const plugs = [...endpoints.values()].flatMap((endpoint) => linkOf(endpoint) ?? []);
    const gateways = gatewaysOf(gatewayEndpoint(endpoints.values()));
    await span(
      'network namespace and links',
      () => this.#options.links.call('createSandbox', key, plugs, gateways),
      plugs
        .map((plug) => {
          const on = plug.kind === 'veth' ? plug.bridge : plug.parent;
          return `${plug.addresses.join(', ')} on ${on}`;
        })
        .join('; '),
    );
  }

  async #dropNamespace(key: string): Promise<void> {
    if (key !== '') await this.#options.links.call('dropSandbox', key);
  }

  /** Addresses for every attachment: the default bridge first, then the network of the container's mode. */
  #attachAll(request: SandboxRequest, undo: AsyncDisposableStack): Map<string, Endpoint> {
    const asked = Object.entries(request.endpoints);
    const wanted = asked.length > 0 ? asked : [[request.networkMode, {}] as const];
    const rank = ({ record }: Network): number =>
      record.name === DEFAULT_NETWORK ? 0 : isModeOf(record, request) ? 1 : 2;
    // A daemon without a default bridge gives such containers a loopback only (moby connectToNetwork).
    const { networks } = this.#options;
    const found = wanted
      .filter(([name]) => name !== DEFAULT_NETWORK || networks.hasDefaultBridge)
      .map(([name, endpoint]) => ({ network: networks.find(name), endpoint }))
      .sort((a, b) => rank(a.network) - rank(b.network));
    const endpoints = new Map<string, Endpoint>();
    for (const { network, endpoint: settings } of found) {
      if (endpoints.has(network.record.id)) continue;
      const endpoint = attach(network, request, settings);
      undo.defer(async () => detach(endpoint, request.containerId));
      endpoints.set(network.record.id, endpoint);
    }
    return endpoints;
  }

  #writeFiles(scene: Scene): ReturnType<typeof writeNetworkFiles> {
    const { request, endpoints } = scene;
    const { names } = this.#options;
    return writeNetworkFiles({
      directory: request.filesDirectory,
      hostname: request.hostname,
      extraHosts: names.extraHosts(request),
      ownHosts: names.ownHosts(request, endpoints.values()),
      resolvConf: names.resolvConf(request, endpoints).text,
      isHostNetwork: request.networkMode === 'host',
    });
  }

  /** Answers the networks it was on. Every part that is gone already is skipped. */
  async release(containerId: string): Promise<readonly Network[]> {
    const sandbox = this.#live.get(containerId);
    this.#live.delete(containerId);
    const { ports, names } = this.#options;
    const path = sandbox?.key ?? this.#keyOf(containerId);
    if (!sandbox && !existsSync(path)) return [];
    await settled([
      ports.withdraw(containerId),
      names.forget(containerId, sandbox?.endpoints ?? new Map()),
      this.#dropNamespace(path),
    ]);
    const endpoints = [...(sandbox?.endpoints.values() ?? [])];
    for (const endpoint of endpoints) detach(endpoint, containerId);
    return endpoints.map(({ network }) => network);
  }

  /** Takes over a sandbox that outlived the daemon: addresses are marked, ports and names served again. */
  async restore(request: SandboxRequest, state: SandboxState): Promise<void> {
    const endpoints = new Map<string, Endpoint>();
    for (const settings of Object.values(state.networks)) {
      const network = this.#findOrUndefined(settings.NetworkID);
      if (network) endpoints.set(network.record.id, reattach(network, request, settings));
    }
    const scene = { request, key: state.key, endpoints };
    this.#live.set(request.containerId, { ...scene, state });
    const { ports, names, log } = this.#options;
    const attempt = async (what: string, work: () => Promise<void>): Promise<void> => {
      try {
        await work();
      } catch (error) {
        const fields = { container: request.containerId, error: String(error) };
        log.error(`${what} could not be taken up again`, fields);
      }
    };
    await attempt('links', () => this.#settleLinks(scene, state));
    await ports.restore(request, endpoints, state.ports);
    await attempt('name resolution', () => names.announce(scene, { replaces: true }));
  }

  /** A daemon that died in the middle of a connect or a disconnect left the one or the other half. */
  async #settleLinks({ request, key, endpoints }: Scene, state: SandboxState): Promise<void> {
    if (key === '') return;
    const { links, alias } = this.#options;
    const plugs = [...endpoints.values()].flatMap((endpoint) => linkOf(endpoint) ?? []);
    const gateways = gatewaysOf(gatewayEndpoint(endpoints.values()));
    const gone = await links.call('settleSandbox', key, plugs, { gateways, alias });
    const names = ownNames(request.hostname, request.domainname);
    const remove = gone.map((address) => ({ ip: address.split('/')[0] ?? '', names }));
    await changeHosts(state.hostsPath, { remove });
  }

  #findOrUndefined(networkId: string): Network | undefined {
    try {
      return this.#options.networks.find(networkId);
    } catch (error) {
      // The network's file was lost; the container keeps its addresses.
      if (isEngineError(error, 'notFound')) return undefined;
      throw error;
    }
  }

  /** Undefined: the container does not run. */
  async connect(
    network: Network,
    containerId: string,
    asked: EndpointRequest,
  ): Promise<SandboxState | undefined> {
    const sandbox = this.#live.get(containerId);
    if (!sandbox) return undefined;
    checkMixture(Object.keys(sandbox.state.networks), network.record.name);
    await using undo = new AsyncDisposableStack();
    const { links, names } = this.#options;
    const { request, key, endpoints } = sandbox;
    const endpoint = attach(network, request, asked);
    undo.defer(async () => detach(endpoint, containerId));
    const plug = linkOf(endpoint);
    if (plug) {
      await links.call('addEndpoint', key, plug);
      undo.defer(() => links.call('removeEndpoint', key, plug));
    }
    const before = gatewayEndpoint(endpoints.values());
    endpoints.set(network.record.id, endpoint);
    undo.defer(() => {
      endpoints.delete(network.record.id);
      return names.leave(sandbox, endpoint);
    });
    await names.join(sandbox, endpoint, sandbox.state.resolvConfPath);
    await changeHosts(sandbox.state.hostsPath, { add: names.ownHosts(request, [endpoint]) });
    await this.#refresh(sandbox, before);
    undo.move();
    return sandbox.state;
  }

  /** Undefined: the container does not run. Throws when it is not on the network. */
  async disconnect(network: Network, containerId: string): Promise<SandboxState | undefined> {
    const sandbox = this.#live.get(containerId);
    if (!sandbox) return undefined;
    const { request, key, endpoints, state } = sandbox;
    const endpoint = endpoints.get(network.record.id);
    if (!endpoint)
      throw notFound(
        `container ${containerId} is not connected to network ${network.record.name}`,
        { status: 500 },
      );
    if (network.record.name === 'host') throw invalidArgument(HOST_CONFLICT);
    const { links, names } = this.#options;
    const before = gatewayEndpoint(endpoints.values());
    endpoints.delete(network.record.id);
    await names.leave(sandbox, endpoint);
    const plug = linkOf(endpoint);
    if (plug) {
      await links.call('removeEndpoint', key, plug);
      failpoint('disconnect: link removed');
      await changeHosts(state.hostsPath, { remove: names.ownHosts(request, [endpoint]) });
    }
    await this.#refresh(sandbox, before);
    detach(endpoint, containerId);
    return sandbox.state;
  }

  /** The way out and the ports follow the endpoint that leads out. */
  async #refresh(sandbox: Sandbox, before: Endpoint | undefined): Promise<void> {
    const { request, key, endpoints, state } = sandbox;
    const { links, ports } = this.#options;
    const after = gatewayEndpoint(endpoints.values());
    let shown: PortMap = state.ports;
    if (after !== before && key !== '') {
      await links.call('setGateways', key, gatewaysOf(after));
      shown = await ports.move(request, endpoints, state.ports);
    }
    sandbox.state = { ...state, networks: settingsOf(endpoints), ports: shown };
  }

  async rename(containerId: string, containerName: string): Promise<void> {
    const sandbox = this.#live.get(containerId);
    if (!sandbox) return;
    const renamed = { ...sandbox, request: { ...sandbox.request, containerName } };
    this.#live.set(containerId, renamed);
    for (const { network } of sandbox.endpoints.values()) {
      const attachment = network.attachments.get(containerId);
      if (attachment) network.attachments.set(containerId, { ...attachment, containerName });
    }
    await this.#options.names.announce(renamed, { replaces: false });
  }

  /** Drops namespaces of containers that do not live. */
  async sweep(liveContainerIds: ReadonlySet<string>): Promise<readonly string[]> {
    const kept = new Set([...liveContainerIds].map((id) => this.#keyOf(id)));
    const directory = namespaceDirectory(this.#options.execRoot);
    const gone: string[] = [];
    for (const name of await readdir(directory)) {
      const path = join(directory, name);
      if (kept.has(path)) continue;
      await this.#options.links.call('dropSandbox', path);
      gone.push(path);
    }
    return gone;
  }
}

const isModeOf = (record: Network['record'], { networkMode }: SandboxRequest): boolean =>
  record.name === networkMode || record.id === networkMode;

const HOST_CONFLICT =
  'container cannot be disconnected from host network or connected to host network';

/** The host's network and `none` do not go with others. Throws Docker's words. */
export function checkMixture(connected: readonly string[], name: string): void {
  if (name === 'host') throw invalidArgument(HOST_CONFLICT);
  if (connected.includes('host'))
    throw invalidArgument(
      'container sharing network namespace with another container or host cannot be connected to any other network',
    );
  if (connected.length > 0 && (connected.includes('none') || name === 'none'))
    throw invalidArgument(
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
}

const settingsOf = (
  endpoints: ReadonlyMap<string, Endpoint>,
): Readonly<Record<string, EndpointSettings>> =>
  Object.fromEntries(
    [...endpoints.values()].map(({ network, settings }) => [network.record.name, settings]),
  );

/** Waits for all, so that nothing is half done when the undo begins. */
async function settled<T extends readonly unknown[]>(
  work: { readonly [K in keyof T]: Promise<T[K]> },
): Promise<T> {
  const results = await Promise.allSettled(work);
  const failed = results.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
  return results.map((one) => (one.status === 'fulfilled' ? one.value : undefined)) as unknown as T;
}
