/** dockerd's options: flag, short flag, daemon.json key, kind (moby cmd/dockerd/config*.go). */
import { parseBytes } from '../platform/go-values.ts';
import {
  checkDomain,
  checkedMirror,
  checkIp,
  checkLabel,
  normalizedHost,
  parsePool,
  parseUlimit,
} from './option-checks.ts';

type OptionKind = 'string' | 'boolean' | 'number' | 'list' | 'map';

export interface OptionRow {
  readonly flag: string;
  readonly short?: string;
  /** daemon.json key when it is another word. */
  readonly key?: string;
  readonly kind: OptionKind;
  readonly help: string;
  /** Flag only. */
  readonly notInFile?: boolean;
  /** daemon.json only. */
  readonly notAFlag?: boolean;
  /** What it is in daemon.json when that is another kind than the flag's. */
  readonly fileKind?: OptionKind | 'objects' | 'number or string';
  /** Throws for a value that cannot be; each one of a list. */
  readonly check?: (text: string) => unknown;
  /** Why it cannot be given here. */
  readonly refusal?: string;
  /** Taken for compatibility; why nothing follows from it. The daemon says so in its log. */
  readonly noEffect?: string;
}

const row = (
  flag: string,
  kind: OptionKind,
  help: string,
  more: Partial<OptionRow> = {},
): OptionRow => ({ flag, kind, help, ...more });

const NO_SWARM = 'this daemon is no part of a swarm or cluster store';
const NO_PRIVATE_PLUGINS = 'managed plugins are not part of this daemon';

const checkHost = (text: string): unknown => normalizedHost(text, { socket: '/', port: 2375 });

