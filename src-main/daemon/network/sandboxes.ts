/** Sandboxes: one network namespace a container, its endpoints, its ports, its three files (moby libnetwork sandbox.go). */
import { createHash, randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdir, readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { internal, isEngineError, notFound } from '../../../shared/errors.ts';
import { formatIp, macFor, parseIp } from './ip-address.ts';
import type { LinkClient } from './link-client.ts';
import type { EndpointLink } from './link-messages.ts';
import type {
  EndpointRequest,
  EndpointSettings,
  PortMap,
  SandboxRequest,
  SandboxState,
  SpanSink,
} from './network-controller.ts';
import { writeNetworkFiles } from './network-files.ts';
import type { Network, NetworkConfig, Networks } from './networks.ts';
import type { PortMapper } from './port-mapper.ts';
import type { Attachment } from './wire-network.ts';

interface Endpoint {
  readonly network: Network;
  readonly settings: EndpointSettings;
  readonly link: EndpointLink | undefined;
}

interface LiveSandbox {
  containerName: string;
  readonly request: SandboxRequest;
  readonly key: string;
  /** In order of attachment; the first has the default route and the ports. */
  readonly endpoints: Map<string, Endpoint>;
  state: SandboxState;
}

export interface SandboxesOptions {
  readonly execRoot: string;
  readonly config: NetworkConfig;
  readonly networks: Networks;
  readonly links: LinkClient;
  readonly ports: PortMapper;
}

/** Every path of ours ends in this directory, which also says what is left over. */
const namespaceDirectory = (execRoot: string): string => join(execRoot, 'netns');

export class Sandboxes {
  readonly #options: SandboxesOptions;
  readonly #live = new Map<string, LiveSandbox>();

  constructor(options: SandboxesOptions) {
    this.#options = options;
  }

  async prepare(): Promise<void> {
    await mkdir(namespaceDirectory(this.#options.execRoot), { recursive: true, mode: 0o755 });
  }

  get(containerId: string): LiveSandbox | undefined {
    return this.#live.get(containerId);
  }

  attachments(networkId: string): readonly Attachment[] {
    return [...this.#live].flatMap(([containerId, sandbox]) => {
      const endpoint = [...sandbox.endpoints.values()].find(
        ({ network }) => network.record.id === networkId,
      );
      return endpoint
        ? [{ containerId, containerName: sandbox.containerName, settings: endpoint.settings }]
        : [];
    });
  }

  #keyOf(containerId: string): string {
    const short = createHash('sha256').update(containerId).digest('hex').slice(0, 12);
    return join(namespaceDirectory(this.#options.execRoot), short);
  }

  async create(request: SandboxRequest, span: SpanSink): Promise<SandboxState> {
    await this.release(request.containerId);
    await using undo = new AsyncDisposableStack();
    const endpoints = this.#allocate(request, undo);
    const isHost = request.networkMode === 'host';
    const key = isHost ? '' : this.#keyOf(request.containerId);
    if (!isHost) {
      undo.defer(() => this.#options.links.run({ kind: 'dropSandbox', path: key }));
      const links = [...endpoints.values()].flatMap(({ link }) => link ?? []);
      await span(
        'network namespace and links',
        () => this.#options.links.run({ kind: 'createSandbox', path: key, endpoints: links }),
        links.map(({ bridge, address }) => `${address} on ${bridge}`).join(', '),
      );
    }
    undo.defer(() => this.#options.ports.withdraw(request.containerId));
    const [ports, files] = await Promise.all([
      this.#publish(request, endpoints, span),
      span('network files', () => this.#writeFiles(request, endpoints, isHost)),
    ]);
    const state: SandboxState = {
      id: randomBytes(32).toString('hex'),
      key,
      ...files,
      networks: settingsOf(endpoints),
      ports,
    };
    this.#live.set(request.containerId, {
      containerName: request.containerName,
      request,
      key,
      endpoints,
      state,
    });
    undo.move();
    return state;
  }

  /** Addresses for every attachment: the network mode's first, then the others. */
  #allocate(request: SandboxRequest, undo: AsyncDisposableStack): Map<string, Endpoint> {
    const names = new Set([request.networkMode, ...Object.keys(request.endpoints)]);
    const endpoints = new Map<string, Endpoint>();
    for (const name of names) {
      const network = this.#options.networks.find(name);
      const asked = request.endpoints[name] ?? request.endpoints[network.record.name] ?? {};
      if (endpoints.has(network.record.name)) continue;
      const endpoint = this.#endpoint(network, asked, { request, index: endpoints.size });
      endpoints.set(network.record.name, endpoint);
      const { pool } = network;
      if (pool) undo.defer(async () => pool.release(parseIp(endpoint.settings.IPAddress)));
    }
    return endpoints;
  }

  #endpoint(
    network: Network,
    asked: EndpointRequest,
    place: { request: SandboxRequest; index: number },
  ): Endpoint {
    const { record, pool } = network;
    const endpointId = randomBytes(32).toString('hex');
    const settings = emptySettings(record.id, endpointId, asked);
    if (!pool) return { network, settings, link: undefined };
    const wanted = asked.IPAMConfig?.IPv4Address;
    const ip = wanted ? pool.claim(parseIp(wanted)) : pool.allocate();
    const mac =
      asked.MacAddress || (place.index === 0 ? place.request.macAddress : undefined) || macFor(ip);
    const gateway = record.internal ? '' : formatIp(pool.gateway);
    const address = formatIp(ip);
    const prefix = pool.subnet.prefix;
    return {
      network,
      settings: {
        ...settings,
        Gateway: gateway,
        IPAddress: address,
        IPPrefixLen: prefix,
        MacAddress: mac,
      },
      link: {
        bridge: record.bridge ?? '',
        hostName: `veth${endpointId.slice(0, 7)}`,
        containerName: `eth${place.index}`,
        mac,
        address,
        prefix,
        gateway: place.index === 0 && gateway !== '' ? gateway : undefined,
        mtu: Number(record.options['com.docker.network.driver.mtu'] ?? this.#options.config.mtu),
      },
    };
  }

  async #publish(
    request: SandboxRequest,
    endpoints: ReadonlyMap<string, Endpoint>,
    span: SpanSink,
  ): Promise<PortMap> {
    const bridged = [...endpoints.values()].find(({ link }) => link !== undefined);
    if (!bridged?.link) return {};
    const { link, settings } = bridged;
    const mapping = {
      containerId: request.containerId,
      containerIp: settings.IPAddress,
      bridge: link.bridge,
      exposedPorts: request.exposedPorts,
      bindings: request.portBindings,
      publishAll: request.publishAllPorts,
      defaultIp: this.#options.config.defaultIp,
    };
    const publish = (): Promise<PortMap> => this.#options.ports.publish(mapping);
    const hasPorts = Object.keys(request.portBindings).length > 0 || request.publishAllPorts;
    try {
      return await (hasPorts ? span('publish ports', publish) : publish());
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw internal(
        `driver failed programming external connectivity on endpoint ${request.containerName} (${settings.EndpointID}): ${message}`,
        { cause: error },
      );
    }
  }

  #writeFiles(
    request: SandboxRequest,
    endpoints: ReadonlyMap<string, Endpoint>,
    isHostNetwork: boolean,
  ): ReturnType<typeof writeNetworkFiles> {
    const { config } = this.#options;
    const or = (own: readonly string[], daemon: readonly string[]): readonly string[] =>
      own.length > 0 ? own : daemon;
    return writeNetworkFiles({
      directory: request.filesDirectory,
      hostname: request.hostname,
      domainname: request.domainname,
      addresses: [...endpoints.values()].flatMap(({ settings }) => settings.IPAddress || []),
      extraHosts: request.extraHosts.map((text) => this.#extraHost(text)),
      dns: or(request.dns, config.dns),
      dnsSearch: or(request.dnsSearch, config.dnsSearch),
      dnsOptions: or(request.dnsOptions, config.dnsOptions),
      isHostNetwork,
    });
  }

  #extraHost(text: string): readonly [string, string] {
    const at = text.indexOf(':');
    const address = text.slice(at + 1);
    if (address !== 'host-gateway') return [text.slice(0, at), address];
    const bridge = this.#options.networks.all().find(({ record }) => record.name === 'bridge');
    const gateway = this.#options.config.hostGatewayIp ?? bridge?.record.gateway;
    if (gateway === undefined) throw internal('unable to derive the IP value for host-gateway');
    return [text.slice(0, at), gateway];
  }

  async release(containerId: string): Promise<void> {
    const sandbox = this.#live.get(containerId);
    this.#live.delete(containerId);
    const path = sandbox?.key ?? this.#keyOf(containerId);
    await this.#options.ports.withdraw(containerId);
    if (path !== '' && (sandbox || existsSync(path)))
      await this.#options.links.run({ kind: 'dropSandbox', path });
    for (const { network, settings } of sandbox?.endpoints.values() ?? []) {
      if (settings.IPAddress !== '') network.pool?.release(parseIp(settings.IPAddress));
    }
  }

  /** Takes over a sandbox that outlived the daemon: addresses are marked, ports held again. */
  async restore(request: SandboxRequest, state: SandboxState): Promise<void> {
    const endpoints = new Map<string, Endpoint>();
    for (const [name, settings] of Object.entries(state.networks)) {
      const network = this.#findOrUndefined(settings.NetworkID);
      if (!network) continue;
      if (settings.IPAddress !== '') network.pool?.restore(parseIp(settings.IPAddress));
      endpoints.set(name, { network, settings, link: undefined });
    }
    this.#live.set(request.containerId, {
      containerName: request.containerName,
      request,
      key: state.key,
      endpoints,
      state,
    });
    const bridged = [...endpoints.values()].find(
      ({ network }) => network.record.driver === 'bridge',
    );
    if (!bridged) return;
    await this.#options.ports.publish({
      containerId: request.containerId,
      containerIp: bridged.settings.IPAddress,
      bridge: bridged.network.record.bridge ?? '',
      exposedPorts: [],
      bindings: state.ports,
      publishAll: false,
      defaultIp: this.#options.config.defaultIp,
    });
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

  async connect(
    network: Network,
    containerId: string,
    asked: EndpointRequest,
  ): Promise<SandboxState | undefined> {
    const sandbox = this.#live.get(containerId);
    if (!sandbox) return undefined;
    const endpoint = this.#endpoint(network, asked, {
      request: sandbox.request,
      index: sandbox.endpoints.size,
    });
    try {
      if (endpoint.link)
        await this.#options.links.run({
          kind: 'addEndpoint',
          path: sandbox.key,
          endpoint: endpoint.link,
        });
    } catch (error) {
      if (endpoint.settings.IPAddress !== '')
        network.pool?.release(parseIp(endpoint.settings.IPAddress));
      throw error;
    }
    sandbox.endpoints.set(network.record.name, endpoint);
    return this.#refresh(sandbox);
  }

  async disconnect(network: Network, containerId: string): Promise<SandboxState | undefined> {
    const sandbox = this.#live.get(containerId);
    const endpoint = sandbox?.endpoints.get(network.record.name);
    if (!sandbox || !endpoint)
      throw notFound(`container ${containerId} is not connected to network ${network.record.name}`);
    const hostName = `veth${endpoint.settings.EndpointID.slice(0, 7)}`;
    await this.#options.links.run({ kind: 'deleteLink', name: hostName });
    if (endpoint.settings.IPAddress !== '')
      network.pool?.release(parseIp(endpoint.settings.IPAddress));
    sandbox.endpoints.delete(network.record.name);
    return this.#refresh(sandbox);
  }

  async #refresh(sandbox: LiveSandbox): Promise<SandboxState> {
    await this.#writeFiles(sandbox.request, sandbox.endpoints, sandbox.key === '');
    sandbox.state = { ...sandbox.state, networks: settingsOf(sandbox.endpoints) };
    return sandbox.state;
  }

  /** Drops namespaces of containers that do not live. */
  async sweep(liveContainerIds: ReadonlySet<string>): Promise<readonly string[]> {
    const kept = new Set([...liveContainerIds].map((id) => this.#keyOf(id)));
    const directory = namespaceDirectory(this.#options.execRoot);
    const gone: string[] = [];
    for (const name of await readdir(directory)) {
      const path = join(directory, name);
      if (kept.has(path)) continue;
      await this.#options.links.run({ kind: 'dropSandbox', path });
      gone.push(path);
    }
    return gone;
  }

  count(): number {
    return this.#live.size;
  }
}

const settingsOf = (
  endpoints: ReadonlyMap<string, Endpoint>,
): Readonly<Record<string, EndpointSettings>> =>
  Object.fromEntries([...endpoints].map(([name, { settings }]) => [name, settings]));

const emptySettings = (
  networkId: string,
  endpointId: string,
  asked: EndpointRequest,
): EndpointSettings => ({
  IPAMConfig: asked.IPAMConfig ?? null,
  Links: asked.Links ?? null,
  Aliases: asked.Aliases ?? null,
  NetworkID: networkId,
  EndpointID: endpointId,
  Gateway: '',
  IPAddress: '',
  IPPrefixLen: 0,
  IPv6Gateway: '',
  GlobalIPv6Address: '',
  GlobalIPv6PrefixLen: 0,
  MacAddress: '',
  DriverOpts: asked.DriverOpts ?? null,
});
