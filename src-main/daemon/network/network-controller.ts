/**
 * The network controller: networks, endpoints, and one sandbox (network namespace) a container.
 * Follows moby libnetwork (controller.go, sandbox.go, endpoint.go) and daemon/container_operations.go.
 * Names on the wire (`NetworkResource`, `EndpointSettings`) are the API document's.
 */

export interface PortBinding {
  /** '' = every address. */
  readonly HostIp: string;
  /** '' or '0' = pick from the ephemeral range; `8000-8010` = first free of the range. */
  readonly HostPort: string;
}

/** `80/tcp` → bindings; null = exposed, not published. */
export type PortMap = Readonly<Record<string, readonly PortBinding[] | null>>;

/** What the user asked of one attachment (EndpointSettings of create and connect). */
export interface EndpointRequest {
  readonly IPAMConfig?: {
    readonly IPv4Address?: string;
    readonly IPv6Address?: string;
    readonly LinkLocalIPs?: readonly string[];
  } | null;
  readonly Links?: readonly string[] | null;
  readonly Aliases?: readonly string[] | null;
  readonly MacAddress?: string;
  readonly DriverOpts?: Readonly<Record<string, string>> | null;
}

/** EndpointSettings as inspect shows them. */
export interface EndpointSettings {
  IPAMConfig: EndpointRequest['IPAMConfig'] | null;
  Links: readonly string[] | null;
  Aliases: readonly string[] | null;
  NetworkID: string;
  EndpointID: string;
  Gateway: string;
  IPAddress: string;
  IPPrefixLen: number;
  IPv6Gateway: string;
  GlobalIPv6Address: string;
  GlobalIPv6PrefixLen: number;
  MacAddress: string;
  DriverOpts: Readonly<Record<string, string>> | null;
}

/** All a sandbox needs; the container room fills it from Config and HostConfig. */
export interface SandboxRequest {
  readonly containerId: string;
  /** Without the slash. */
  readonly containerName: string;
  /** HostConfig.NetworkMode, resolved: `default`→`bridge`; `host`, `none`, or a network name or id. Never `container:`. */
  readonly networkMode: string;
  readonly hostname: string;
  readonly domainname: string;
  /** By network name or id; when empty, the network of the mode alone. */
  readonly endpoints: Readonly<Record<string, EndpointRequest>>;
  readonly exposedPorts: readonly string[];
  readonly portBindings: PortMap;
  readonly publishAllPorts: boolean;
  readonly macAddress?: string;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** `name:ip`, ip may be `host-gateway`. */
  readonly extraHosts: readonly string[];
  /** Container directory; `hosts`, `hostname` and `resolv.conf` are written into it. */
  readonly filesDirectory: string;
}

/** A live sandbox; everything is plain data so that the container's state on disk can keep it. */
export interface SandboxState {
  readonly id: string;
  /** Path of the network namespace; '' for host networking. */
  readonly key: string;
  readonly hostsPath: string;
  readonly hostnamePath: string;
  readonly resolvConfPath: string;
  /** Network name → settings. */
  readonly networks: Readonly<Record<string, EndpointSettings>>;
  /** NetworkSettings.Ports: exposed ports null, published ones with the real host address and port. */
  readonly ports: PortMap;
}

export interface NetworkCreateRequest {
  readonly Name: string;
  readonly CheckDuplicate?: boolean;
  readonly Driver?: string;
  readonly Internal?: boolean;
  readonly Attachable?: boolean;
  readonly Ingress?: boolean;
  readonly Scope?: string;
  readonly ConfigOnly?: boolean;
  readonly ConfigFrom?: { readonly Network?: string } | null;
  readonly EnableIPv6?: boolean;
  readonly IPAM?: {
    readonly Driver?: string;
    readonly Options?: Readonly<Record<string, string>> | null;
    readonly Config?: readonly Readonly<Record<string, unknown>>[] | null;
  } | null;
  readonly Options?: Readonly<Record<string, string>> | null;
  readonly Labels?: Readonly<Record<string, string>> | null;
}

/** Published on the bus by the daemon as `network` events. */
export interface NetworkEventSink {
  (
    action: 'create' | 'destroy' | 'connect' | 'disconnect',
    network: { id: string; name: string; type: string },
    containerId?: string,
  ): void;
}

/** A named piece of launch work, reported as it happens (the glass box). */
export type SpanSink = <T>(name: string, work: () => Promise<T>, detail?: string) => Promise<T>;

export interface NetworkController {
  /** API rows. `filters` as the API's. Containers are filled from live sandboxes only when `detailed`. */
  list(filters: Readonly<Record<string, readonly string[]>>): Promise<readonly object[]>;
  inspect(nameOrId: string, options: { verbose: boolean; scope: string }): Promise<object>;
  create(request: NetworkCreateRequest): Promise<{ Id: string; Warning: string }>;
  remove(nameOrId: string): Promise<void>;
  prune(filters: Readonly<Record<string, readonly string[]>>): Promise<readonly string[]>;
  /** Answers the network's name. Throws notFound "network X not found", at container create already. */
  checkMode(networkMode: string): string;
  /** Throws when a container on these networks, running or not, cannot be on that one too. */
  checkConnect(connected: readonly string[], network: string): void;
  /**
   * Allocates everything for a starting container: namespace, endpoints with addresses, port
   * mappings, the three files. On failure all of it is undone. Port taken: Docker's message
   * `driver failed programming external connectivity on endpoint NAME (ID): Bind for 0.0.0.0:80 failed: port is already allocated`.
   */
  createSandbox(request: SandboxRequest, span: SpanSink): Promise<SandboxState>;
  /** Releases all; every part that is already gone is skipped. Never throws for "gone". */
  releaseSandbox(containerId: string): Promise<void>;
  /** After a daemon restart: takes over the sandbox of a container that still runs. */
  restoreSandbox(request: SandboxRequest, state: SandboxState): Promise<void>;
  /** Removes what belongs to no container of `liveContainerIds`: namespaces, veths, rules, proxies. Answers what went, for the log. */
  sweep(liveContainerIds: ReadonlySet<string>): Promise<readonly string[]>;
  /** Of a running container; undefined when it does not run. */
  connect(
    nameOrId: string,
    containerId: string,
    request: EndpointRequest,
  ): Promise<SandboxState | undefined>;
  /** The same; tells of it either way. */
  disconnect(
    nameOrId: string,
    containerId: string,
    force: boolean,
  ): Promise<SandboxState | undefined>;
  /** Name resolution follows. */
  rename(containerId: string, newName: string): Promise<void>;
  /** Removes rules and, when no container lives, bridges this daemon made. */
  shutdown(options: { keepSandboxes: boolean }): Promise<void>;
}
