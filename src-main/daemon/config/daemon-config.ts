/** The daemon's configuration: defaults, daemon.json, flags; merged and checked (moby daemon/config/config.go). */
import { existsSync, readFileSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { errorMessage, invalidArgument } from '../../../shared/errors.ts';
import { keyOf, OPTION_TABLE } from './option-table.ts';
import { type OptionValue, type OptionValues, parseFlags } from './parse-flags.ts';

const DEFAULT_CONFIG_FILE = '/etc/windlass/daemon.json';

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
}

/** Flags merged over daemon.json. Throws invalidArgument in dockerd's words. */
export function loadConfig(argv: readonly string[]): { config: DaemonConfig; flags: OptionValues } {
  const flags = parseFlags(argv);
  const file = readConfigFile(flags);
  const clashes = [...file.keys()].filter((flag) => flags.has(flag));
  if (clashes.length > 0) throw clashError(clashes, flags, file);
  return { config: buildConfig(new Map([...file, ...flags])), flags };
}

function clashError(clashes: readonly string[], flags: OptionValues, file: OptionValues): Error {
  const rows = clashes.map(
    (flag) =>
      `${flag}: (from flag: ${JSON.stringify(flags.get(flag))}, from file: ${JSON.stringify(file.get(flag))})`,
  );
  return invalidArgument(
    `the following directives are specified both as a flag and in the configuration file: ${rows.join(', ')}`,
  );
}

function readConfigFile(flags: OptionValues): OptionValues {
  const asked = flags.get('config-file');
  const path = typeof asked === 'string' ? asked : DEFAULT_CONFIG_FILE;
  if (!existsSync(path)) {
    if (asked === undefined) return new Map();
    throw invalidArgument(
      `unable to configure the daemon with file ${path}: open ${path}: no such file or directory`,
    );
  }
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    throw invalidArgument(
      `unable to configure the daemon with file ${path}: ${errorMessage(error)}`,
      { cause: error },
    );
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw invalidArgument(
      `unable to configure the daemon with file ${path}: it must hold a JSON object`,
    );
  return valuesOf(path, parsed as Record<string, unknown>);
}

function valuesOf(path: string, parsed: Record<string, unknown>): OptionValues {
  const byKey = new Map(
    OPTION_TABLE.filter((option) => !option.notInFile).flatMap((option) => [
      [keyOf(option), option] as const,
      [option.flag, option] as const,
    ]),
  );
  const unknown = Object.keys(parsed).filter((key) => !byKey.has(key));
  if (unknown.length > 0)
    throw invalidArgument(
      `unable to configure the daemon with file ${path}: the following directives don't match any configuration option: ${unknown.join(', ')}`,
    );
  const values: OptionValues = new Map();
  for (const [key, value] of Object.entries(parsed)) {
    const option = byKey.get(key);
    if (!option) continue;
    if (!hasKind(value, option.kind))
      throw invalidArgument(
        `unable to configure the daemon with file ${path}: ${key} must be a ${option.kind}`,
      );
    values.set(option.flag, value as OptionValue);
  }
  return values;
}

