/** What the network controller asks of its link worker. Addresses are text, subnets CIDR. */

interface InnerLink {
  /** Its name in the container is this and the first free number. */
  readonly namePrefix: string;
  /** '' = the kernel's choice. */
  readonly mac: string;
  /** With prefix, one a family. */
  readonly addresses: readonly string[];
}

/** One end of a pair whose other end is a port of a bridge. */
export interface VethLink extends InnerLink {
  readonly kind: 'veth';
  readonly bridge: string;
  readonly hostName: string;
  readonly mtu: number;
  /** Exchanges nothing with the other containers of its bridge. */
  readonly isolated: boolean;
  /** May reach itself through a port it publishes. */
  readonly hairpin: boolean;
}

/** A link of its own on a link of the host. */
export interface VlanLink extends InnerLink {
  readonly kind: 'macvlan' | 'ipvlan';
  readonly parent: string;
  /** The kernel's number of the mode, and of the flag (ipvlan). */
  readonly mode: number;
  readonly flag: number;
  /** Everything is sent to the link itself; there is no gateway. */
  readonly isOwnRoute: boolean;
}

/** One end of a link in a container. */
export type EndpointLink = VethLink | VlanLink;

export interface BridgeRequest {
  readonly name: string;
  readonly mac: string;
  readonly mtu: number;
  /** Names the owner; only bridges that carry it are changed. */
  readonly alias: string;
  readonly addresses: readonly string[];
  /** Connections from this machine to published ports of 127.0.0.0/8 are translated (no proxy). */
  readonly routesLoopback: boolean;
}

export interface LinkDescription {
  readonly name: string;
  readonly alias: string;
  readonly kind: string;
  /** With prefix, in the order of the kernel. */
  readonly addresses: readonly string[];
}

/** A published port as the rules translate it. */
export interface PortRule {
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  /** `0.0.0.0` = every address of the host. */
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerIp: string;
  readonly containerPort: number;
}

/** Every call is made in the host's namespace and comes back to it. */
export interface LinkCalls {
  describeLink(name: string): LinkDescription | undefined;
  /** Names of links that carry the alias. */
  linksOf(alias: string): readonly string[];
  /** Makes the bridge or brings ours to what is asked. Throws EEXIST when the name is somebody else's. */
  bridgeUp(request: BridgeRequest): void;
  /** One that is gone is fine. */
  deleteLink(name: string): void;
  /** A namespace with all its links; `gateways`: of the default routes, one a family at most. */
  createSandbox(
    path: string,
    endpoints: readonly EndpointLink[],
    gateways: readonly string[],
  ): void;
  addEndpoint(path: string, endpoint: EndpointLink): void;
  /** One that is gone is fine. */
  removeEndpoint(path: string, endpoint: EndpointLink): void;
  /**
   * Makes the links of a namespace that outlived a daemon those of its endpoints: one that was begun and
   * not recorded goes, one that is missing comes back, and then the default routes are set. Links the
   * container made itself are left alone. `alias`: of our bridges. Answers the addresses that went.
   */
  settleSandbox(
    path: string,
    endpoints: readonly EndpointLink[],
    ways: { readonly gateways: readonly string[]; readonly alias: string },
  ): readonly string[];
  /** A link below others: a VLAN of `parent`, or one that leads nowhere. Throws ENODEV without the parent. */
  createParent(name: string, alias: string, vlan?: { parent: string; id: number }): void;
  /** Default routes as given, the others gone. */
  setGateways(path: string, gateways: readonly string[]): void;
  dropSandbox(path: string): void;
  /** Throws ENOENT when the table or an element is not there. */
  changePorts(table: string, change: PortChange): void;
  /** 0: there is no such table. */
  countRules(family: 'ip' | 'inet', table: string): number;
  /** UDP flows to these host ports. */
  forgetUdpFlows(hostPorts: readonly number[]): void;
}

interface PortChange {
  readonly add: readonly PortRule[];
  readonly remove: readonly PortRule[];
}

/** The maps of our nf_tables table: ports on every address, and on one. */
export const PORT_MAPS = { everyAddress: 'ports', oneAddress: 'ports_on' } as const;
