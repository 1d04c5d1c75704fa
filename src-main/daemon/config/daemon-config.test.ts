/** Options and daemon.json: what dockerd 20.10.24 says to the same, word for word. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { type DaemonConfig, helpText, loadConfig } from './daemon-config.ts';

const directory = mkdtempSync(join(tmpdir(), 'daemon-config-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));
const file = join(directory, 'daemon.json');

function load(json: string, flags: readonly string[] = []): DaemonConfig {
  writeFileSync(file, json);
  return loadConfig(['--config-file', file, ...flags]).config;
}

function problem(json: string, flags: readonly string[] = []): string {
  try {
    load(json, flags);
  } catch (error) {
    return (error as Error).message;
  }
  return 'none';
}

const inFile = (text: string): string =>
  `unable to configure the Docker daemon with file ${file}: ${text}`;

describe('daemon.json', () => {
  it.each([
    [
      '{"debug":true,"foo":1,"bar":2}',
      "the following directives don't match any configuration option: bar, foo",
    ],
    ['{"mtu":"x"}', 'json: cannot unmarshal string into Go struct field Config.mtu of type int'],
    [
      '{"debug":"x"}',
      'json: cannot unmarshal string into Go struct field Config.debug of type bool',
    ],
    [
      '{"log-opts":{"max-size":1}}',
      'json: cannot unmarshal number into Go struct field Config.log-opts of type string',
    ],
    [
      '{"features":{"buildkit":1}}',
      'json: cannot unmarshal number into Go struct field Config.features of type bool',
    ],
    ['{"default-shm-size":"foo"}', "invalid size: 'foo'"],
    ['[]', 'json: cannot unmarshal array into Go value of type map[string]interface {}'],
    ['{', 'unexpected EOF'],
    ['', 'EOF'],
  ])('refuses %s', (json, words) => {
    // A value that cannot be is told where it is read; dockerd does so without naming the validation.
    expect(problem(json).replace('configuration validation from file failed: ', '')).toBe(
      inFile(words),
    );
  });

  it.each([
    ['{"labels":["ab"]}', 'bad attribute format: ab'],
    ['{"dns":["foo"]}', 'foo is not an ip address'],
    ['{"dns-search":["-"]}', '- is not a valid domain'],
    ['{"dns-search":["a..b"]}', 'a..b is not a valid domain'],
    ['{"max-concurrent-downloads":-1}', 'invalid max concurrent downloads: -1'],
    ['{"max-concurrent-uploads":-2}', 'invalid max concurrent uploads: -2'],
    ['{"max-download-attempts":0}', 'invalid max download attempts: 0'],
    ['{"default-runtime":"foo"}', "specified default runtime 'foo' does not exist"],
    ['{"runtimes":{"runc":{"path":"x"}}}', "runtime name 'runc' is reserved"],
    [
      '{"default-ipc-mode":"host"}',
      'IPC mode "host" is not supported as default value; use "shareable" or "private"',
    ],
    [
      '{"log-opts":{"nope":"1"}}',
      "failed to set log opts: unknown log opt 'nope' for json-file log driver",
    ],
    [
      '{"log-driver":"local","log-opts":{"tag":"x"}}',
      "failed to set log opts: unknown log opt 'tag' for log driver local",
    ],
    ['{"log-opts":{"mode":"x"}}', 'failed to set log opts: logger: logging mode not supported: x'],
    [
      '{"default-cgroupns-mode":"x"}',
      'default cgroup namespace mode (x) is invalid; use "host" or "private"',
    ],
  ])('validates %s', (json, words) => {
    expect(problem(json)).toBe(inFile(`configuration validation from file failed: ${words}`));
  });

  it('is asked for by name only when it is there', () => {
    expect(() => loadConfig(['--config-file', '/nope.json'])).toThrow(
      'unable to configure the Docker daemon with file /nope.json: open /nope.json: no such file or directory',
    );
  });

  it('takes every kind of value', () => {
    const config = load(
      JSON.stringify({
        'default-ulimits': { nofile: { Name: 'nofile', Hard: 10, Soft: 5 } },
        'default-address-pools': [{ base: '10.0.0.0/8', size: 24 }],
        'default-shm-size': '1g',
        runtimes: { crun: { path: '/usr/bin/crun', runtimeArgs: ['--debug'] } },
        'default-runtime': 'crun',
        'log-opts': { 'max-size': '1m' },
        'registry-mirrors': ['https://mirror.example'],
        'insecure-registries': ['http://127.0.0.1:5000'],
        'exec-opts': ['native.cgroupdriver=systemd'],
        'cgroup-parent': 'a.slice',
        hosts: ['127.0.0.1:4000'],
        features: { buildkit: true },
      }),
    );
    expect(config).toMatchObject({
      defaultUlimits: [{ Name: 'nofile', Hard: 10, Soft: 5 }],
      defaultShmSizeBytes: 1024 ** 3,
      defaultRuntime: 'crun',
      usesSystemdCgroup: true,
      logOptions: { 'max-size': '1m' },
      hosts: ['tcp://127.0.0.1:4000'],
      network: { defaultAddressPools: [{ base: '10.0.0.0/8', size: 24 }] },
      registry: { mirrors: ['https://mirror.example/'], insecureRegistries: ['127.0.0.1:5000'] },
    });
    expect(config.runtimes.get('crun')).toEqual({
      path: '/usr/bin/crun',
      runtimeArgs: ['--debug'],
    });
  });
});

describe('the same in both places', () => {
  it.each([
    ['{"debug":true}', ['-D'], 'debug: (from flag: true, from file: true)'],
    [
      '{"labels":["a=b"],"dns":["1.1.1.1"]}',
      ['--label', 'c=d', '--dns', '2.2.2.2'],
      'dns: (from flag: [2.2.2.2], from file: [1.1.1.1]), labels: (from flag: [c=d], from file: [a=b])',
    ],
    [
      '{"hosts":["unix:///x"]}',
      ['-H', 'unix:///y'],
      'hosts: (from flag: [unix:///y], from file: [unix:///x])',
    ],
    [
      '{"default-ulimits":{"nofile":{"Name":"nofile","Hard":10,"Soft":5}}}',
      ['--default-ulimit', 'nofile=4:5'],
      'default-ulimits: (from flag: [nofile=4:5], from file: map[nofile:map[Hard:10 Name:nofile Soft:5]])',
    ],
    [
      '{"log-opts":{"max-size":"1m"}}',
      ['--log-opt', 'max-file=2'],
      'log-opts: (from flag: map[max-file:2], from file: map[max-size:1m])',
    ],
  ])('%s and %j is refused', (json, flags, rows) => {
    expect(problem(json, flags)).toBe(
      inFile(
        `the following directives are specified both as a flag and in the configuration file: ${rows}`,
      ),
    );
  });
});

describe('flags', () => {
  it.each([
    [['--label', 'foo'], 'invalid argument "foo" for "--label" flag: bad attribute format: foo'],
    [
      ['--default-ulimit', 'foo=1'],
      'invalid argument "foo=1" for "--default-ulimit" flag: invalid ulimit type: foo',
    ],
    [
      ['--default-ulimit', 'nofile'],
      'invalid argument "nofile" for "--default-ulimit" flag: invalid ulimit argument: nofile',
    ],
    [
      ['--default-ulimit', 'nofile=5:4'],
      'invalid argument "nofile=5:4" for "--default-ulimit" flag: ulimit soft limit must be less than or equal to hard limit: 5 > 4',
    ],
    [
      ['--default-address-pool', 'base=10.0.0.0/8,size=x'],
      'invalid argument "base=10.0.0.0/8,size=x" for "--default-address-pool" flag: invalid size value: "x" (must be integer): strconv.Atoi: parsing "x": invalid syntax',
    ],
    [
      ['--default-address-pool', 'foo=10.0.0.0/8'],
      'invalid argument "foo=10.0.0.0/8" for "--default-address-pool" flag: unexpected key \'foo\' in \'foo=10.0.0.0/8\'',
    ],
    [
      ['--add-runtime', 'runc=x'],
      'invalid argument "runc=x" for "--add-runtime" flag: runtime name \'runc\' is reserved',
    ],
    [
      ['--add-runtime', 'x'],
      'invalid argument "x" for "--add-runtime" flag: invalid runtime argument: x',
    ],
    [['--dns', 'foo'], 'invalid argument "foo" for "--dns" flag: foo is not an ip address'],
    [
      ['--dns-search', 'foo..'],
      'invalid argument "foo.." for "--dns-search" flag: foo.. is not a valid domain',
    ],
    [['--ip', 'foo'], 'invalid argument "foo" for "--ip" flag: foo is not an ip address'],
    [
      ['--mtu', 'foo'],
      'invalid argument "foo" for "--mtu" flag: strconv.ParseInt: parsing "foo": invalid syntax',
    ],
    [
      ['--debug=foo'],
      'invalid argument "foo" for "-D, --debug" flag: strconv.ParseBool: parsing "foo": invalid syntax',
    ],
    [
      ['--registry-mirror', 'foo'],
      'invalid argument "foo" for "--registry-mirror" flag: invalid mirror: unsupported scheme "" in "foo"',
    ],
    [
      ['-H', 'foo://x'],
      'invalid argument "foo://x" for "-H, --host" flag: Invalid bind address format: foo://x',
    ],
    [
      ['--default-shm-size', 'foo'],
      'invalid argument "foo" for "--default-shm-size" flag: invalid size: \'foo\'',
    ],
    [['--foo'], 'unknown flag: --foo'],
    [['-Z'], "unknown shorthand flag: 'Z' in -Z"],
    [['--bip'], 'flag needs an argument: --bip'],
    [['foo'], '"windlassd" accepts no argument(s).'],
  ])('%j is refused', (flags, words) => {
    expect(problem('{}', flags)).toBe(`${words}\nSee 'windlassd --help'.`);
  });

  it.each([
    [['--log-level', 'foo'], 'unable to parse logging level: foo'],
    [['--label', 'a=b', '--label', 'a=c'], 'conflict labels for a=c and a=b'],
    [
      ['-b', 'x', '--bip', '10.1.1.1/24'],
      'You specified -b & --bip, mutually exclusive options. Please specify only one',
    ],
    [
      ['--iptables=false', '--icc=false'],
      'You specified --iptables=false with --icc=false. ICC=false uses iptables to function. Please set --icc or --iptables to true',
    ],
    [['--exec-opt', 'native.cgroupdriver=foo'], 'native.cgroupdriver option foo not supported'],
    [
      ['--cgroup-parent', 'foo', '--exec-opt', 'native.cgroupdriver=systemd'],
      'cgroup-parent for systemd cgroup should be a valid slice named as "xxx.slice"',
    ],
    [
      ['--swarm-default-advertise-addr', '10.0.0.1'],
      '--swarm-default-advertise-addr is not supported: this daemon is no part of a swarm or cluster store',
    ],
  ])('%j is refused beside others', (flags, words) => {
    expect(problem('{}', flags)).toContain(words);
  });

  it.each([
    ['', 'unix:///run/windlass/docker.sock'],
    ['unix://', 'unix:///run/windlass/docker.sock'],
    ['fd://', 'fd://'],
    ['tcp://0.0.0.0', 'tcp://0.0.0.0:2375'],
    [':9000', 'tcp://localhost:9000'],
    ['tcp://[::1]:9000', 'tcp://[::1]:9000'],
  ])('-H %j listens at %s', (host, where) => {
    expect(load('{}', ['-H', host]).hosts).toEqual([where]);
  });

  it("give tcp its TLS port, and TLS for --tlsverify's mere presence", () => {
    const config = load('{}', ['--tlsverify=false', '-H', 'tcp://127.0.0.1']);
    expect(config.hosts).toEqual(['tcp://127.0.0.1:2376']);
    expect(config.tls).toMatchObject({ verify: false });
  });

  it('from which nothing follows are told with the reason', () => {
    expect(load('{"selinux-enabled":true}').withoutEffect.map(({ flag }) => flag)).toEqual([
      'selinux-enabled',
    ]);
    expect(load('{"selinux-enabled":false}').withoutEffect).toEqual([]);
  });

  it('are all in the help, but for those that are refused', () => {
    expect(helpText()).toContain('-H, --host list');
    expect(helpText()).not.toContain('cluster-store');
  });
});