function hasKind(value: unknown, kind: string): boolean {
  switch (kind) {
    case 'list':
      return Array.isArray(value);
    case 'map':
      return typeof value === 'object' && value !== null && !Array.isArray(value);
    default:
      return typeof value === kind;
  }
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

const LEVELS = ['debug', 'info', 'warn', 'error', 'fatal'] as const;

function buildConfig(values: OptionValues): DaemonConfig {
  const read = new Reader(values);
  verify(read);
  const level = read.text('log-level', 'info');
  const execRoot = read.text('exec-root', '/run/windlass');
  const hosts = read.list('host');
  return {
    dataRoot: read.text('data-root', '/var/lib/windlass'),
    execRoot,
    pidFile: read.text('pidfile', '/run/windlass/windlassd.pid'),
    hosts: hosts.length > 0 ? hosts : ['unix:///run/windlass/docker.sock'],
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
    usesSystemdCgroup: read.list('exec-opt').includes('native.cgroupdriver=systemd'),
    defaultUlimits: ulimitsOf(read),
    defaultShmSizeBytes: bytesOf(read.text('default-shm-size', '64M')),
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
      mirrors: read.list('registry-mirror'),
      insecureRegistries: read.list('insecure-registry'),
      maxConcurrentDownloads: read.number('max-concurrent-downloads', 3),
      maxDownloadAttempts: read.number('max-download-attempts', 5),
      maxConcurrentUploads: read.number('max-concurrent-uploads', 5),
    },
    network: networkOf(read),
    tls: tlsOf(read),
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

function poolsOf(read: Reader): readonly { base: string; size: number }[] {
  const rows = (read.raw('default-address-pool') ?? []) as readonly (
    | string
    | { base: string; size: number }
  )[];
  return rows.map((row) => {
    if (typeof row !== 'string') return row;
    const { base = '', size = '' } = Object.fromEntries(
      row.split(',').map((part) => part.split('=')),
    );
    if (base === '' || !/^\d+$/.test(size))
      throw invalidArgument(
        `invalid argument "${row}" for "--default-address-pool" flag: must be base=CIDR,size=N`,
      );
    return { base, size: Number(size) };
  });
}

function runtimesOf(read: Reader): DaemonConfig['runtimes'] {
  const rows = (read.raw('add-runtime') ?? {}) as Record<
    string,
    string | { path: string; runtimeArgs?: string[] }
  >;
  return new Map(
    Object.entries(rows).map(([name, value]) => {
      if (name === 'runc') throw invalidArgument("runtime name 'runc' is reserved");
      return typeof value === 'string'
        ? [name, { path: value, runtimeArgs: [] }]
        : [name, { path: value.path, runtimeArgs: value.runtimeArgs ?? [] }];
    }),
  );
}

function ulimitsOf(read: Reader): DaemonConfig['defaultUlimits'] {
  const rows = (read.raw('default-ulimit') ?? {}) as Record<
    string,
    string | { Name: string; Soft: number; Hard: number }
  >;
  return Object.entries(rows).map(([name, value]) => {
    if (typeof value !== 'string') return { ...value, Name: name };
    const [soft = '', hard = soft] = value.split(':');
    return { Name: name, Soft: Number(soft), Hard: Number(hard) };
  });
}

function bytesOf(text: string): number {
  const match = /^(\d+)([kmg]?)b?$/i.exec(text);
  if (!match) throw invalidArgument(`invalid size: '${text}'`);
  const exponent = ['', 'k', 'm', 'g'].indexOf((match[2] ?? '').toLowerCase());
  return Number(match[1]) * 1024 ** exponent;
}

function tlsOf(read: Reader): TlsConfig | undefined {
  const verifyRemote = read.flag('tlsverify', false);
  if (!verifyRemote && !read.flag('tls', false)) return undefined;
  return {
    verify: verifyRemote,
    caCert: read.text('tlscacert', '/etc/windlass/ca.pem'),
    cert: read.text('tlscert', '/etc/windlass/cert.pem'),
    key: read.text('tlskey', '/etc/windlass/key.pem'),
  };
}

/** Values that exclude each other or mean nothing. */
function verify(read: Reader): void {
  const level = read.text('log-level', 'info');
  if (!(LEVELS as readonly string[]).includes(level))
    throw invalidArgument(`unable to parse logging level: ${level}`);
  if (!['text', 'json'].includes(read.text('log-format', 'text')))
    throw invalidArgument(`invalid log format: ${read.text('log-format')}`);
  if (read.text('bridge') !== '' && read.text('bip') !== '')
    throw invalidArgument(
      'You specified -b & --bip, mutually exclusive options. Please specify only one',
    );
  if (!read.flag('iptables', true) && !read.flag('icc', true))
    throw invalidArgument(
      'You specified --iptables=false with --icc=false. ICC=false uses iptables to function. Please set --icc or --iptables to true',
    );
  for (const flag of ['data-root', 'exec-root', 'pidfile']) {
    const path = read.text(flag, '/');
    if (!isAbsolute(path))
      throw invalidArgument(`--${flag} must be an absolute path, not "${path}"`);
  }
  for (const flag of [
    'max-concurrent-downloads',
    'max-concurrent-uploads',
    'shutdown-timeout',
    'mtu',
  ]) {
    if (read.number(flag, 1) < 0) throw invalidArgument(`invalid ${flag}: ${read.number(flag, 1)}`);
  }
  const runtimes = new Set(['runc', ...runtimesOf(read).keys()]);
  const runtime = read.text('default-runtime', 'runc');
  if (!runtimes.has(runtime))
    throw invalidArgument(`specified default runtime '${runtime}' does not exist`);
  if (read.text('userns-remap') !== '')
    throw invalidArgument('--userns-remap is not supported yet; leave it out');
  for (const host of read.list('host')) {
    if (!/^(unix|tcp|fd):\/\/.*/.test(host))
      throw invalidArgument(
        `invalid bind address (${host}): use unix://PATH or tcp://ADDRESS:PORT`,
      );
  }
}

/** The text of `--help`. */
export function helpText(): string {
  const rows = OPTION_TABLE.map(({ flag, short, kind, help }) => {
    const left = `${short ? `-${short}, ` : '    '}--${flag}${kind === 'boolean' ? '' : ` ${kind}`}`;
    return `  ${left.padEnd(40)} ${help}`;
  });
  return `\nUsage:  windlassd [OPTIONS]\n\nA self-sufficient runtime for containers.\n\nOptions:\n${rows.join('\n')}\n`;
}