export const OPTION_TABLE: readonly OptionRow[] = [
  row('add-runtime', 'map', 'Register an additional OCI compatible runtime (name=path)', {
    key: 'runtimes',
    fileKind: 'map',
  }),
  row(
    'allow-nondistributable-artifacts',
    'list',
    'Allow push of nondistributable artifacts to registry',
    {
      noEffect: 'foreign layers stay where their urls say',
    },
  ),
  row('api-cors-header', 'string', 'Set CORS headers in the Engine API'),
  row('authorization-plugin', 'list', 'Authorization plugins to load', {
    key: 'authorization-plugins',
  }),
  row('bip', 'string', 'Specify network bridge IP'),
  row('bridge', 'string', 'Attach containers to a network bridge', { short: 'b' }),
  row('cgroup-parent', 'string', 'Set parent cgroup for all containers'),
  row('cluster-advertise', 'string', 'Address of the daemon instance to advertise', {
    refusal: NO_SWARM,
  }),
  row('cluster-store', 'string', 'URL of the distributed storage backend', { refusal: NO_SWARM }),
  row('cluster-store-opt', 'map', 'Set cluster store options', {
    key: 'cluster-store-opts',
    refusal: NO_SWARM,
  }),
  row('config-file', 'string', 'Daemon configuration file', { notInFile: true }),
  row('containerd', 'string', 'containerd grpc address'),
  row('containerd-namespace', 'string', 'Containerd namespace to use'),
  row('containerd-plugins-namespace', 'string', 'Containerd namespace to use for plugins', {
    key: 'containerd-plugin-namespace',
    noEffect: NO_PRIVATE_PLUGINS,
  }),
  row(
    'cpu-rt-period',
    'number',
    'Limit the CPU real-time period in microseconds for the parent cgroup',
    {
      noEffect: 'real-time bandwidth is set for each container',
    },
  ),
  row(
    'cpu-rt-runtime',
    'number',
    'Limit the CPU real-time runtime in microseconds for the parent cgroup',
    {
      noEffect: 'real-time bandwidth is set for each container',
    },
  ),
  row('cri-containerd', 'boolean', 'Start containerd with cri', {
    noEffect: "the daemon's own containerd serves tasks only",
  }),
  row('data-root', 'string', 'Root directory of persistent state'),
  row('debug', 'boolean', 'Enable debug mode', { short: 'D' }),
  row(
    'default-address-pool',
    'list',
    'Default address pools for local networks (base=CIDR,size=N)',
    { key: 'default-address-pools', fileKind: 'objects', check: parsePool },
  ),
  row(
    'default-cgroupns-mode',
    'string',
    'Default mode for containers cgroup namespace ("host" | "private")',
  ),
  row('default-gateway', 'string', 'Container default gateway IPv4 address', { check: checkIp }),
  row('default-gateway-v6', 'string', 'Container default gateway IPv6 address', {
    check: checkIp,
    noEffect: 'the bridge itself is the IPv6 gateway',
  }),
  row('default-ipc-mode', 'string', 'Default mode for containers ipc ("shareable" | "private")'),
  row('default-runtime', 'string', 'Default OCI runtime for containers'),
  row('default-shm-size', 'string', 'Default shm size for containers', {
    fileKind: 'number or string',
    check: parseBytes,
  }),
  row('default-ulimit', 'map', 'Default ulimits for containers', {
    key: 'default-ulimits',
    check: parseUlimit,
  }),
  row('dns', 'list', 'DNS server to use', { check: checkIp }),
  row('dns-opt', 'list', 'DNS options to use', { key: 'dns-opts' }),
  row('dns-search', 'list', 'DNS search domains to use', { check: checkDomain }),
  row('exec-opt', 'list', 'Runtime execution options', { key: 'exec-opts' }),
  row('exec-root', 'string', 'Root directory for execution state files'),
  row('experimental', 'boolean', 'Enable experimental features'),
  row('features', 'map', 'Features to switch on or off', {
    notAFlag: true,
    noEffect: 'no feature of this daemon is switched by it',
  }),
  row('fixed-cidr', 'string', 'IPv4 subnet for fixed IPs'),
  row('fixed-cidr-v6', 'string', 'IPv6 subnet for fixed IPs'),
  row('group', 'string', 'Group for the unix socket', { short: 'G' }),
  row('host', 'list', 'Daemon socket(s) to connect to', {
    short: 'H',
    key: 'hosts',
    check: checkHost,
  }),
  row(
    'host-gateway-ip',
    'string',
    'IP address that the special "host-gateway" string resolves to',
    {
      check: checkIp,
    },
  ),
  row('icc', 'boolean', 'Enable inter-container communication'),
  row('init', 'boolean', 'Run an init in the container to forward signals and reap processes'),
  row('init-path', 'string', 'Path to the docker-init binary'),
  row('insecure-registry', 'list', 'Enable insecure registry communication', {
    key: 'insecure-registries',
  }),
  row('ip', 'string', 'Default IP when binding container ports', { check: checkIp }),
  row('ip-forward', 'boolean', 'Enable net.ipv4.ip_forward'),
  row('ip-masq', 'boolean', 'Enable IP masquerading'),
  row('ip6tables', 'boolean', 'Enable addition of IPv6 firewall rules', {
    noEffect: 'IPv6 networks get their rules whenever --iptables is on',
  }),
  row('iptables', 'boolean', 'Enable addition of firewall rules'),
  row('ipv6', 'boolean', 'Enable IPv6 networking'),
  row('label', 'list', 'Set key=value labels to the daemon', { key: 'labels', check: checkLabel }),
  row('live-restore', 'boolean', 'Enable live restore of containers when the daemon is down'),
  row('log-driver', 'string', 'Default driver for container logs'),
  row('log-format', 'string', 'Log format of the daemon ("text" | "json")'),
  row('log-level', 'string', 'Set the logging level ("debug"|"info"|"warn"|"error"|"fatal")', {
    short: 'l',
  }),
  row('log-opt', 'map', 'Default log driver options for containers', { key: 'log-opts' }),
  row('max-concurrent-downloads', 'number', 'Set the max concurrent downloads for each pull'),
  row('max-concurrent-uploads', 'number', 'Set the max concurrent uploads for each push'),
  row('max-download-attempts', 'number', 'Set the max download attempts for each pull'),
  row('metrics-addr', 'string', 'Set default address and port to serve the metrics api on', {
    noEffect: 'no metrics are served',
  }),
  row('mtu', 'number', 'Set the containers network MTU'),
  row('network-control-plane-mtu', 'number', 'Network Control plane MTU', { noEffect: NO_SWARM }),
  row('no-new-privileges', 'boolean', 'Set no-new-privileges by default for new containers'),
  row('node-generic-resource', 'list', 'Advertise user-defined resource', {
    key: 'node-generic-resources',
    refusal: NO_SWARM,
  }),
  row('oom-score-adjust', 'number', 'Set the oom_score_adj for the daemon'),
  row('pidfile', 'string', 'Path to use for daemon PID file', { short: 'p' }),
  row('raw-logs', 'boolean', 'Full timestamps without ANSI coloring'),
  row('registry-mirror', 'list', 'Preferred registry mirror', {
    key: 'registry-mirrors',
    check: checkedMirror,
  }),
  row('rootless', 'boolean', 'Run as an ordinary user, inside rootlesskit', { notInFile: true }),
  row('seccomp-profile', 'string', 'Path to seccomp profile'),
  row('selinux-enabled', 'boolean', 'Enable selinux support', {
    noEffect: 'containers get no SELinux labels from this daemon',
  }),
  row('shutdown-timeout', 'number', 'Set the default shutdown timeout'),
  row('storage-driver', 'string', 'Storage driver to use', { short: 's' }),
  row('storage-opt', 'list', 'Storage driver options', { key: 'storage-opts' }),
  row('swarm-default-advertise-addr', 'string', 'Set default address for swarm', {
    refusal: NO_SWARM,
  }),
  row('tls', 'boolean', 'Use TLS; implied by --tlsverify'),
  row('tlscacert', 'string', 'Trust certs signed only by this CA'),
  row('tlscert', 'string', 'Path to TLS certificate file'),
  row('tlskey', 'string', 'Path to TLS key file'),
  row('tlsverify', 'boolean', 'Use TLS and verify the remote'),
  row('userland-proxy', 'boolean', 'Use userland proxy for loopback traffic'),
  row('userland-proxy-path', 'string', 'Path to the userland proxy binary', {
    noEffect: 'published ports are served by a thread of the daemon',
  }),
  row('userns-remap', 'string', 'User/Group setting for user namespaces', {
    refusal: 'containers share the user namespace of the daemon',
  }),
  row('validate', 'boolean', 'Validate daemon configuration and exit', { notInFile: true }),
  row('help', 'boolean', 'Print usage', { short: 'h', notInFile: true }),
  row('version', 'boolean', 'Print version information and quit', { short: 'v', notInFile: true }),
];

export const keyOf = (option: OptionRow): string => option.key ?? option.flag;
