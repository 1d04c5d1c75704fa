/** The daemon's network options (dockerd's names). */
export interface NetworkConfig {
  /** `--bridge`: an existing bridge, or `none`. */
  readonly bridge?: string;
  /** `--bip`: address of our own bridge. */
  readonly bip?: string;
  readonly fixedCidr?: string;
  readonly defaultGateway?: string;
  /** `--ipv6`, `--fixed-cidr-v6`: the default bridge has IPv6 too. */
  readonly ipv6?: boolean;
  readonly fixedCidrV6?: string;
  readonly mtu: number;
  readonly icc: boolean;
  readonly iptables: boolean;
  readonly ipForward: boolean;
  readonly ipMasq: boolean;
  /** Default true: connections from this machine to published ports are forwarded by a proxy of ours. */
  readonly userlandProxy?: boolean;
  readonly defaultAddressPools: readonly { readonly base: string; readonly size: number }[];
  readonly defaultIp: string;
  readonly dns: readonly string[];
  readonly dnsSearch: readonly string[];
  readonly dnsOptions: readonly string[];
  /** What `host-gateway` stands for; undefined = the bridge's gateway. */
  readonly hostGatewayIp?: string;
}
