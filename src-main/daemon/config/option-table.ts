/** dockerd's options that this daemon knows: flag, short flag, daemon.json key, kind (moby cmd/dockerd/config*.go). */

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
}

const row = (
  flag: string,
  kind: OptionKind,
  help: string,
  more: Partial<OptionRow> = {},
): OptionRow => ({ flag, kind, help, ...more });

export const OPTION_TABLE: readonly OptionRow[] = [
  row('add-runtime', 'map', 'Register an additional OCI compatible runtime (name=path)', {
    key: 'runtimes',
  }),
  row('bip', 'string', 'Specify network bridge IP'),
  row('bridge', 'string', 'Attach containers to a network bridge', { short: 'b' }),
  row('cgroup-parent', 'string', 'Set parent cgroup for all containers'),
  row('config-file', 'string', 'Daemon configuration file', { notInFile: true }),
  row('containerd', 'string', 'containerd grpc address'),
  row('containerd-namespace', 'string', 'Containerd namespace to use'),
  row('data-root', 'string', 'Root directory of persistent state'),
  row('debug', 'boolean', 'Enable debug mode', { short: 'D' }),
  row(
    'default-address-pool',
    'list',
    'Default address pools for local networks (base=CIDR,size=N)',
    { key: 'default-address-pools' },
  ),
  row(
    'default-cgroupns-mode',
    'string',
    'Default mode for containers cgroup namespace ("host" | "private")',
  ),
  row('default-gateway', 'string', 'Container default gateway IPv4 address'),
  row('default-ipc-mode', 'string', 'Default mode for containers ipc ("shareable" | "private")'),
  row('default-runtime', 'string', 'Default OCI runtime for containers'),
  row('default-shm-size', 'string', 'Default shm size for containers'),
  row('default-ulimit', 'map', 'Default ulimits for containers', { key: 'default-ulimits' }),
  row('dns', 'list', 'DNS server to use'),
  row('dns-opt', 'list', 'DNS options to use', { key: 'dns-opts' }),
  row('dns-search', 'list', 'DNS search domains to use'),
  row('exec-opt', 'list', 'Runtime execution options', { key: 'exec-opts' }),
  row('exec-root', 'string', 'Root directory for execution state files'),
  row('fixed-cidr', 'string', 'IPv4 subnet for fixed IPs'),
  row('fixed-cidr-v6', 'string', 'IPv6 subnet for fixed IPs'),
  row('group', 'string', 'Group for the unix socket', { short: 'G' }),
  row('host', 'list', 'Daemon socket(s) to connect to', { short: 'H', key: 'hosts' }),
  row('host-gateway-ip', 'string', 'IP address that the special "host-gateway" string resolves to'),
  row('icc', 'boolean', 'Enable inter-container communication'),
  row('init', 'boolean', 'Run an init in the container to forward signals and reap processes'),
  row('init-path', 'string', 'Path to the docker-init binary'),
  row('insecure-registry', 'list', 'Enable insecure registry communication', {
    key: 'insecure-registries',
  }),
  row('ip', 'string', 'Default IP when binding container ports'),
  row('ip-forward', 'boolean', 'Enable net.ipv4.ip_forward'),
  row('ip-masq', 'boolean', 'Enable IP masquerading'),
  row('iptables', 'boolean', 'Enable addition of firewall rules'),
  row('ipv6', 'boolean', 'Enable IPv6 networking'),
  row('label', 'list', 'Set key=value labels to the daemon', { key: 'labels' }),
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
  row('mtu', 'number', 'Set the containers network MTU'),
  row('no-new-privileges', 'boolean', 'Set no-new-privileges by default for new containers'),
  row('pidfile', 'string', 'Path to use for daemon PID file', { short: 'p' }),
  row('registry-mirror', 'list', 'Preferred registry mirror', { key: 'registry-mirrors' }),
  row('seccomp-profile', 'string', 'Path to seccomp profile'),
  row('shutdown-timeout', 'number', 'Set the default shutdown timeout'),
  row('storage-driver', 'string', 'Storage driver to use', { short: 's' }),
  row('storage-opt', 'list', 'Storage driver options', { key: 'storage-opts' }),
  row('tls', 'boolean', 'Use TLS; implied by --tlsverify'),
  row('tlscacert', 'string', 'Trust certs signed only by this CA'),
  row('tlscert', 'string', 'Path to TLS certificate file'),
  row('tlskey', 'string', 'Path to TLS key file'),
  row('tlsverify', 'boolean', 'Use TLS and verify the remote'),
  row('userland-proxy', 'boolean', 'Use userland proxy for loopback traffic'),
  row('userns-remap', 'string', 'User/Group setting for user namespaces'),
  row('validate', 'boolean', 'Validate daemon configuration and exit', { notInFile: true }),
  row('help', 'boolean', 'Print usage', { short: 'h', notInFile: true }),
  row('version', 'boolean', 'Print version information and quit', { short: 'v', notInFile: true }),
];

export const keyOf = (option: OptionRow): string => option.key ?? option.flag;
