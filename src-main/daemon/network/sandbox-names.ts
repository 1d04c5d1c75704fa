/** The names of a container: what it finds in its files, and what others find when they ask for it. */
import { writeFile } from 'node:fs/promises';
import { internal } from '../../../shared/errors.ts';
import { type Endpoint, namesOf } from './endpoints.ts';
import { type HostsEntry, ownNames } from './hosts-file.ts';
import type { NameService } from './name-service.ts';
import type { VisibleNetwork } from './name-table.ts';
import type { NetworkConfig } from './network-config.ts';
import type { SandboxRequest, SpanSink } from './network-controller.ts';
import { isUserDefined, type Networks } from './networks.ts';
import { buildResolvConf, type ResolvConf, readHostResolvConf } from './resolv-conf.ts';
import type { Scene } from './sandbox.ts';

type Endpoints = Scene['endpoints'];

export interface SandboxNamesOptions {
  readonly config: NetworkConfig;
  readonly networks: Networks;
  readonly service: NameService;
}

export class SandboxNames {
  readonly #options: SandboxNamesOptions;

  constructor(options: SandboxNamesOptions) {
    this.#options = options;
  }

  /** `--add-host`; throws when `host-gateway` has no address. */
  extraHosts(request: SandboxRequest): readonly HostsEntry[] {
    return request.extraHosts.map((text) => {
      const at = text.indexOf(':');
      const ip = text.slice(at + 1);
      return { names: text.slice(0, at), ip: ip === 'host-gateway' ? this.#hostGateway() : ip };
    });
  }

  #hostGateway(): string {
    const { config, networks } = this.#options;
    const bridge = networks.all().find(({ record }) => record.name === 'bridge');
    const gateway = config.hostGatewayIp ?? bridge?.record.ipam.v4?.gateway;
    if (gateway === undefined) throw internal('unable to derive the IP value for host-gateway');
    return gateway;
  }

  ownHosts(request: SandboxRequest, endpoints: Iterable<Endpoint>): readonly HostsEntry[] {
    const names = ownNames(request.hostname, request.domainname);
    return [...endpoints].flatMap(({ settings }) =>
      [settings.IPAddress, settings.GlobalIPv6Address].flatMap((ip) =>
        ip === '' ? [] : [{ ip, names }],
      ),
    );
  }

  resolvConf(request: SandboxRequest, endpoints: Endpoints): ResolvConf {
    const { config } = this.#options;
    const or = (own: readonly string[], daemon: readonly string[]): readonly string[] =>
      own.length > 0 ? own : daemon;
    const all = [...endpoints.values()];
    const networks = all.map(({ network }) => network);
    return buildResolvConf(readHostResolvConf(), {
      asked: {
        servers: or(request.dns, config.dns),
        search: or(request.dnsSearch, config.dnsSearch),
        options: or(request.dnsOptions, config.dnsOptions),
      },
      network:
        request.networkMode === 'host'
          ? 'host'
          : networks.some(isUserDefined)
            ? 'user'
            : networks.some(({ driver }) => driver.hasSubnets)
              ? 'default'
              : 'none',
      hasIPv6: all.some(({ settings }) => settings.GlobalIPv6Address !== ''),
    });
  }

  /** Names the container on its user networks and lets it ask for the others there. */
  async announce(
    scene: Scene,
    { replaces }: { readonly replaces: boolean },
    span: SpanSink = (_name, work) => work(),
  ): Promise<void> {
    const named = namedEndpoints(scene.endpoints);
    if (named.length === 0) return;
    await span('name server', async () => {
      for (const endpoint of named) await this.#add(endpoint, scene.request.containerName);
      await this.#serve(scene, replaces);
    });
  }

  /** One more network, live: the first with names also turns resolv.conf to the name server. */
  async join(scene: Scene, endpoint: Endpoint, resolvConfPath: string): Promise<void> {
    if (!isUserDefined(endpoint.network)) return;
    const { service } = this.#options;
    const { containerId, containerName } = scene.request;
    await this.#add(endpoint, containerName);
    if (service.isServing(containerId))
      return service.setNetworks(containerId, namedEndpoints(scene.endpoints).map(visible));
    await this.#serve(scene, false);
    await writeFile(resolvConfPath, this.resolvConf(scene.request, scene.endpoints).text);
  }

  /** One network less; the name server stays for what it forwards. `scene` has lost the endpoint already. */
  async leave(scene: Scene, endpoint: Endpoint): Promise<void> {
    const { service } = this.#options;
    await service.remove(endpoint.settings.EndpointID);
    const networks = namedEndpoints(scene.endpoints).map(visible);
    await service.setNetworks(scene.request.containerId, networks);
  }

  #add(endpoint: Endpoint, containerName: string): Promise<void> {
    const { IPAddress, GlobalIPv6Address, EndpointID } = endpoint.settings;
    return this.#options.service.add(endpoint.network.record.id, {
      id: EndpointID,
      names: namesOf(endpoint, containerName),
      addresses: [IPAddress, GlobalIPv6Address].filter(Boolean),
    });
  }

  #serve({ request, key, endpoints }: Scene, replaces: boolean): Promise<void> {
    const { upstreams, isNdotsSet } = this.resolvConf(request, endpoints);
    return this.#options.service.serve({
      id: request.containerId,
      path: key,
      networks: namedEndpoints(endpoints).map(visible),
      upstreams,
      isNdotsSet,
      replaces,
    });
  }

  async forget(containerId: string, endpoints: ReadonlyMap<string, Endpoint>): Promise<void> {
    const { service } = this.#options;
    await Promise.all([
      service.stop(containerId),
      ...[...endpoints.values()].map(({ settings }) => service.remove(settings.EndpointID)),
    ]);
  }
}

const namedEndpoints = (endpoints: Endpoints): readonly Endpoint[] =>
  [...endpoints.values()].filter(({ network }) => isUserDefined(network));

function visible({ network, settings }: Endpoint): VisibleNetwork {
  const links = (settings.Links ?? []).map((text) => {
    const [container = '', alias = container] = text.split(':');
    return [alias.toLowerCase(), container] as const;
  });
  return {
    id: network.record.id,
    name: network.record.name,
    links: Object.fromEntries(links),
  };
}
