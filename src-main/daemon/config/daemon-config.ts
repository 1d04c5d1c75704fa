/** The daemon's configuration: defaults, daemon.json, flags; merged and checked (moby daemon/config/config.go). */

import { existsSync } from 'node:fs';

import { parseBytes } from '../platform/go-values.ts';
import { rootlessPaths } from '../rootless/rootless-paths.ts';

import { readConfigFile } from './config-file.ts';
import { checkedMirror, normalizedHost, parsePool, parseUlimit } from './option-checks.ts';
import { OPTION_TABLE } from './option-table.ts';
import { type OptionValues, parseFlags } from './parse-flags.ts';
import { validateValues } from './validate-values.ts';

const SYSTEM_PATHS = {
  dataRoot: '/var/lib/windlass',
  execRoot: '/run/windlass',
  socket: '/run/windlass/docker.sock',
  pidFile: '/run/windlass/windlassd.pid',
} as const;
const TCP_PORT = 2375;
const TLS_PORT = 2376;

interface TlsConfig {
  readonly verify: boolean;
  readonly caCert: string;
  readonly cert: string;
  readonly key: string;
}

export interface DaemonConfig {
  readonly dataRoot: string;
  readonly execRoot: string;
  readonly pidFile: string;
  readonly hosts: readonly string[];
  readonly group: string;
  readonly debug: boolean;
  readonly logLevel: 'debug' | 'info' | 'warn' | 'error' | 'fatal';
  readonly logFormat: 'text' | 'json';
  readonly storageDriver: string | undefined;
  readonly storageOptions: readonly string[];
  readonly containerd: string | undefined;
  readonly containerdNamespace: string;
  readonly runtimes: ReadonlyMap<
    string,
    { readonly path: string; readonly runtimeArgs: readonly string[] }
  >;
  readonly defaultRuntime: string;
  /** Of an ordinary user: run inside rootlesskit, with all it has below the user's own directories. */
  readonly isRootless: boolean;
  readonly cgroupParent: string;
  readonly usesSystemdCgroup: boolean;
  readonly defaultUlimits: readonly {
    readonly Name: string;
    readonly Soft: number;
    readonly Hard: number;
  }[];
  readonly defaultShmSizeBytes: number;
  readonly defaultIpcMode: string;
  readonly defaultCgroupnsMode: string;
  readonly logDriver: string;
  readonly logOptions: Readonly<Record<string, string>>;
  readonly liveRestore: boolean;
  readonly shutdownTimeoutSeconds: number;
  readonly labels: readonly string[];
  readonly init: boolean;
  readonly initPath: string | undefined;
  readonly noNewPrivileges: boolean;
  readonly seccompProfile: string | undefined;
  readonly registry: {
    readonly mirrors: readonly string[];
    readonly insecureRegistries: readonly string[];
    readonly maxConcurrentDownloads: number;
    readonly maxDownloadAttempts: number;
    readonly maxConcurrentUploads: number;
  };
  readonly network: {
    readonly bridge?: string;
    readonly bip?: string;
    readonly fixedCidr?: string;
    readonly defaultGateway?: string;
    readonly hostGatewayIp?: string;
    readonly ipv6: boolean;
    readonly fixedCidrV6?: string;
    readonly userlandProxy: boolean;
    readonly mtu: number;
    readonly icc: boolean;
    readonly iptables: boolean;
    readonly ipForward: boolean;
    readonly ipMasq: boolean;
    readonly defaultAddressPools: readonly { readonly base: string; readonly size: number }[];
    readonly defaultIp: string;
    readonly dns: readonly string[];
    readonly dnsSearch: readonly string[];
    readonly dnsOptions: readonly string[];
  };
  readonly tls: TlsConfig | undefined;
  readonly experimental: boolean;
  /** Value of `Access-Control-Allow-Origin`; '' = no such headers. */
  readonly apiCorsHeader: string;
  /** In the order they are asked. */
  readonly authorizationPlugins: readonly string[];
  readonly oomScoreAdjust: number | undefined;
  /** Options that were given and from which nothing follows, with the reason. */
  readonly withoutEffect: readonly { readonly flag: string; readonly why: string }[];
}

/** Flags merged over daemon.json. Throws invalidArgument in dockerd's words. */
export function loadConfig(argv: readonly string[]): { config: DaemonConfig; flags: OptionValues } {
  const flags = parseFlags(argv);
  const file = readConfigFile(flags);
  const values = new Map([...file, ...flags]);
  validateValues(values);
  return { config: buildConfig(values), flags };
}

