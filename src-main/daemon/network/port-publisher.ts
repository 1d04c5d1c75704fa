/** Which endpoint a container's ports are published on, and in which words that fails. */
import { errorMessage, internal } from '../../../shared/errors.ts';
import { failpoint } from '../platform/failpoint.ts';
import { parseBridgeOptions } from './bridge-options.ts';
import { type Endpoint, gatewayEndpoint } from './endpoints.ts';
import type { PortMap, SandboxRequest, SpanSink } from './network-controller.ts';
import type { MappingRequest, PortMapper } from './port-mapper.ts';

export type Endpoints = ReadonlyMap<string, Endpoint>;

export class PortPublisher {
  readonly #mapper: PortMapper;
  readonly #defaultIp: string;

  /** `defaultIp`: the daemon's `--ip`. */
  constructor(mapper: PortMapper, defaultIp: string) {
    this.#mapper = mapper;
    this.#defaultIp = defaultIp;
  }

  /** On the endpoint that leads out; answers NetworkSettings.Ports, {} without a network that has ports. */
  async publish(request: SandboxRequest, endpoints: Endpoints, span: SpanSink): Promise<PortMap> {
    if (![...endpoints.values()].some(({ network }) => network.driver.publishesPorts)) return {};
    const endpoint = publishingEndpoint(endpoints);
    const exposed = Object.fromEntries(request.exposedPorts.map((port) => [port, null]));
    if (!endpoint) return exposed;
    const { portBindings: bindings, publishAllPorts: publishAll } = request;
    const mapping = { ...this.#mapping(request, endpoint), bindings, publishAll };
    const hasPorts = Object.keys(bindings).length > 0 || publishAll;
    const publish = (): Promise<PortMap> => this.#mapper.publish(mapping);
    try {
      const shown = await (hasPorts ? span('publish ports', publish) : publish());
      failpoint('start: ports published');
      return shown;
    } catch (error) {
      const { containerName } = request;
      const { EndpointID } = endpoint.settings;
      throw internal(
        `driver failed programming external connectivity on endpoint ${containerName} (${EndpointID}): ${errorMessage(error)}`,
        { cause: error },
      );
    }
  }

  /** The same host ports on the endpoint that leads out now. */
  async move(request: SandboxRequest, endpoints: Endpoints, ports: PortMap): Promise<PortMap> {
    await this.#mapper.withdraw(request.containerId);
    const isPublished = Object.values(ports).some((bindings) => bindings !== null);
    const moved = isPublished
      ? { ...request, portBindings: publishedOnly(ports), publishAllPorts: false }
      : request;
    return this.publish(moved, endpoints, (_name, work) => work());
  }

  async restore(request: SandboxRequest, endpoints: Endpoints, ports: PortMap): Promise<void> {
    const endpoint = publishingEndpoint(endpoints);
    if (!endpoint) return;
    const mapping = { ...this.#mapping(request, endpoint), bindings: ports, publishAll: false };
    await this.#mapper.restore(mapping);
  }

  withdraw(containerId: string): Promise<void> {
    return this.#mapper.withdraw(containerId);
  }

  #mapping(
    request: SandboxRequest,
    { network, settings }: Endpoint,
  ): Omit<MappingRequest, 'bindings' | 'publishAll'> {
    return {
      containerId: request.containerId,
      address4: settings.IPAddress || undefined,
      address6: settings.GlobalIPv6Address || undefined,
      exposedPorts: request.exposedPorts,
      defaultIp: parseBridgeOptions(network.record.options).defaultIp ?? this.#defaultIp,
    };
  }
}

/** The endpoint that leads out, if its network can publish. */
function publishingEndpoint(endpoints: Endpoints): Endpoint | undefined {
  const endpoint = gatewayEndpoint(endpoints.values());
  return endpoint?.network.driver.publishesPorts ? endpoint : undefined;
}

/** Only what was published; what was merely exposed is exposed again from the request. */
const publishedOnly = (ports: PortMap): PortMap =>
  Object.fromEntries(Object.entries(ports).filter(([, bindings]) => bindings !== null));