/** Reads values with their defaults. */
class Reader {
  readonly #values: OptionValues;

  constructor(values: OptionValues) {
    this.#values = values;
  }

  text(flag: string, fallback = ''): string {
    return (this.#values.get(flag) as string | undefined) ?? fallback;
  }

  optional(flag: string): string | undefined {
    const value = this.text(flag);
    return value === '' ? undefined : value;
  }

  flag(flag: string, fallback: boolean): boolean {
    return (this.#values.get(flag) as boolean | undefined) ?? fallback;
  }

  number(flag: string, fallback: number): number {
    return (this.#values.get(flag) as number | undefined) ?? fallback;
  }

  list(flag: string): readonly string[] {
    return (this.#values.get(flag) as readonly string[] | undefined) ?? [];
  }

  raw(flag: string): unknown {
    return this.#values.get(flag);
  }
}

function buildConfig(values: OptionValues): DaemonConfig {
  const read = new Reader(values);
  const level = read.text('log-level', 'info');
  const defaults = read.flag('rootless', false) ? rootlessPaths(process.env) : SYSTEM_PATHS;
  const execRoot = read.text('exec-root', defaults.execRoot);
  const tls = tlsOf(read);
  return {
    isRootless: read.flag('rootless', false),
    dataRoot: read.text('data-root', defaults.dataRoot),
    execRoot,
    pidFile: read.text('pidfile', defaults.pidFile),
    hosts: hostsOf(read, defaults.socket, tls ? TLS_PORT : TCP_PORT),
    group: read.text('group', 'docker'),
    debug: read.flag('debug', false),
    logLevel: read.flag('debug', false) ? 'debug' : (level as DaemonConfig['logLevel']),
    logFormat: read.text('log-format', 'text') as 'text' | 'json',
    storageDriver: read.optional('storage-driver'),
    storageOptions: read.list('storage-opt'),
    containerd: read.optional('containerd'),
    containerdNamespace: read.text('containerd-namespace', 'moby'),
    runtimes: runtimesOf(read),
    defaultRuntime: read.text('default-runtime', 'runc'),
    cgroupParent: read.text('cgroup-parent'),
    usesSystemdCgroup: cgroupDriverOf(read) === 'systemd',
    defaultUlimits: ulimitsOf(read),
    defaultShmSizeBytes: bytesOf(read.raw('default-shm-size') ?? '64M'),
    defaultIpcMode: read.text('default-ipc-mode', 'private'),
    defaultCgroupnsMode: read.text(
      'default-cgroupns-mode',
      existsSync('/sys/fs/cgroup/cgroup.controllers') ? 'private' : 'host',
    ),
    logDriver: read.text('log-driver', 'json-file'),
    logOptions: (read.raw('log-opt') ?? {}) as Readonly<Record<string, string>>,
    liveRestore: read.flag('live-restore', false),
    shutdownTimeoutSeconds: read.number('shutdown-timeout', 15),
    labels: read.list('label'),
    init: read.flag('init', false),
    initPath: read.optional('init-path'),
    noNewPrivileges: read.flag('no-new-privileges', false),
    seccompProfile: read.optional('seccomp-profile'),
    registry: {
      mirrors: read.list('registry-mirror').map(checkedMirror),
      insecureRegistries: read
        .list('insecure-registry')
        .map((name) => name.replace(/^https?:\/\//i, '')),
      maxConcurrentDownloads: read.number('max-concurrent-downloads', 3),
      maxDownloadAttempts: read.number('max-download-attempts', 5),
      maxConcurrentUploads: read.number('max-concurrent-uploads', 5),
    },
    network: networkOf(read),
    tls,
    experimental: read.flag('experimental', false),
    apiCorsHeader: read.text('api-cors-header'),
    authorizationPlugins: read.list('authorization-plugin'),
    oomScoreAdjust: read.raw('oom-score-adjust') as number | undefined,
    withoutEffect: withoutEffect(values),
  };
}

function networkOf(read: Reader): DaemonConfig['network'] {
  const optional = <K extends string>(key: K, flag: string): Partial<Record<K, string>> => {
    const value = read.optional(flag);
    return value === undefined ? {} : ({ [key]: value } as Record<K, string>);
  };
  return {
    ...optional('bridge', 'bridge'),
    ...optional('bip', 'bip'),
    ...optional('fixedCidr', 'fixed-cidr'),
    ...optional('defaultGateway', 'default-gateway'),
    ...optional('hostGatewayIp', 'host-gateway-ip'),
    ...optional('fixedCidrV6', 'fixed-cidr-v6'),
    ipv6: read.flag('ipv6', false),
    userlandProxy: read.flag('userland-proxy', true),
    mtu: read.number('mtu', 1500),
    icc: read.flag('icc', true),
    iptables: read.flag('iptables', true),
    ipForward: read.flag('ip-forward', true),
    ipMasq: read.flag('ip-masq', true),
    defaultAddressPools: poolsOf(read),
    defaultIp: read.text('ip', '0.0.0.0'),
    dns: read.list('dns'),
    dnsSearch: read.list('dns-search'),
    dnsOptions: read.list('dns-opt'),
  };
}

function hostsOf(read: Reader, socket: string, port: number): readonly string[] {
  const hosts = read.list('host');
  const asked = hosts.length > 0 ? hosts : [''];
  return asked.map((host) => normalizedHost(host, { socket, port }));
}

const withoutEffect = (values: OptionValues): DaemonConfig['withoutEffect'] =>
  OPTION_TABLE.flatMap(({ flag, noEffect }) => {
    const value = values.get(flag);
    const isGiven = value !== undefined && value !== false && value !== '';
    return noEffect !== undefined && isGiven ? [{ flag, why: noEffect }] : [];
  });

/** The last `native.cgroupdriver=…`. */
function cgroupDriverOf(read: Reader): string {
  const values = read.list('exec-opt').flatMap((option) => {
    const [key = '', value = ''] = option.split('=');
    return key.trim().toLowerCase() === 'native.cgroupdriver' ? [value.trim()] : [];
  });
  return values.at(-1) ?? '';
}

function poolsOf(read: Reader): readonly { base: string; size: number }[] {
  const rows = (read.raw('default-address-pool') ?? []) as readonly (
    | string
    | { base: string; size: number }
  )[];
  return rows.map((row) => (typeof row === 'string' ? parsePool(row) : row));
}

function runtimesOf(read: Reader): DaemonConfig['runtimes'] {
  const rows = (read.raw('add-runtime') ?? {}) as Record<
    string,
    string | { path?: string; runtimeArgs?: string[] }
  >;
  return new Map(
    Object.entries(rows).map(([name, value]) => [
      name,
      typeof value === 'string'
        ? { path: value, runtimeArgs: [] }
        : { path: value.path ?? '', runtimeArgs: value.runtimeArgs ?? [] },
    ]),
  );
}

function ulimitsOf(read: Reader): DaemonConfig['defaultUlimits'] {
  const rows = (read.raw('default-ulimit') ?? {}) as Record<
    string,
    string | { Name: string; Soft: number; Hard: number }
  >;
  return Object.entries(rows).map(([name, value]) =>
    typeof value === 'string' ? parseUlimit(`${name}=${value}`) : { ...value, Name: name },
  );
}

const bytesOf = (value: unknown): number =>
  typeof value === 'number' ? value : parseBytes(String(value));

/** `--tlsverify`, also `=false`, turns TLS on, as in dockerd. */
function tlsOf(read: Reader): TlsConfig | undefined {
  if (read.raw('tlsverify') === undefined && !read.flag('tls', false)) return undefined;
  return {
    verify: read.flag('tlsverify', false),
    caCert: read.text('tlscacert', '/etc/windlass/ca.pem'),
    cert: read.text('tlscert', '/etc/windlass/cert.pem'),
    key: read.text('tlskey', '/etc/windlass/key.pem'),
  };
}

/** The text of `--help`. */
export function helpText(): string {
  const rows = OPTION_TABLE.filter(
    ({ notAFlag, refusal }) => !notAFlag && refusal === undefined,
  ).map(({ flag, short, kind, help }) => {
    const left = `${short ? `-${short}, ` : '    '}--${flag}${kind === 'boolean' ? '' : ` ${kind}`}`;
    return `  ${left.padEnd(40)} ${help}`;
  });
  return `\nUsage:  windlassd [OPTIONS]\n\nA self-sufficient runtime for containers.\n\nOptions:\n${rows.join('\n')}\n`;
}
