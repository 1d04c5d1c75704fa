import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { HostConfig } from '../../../shared/engine/engine-api.ts';
import { mount, unmount } from '../platform/mount.ts';
import { ALL_CAPABILITIES } from './capabilities.ts';
import { execProcess } from './oci-process.ts';
import { buildOciSpec, type SpecRequest } from './oci-spec.ts';
import type { OciMount, OciSpec } from './oci-types.ts';

const BASE: SpecRequest = {
  containerId: 'abc',
  config: { Hostname: 'name' },
  hostConfig: { NetworkMode: 'bridge' },
  rootfs: '/root/fs',
  user: { uid: 0, gid: 0, additionalGids: [0], home: '/root' },
  args: ['sh', '-c', 'true'],
  env: ['A=1'],
  mounts: {
    mounts: [],
    tmpfs: {},
    networkFiles: { hosts: '/c/hosts', hostname: '/c/hostname', resolvConf: '/c/resolv.conf' },
    shmPath: undefined,
    shmSizeBytes: 1000,
    initPath: undefined,
    readOnlyRootfs: false,
  },
  namespaces: { network: '/netns/x', pid: 'new', ipc: 'new', uts: 'new', cgroup: 'host' },
  cgroup: { parent: '', usesSystemd: false },
  defaultUlimits: [],
  daemonSeccompProfile: undefined,
  noNewPrivileges: false,
};

const build = (hostConfig: HostConfig = {}, rest: Partial<SpecRequest> = {}): OciSpec =>
  buildOciSpec({ ...BASE, ...rest, hostConfig: { ...BASE.hostConfig, ...hostConfig } });

const buildMounts = (
  mounts: Partial<SpecRequest['mounts']>,
  hostConfig: HostConfig = {},
): OciSpec => build(hostConfig, { mounts: { ...BASE.mounts, ...mounts } });

const at = (spec: OciSpec, destination: string): OciMount | undefined =>
  spec.mounts.find((one) => one.destination === destination);

const places = (spec: OciSpec): string[] => spec.mounts.map((one) => one.destination);

describe('the process', () => {
  it('of root holds the default capabilities, of anyone else only their bounds', () => {
    const root = build().process.capabilities;
    expect(root?.effective).toHaveLength(14);
    expect(root).toMatchObject({ inheritable: [], ambient: [] });
    const user = { uid: 1000, gid: 1000, additionalGids: [1000], home: '/' };
    expect(build({}, { user }).process.capabilities).toEqual({
      bounding: root?.bounding,
      effective: [],
      permitted: [],
      inheritable: [],
      ambient: [],
    });
  });

  it('has limits of its own over the daemon defaults', () => {
    const { rlimits } = build(
      { Ulimits: [{ Name: 'nofile', Soft: 1, Hard: 2 }] },
      {
        defaultUlimits: [
          { Name: 'nofile', Soft: 5, Hard: 6 },
          { Name: 'core', Soft: 0, Hard: 0 },
        ],
      },
    ).process;
    expect(rlimits).toEqual([
      { type: 'RLIMIT_NOFILE', soft: 1, hard: 2 },
      { type: 'RLIMIT_CORE', soft: 0, hard: 0 },
    ]);
  });

  it('starts in a clean absolute directory, / when nothing is said', () => {
    expect(build().process.cwd).toBe('/');
    expect(build({}, { config: { WorkingDir: '/a//b/../c/' } }).process.cwd).toBe('/a/c');
  });

  it('has a console of the size asked for, if it has a terminal', () => {
    const size = { ConsoleSize: [24, 80] };
    expect(build(size, { config: { Tty: true } }).process).toMatchObject({
      terminal: true,
      consoleSize: { height: 24, width: 80 },
    });
    expect(build(size).process).not.toHaveProperty('consoleSize');
  });

  it('runs under docker-init when asked', () => {
    const spec = buildMounts({ initPath: '/usr/bin/tini' });
    expect(spec.process.args).toEqual(['/sbin/docker-init', '--', 'sh', '-c', 'true']);
    expect(at(spec, '/sbin/docker-init')).toMatchObject({
      source: '/usr/bin/tini',
      options: ['bind', 'ro'],
    });
  });

  it('gains no privileges when container or daemon say so; the container has the last word', () => {
    expect(build().process.noNewPrivileges).toBe(false);
    const option = { SecurityOpt: ['no-new-privileges'] };
    expect(build(option).process.noNewPrivileges).toBe(true);
    const relaxed = { SecurityOpt: ['no-new-privileges=false'] };
    expect(build(relaxed, { noNewPrivileges: true }).process.noNewPrivileges).toBe(false);
    expect(build({}, { noNewPrivileges: true }).process.noNewPrivileges).toBe(true);
  });
});

describe('the process of an exec', () => {
  const request = {
    hostConfig: { SecurityOpt: ['no-new-privileges'], CapDrop: ['ALL'], OomScoreAdj: 7 },
    user: { uid: 5, gid: 5, additionalGids: [5], home: '/' },
    args: ['id'],
    env: [],
    terminal: false,
    cwd: '',
    defaultUlimits: [{ Name: 'nofile', Soft: 5, Hard: 6 }],
    noNewPrivileges: false,
  };

  it('is confined as its container is', () => {
    expect(execProcess({ ...request, cwd: 'as/asked' }, false)).toMatchObject({
      cwd: 'as/asked',
      noNewPrivileges: true,
      oomScoreAdj: 7,
      rlimits: [{ type: 'RLIMIT_NOFILE', soft: 5, hard: 6 }],
      capabilities: { bounding: [], effective: [] },
    });
  });

  it('that is privileged holds everything', () => {
    expect(execProcess(request, true).capabilities).toMatchObject({
      bounding: ALL_CAPABILITIES,
      effective: ALL_CAPABILITIES,
    });
  });
});

describe('mounts', () => {
  it('come in Docker order: defaults, then shallow before deep', () => {
    const spec = buildMounts({
      mounts: ['/b/c/d', '/a'].map((destination) => ({
        type: 'bind',
        source: '/src',
        destination,
        readWrite: true,
        propagation: '',
      })),
      tmpfs: { '/t/u': '' },
    });
    expect(places(spec)).toEqual([
      '/proc',
      '/dev',
      '/dev/pts',
      '/sys',
      '/sys/fs/cgroup',
      '/dev/mqueue',
      '/dev/shm',
      '/a',
      '/t/u',
      '/etc/resolv.conf',
      '/etc/hostname',
      '/etc/hosts',
      '/b/c/d',
    ]);
  });

  it('of the user replace those of the same place, and /dev hides what is below it', () => {
    const own = { type: 'bind', readWrite: true, propagation: '' } as const;
    const hosts = buildMounts({ mounts: [{ ...own, source: '/mine', destination: '/etc/hosts' }] });
    expect(places(hosts).filter((path) => path === '/etc/hosts')).toHaveLength(1);
    expect(at(hosts, '/etc/hosts')?.source).toBe('/mine');
    const dev = buildMounts({ mounts: [{ ...own, source: '/dev', destination: '/dev' }] });
    expect(places(dev).filter((path) => path.startsWith('/dev'))).toEqual(['/dev']);
  });

  it('are read-only, recursive and private as asked', () => {
    const mounts = (['/one', '/two'] as const).map((destination, index) => ({
      type: 'bind' as const,
      source: '/src',
      destination,
      readWrite: index === 0,
      propagation: '',
      isRecursive: index === 0,
    }));
    const spec = buildMounts({ mounts });
    expect(at(spec, '/one')?.options).toEqual(['rbind', 'rprivate']);
    expect(at(spec, '/two')?.options).toEqual(['bind', 'ro', 'rprivate']);
  });

  it('of the network files cannot be written in a read-only root', () => {
    const spec = buildMounts({ readOnlyRootfs: true }, { ReadonlyRootfs: true });
    expect(at(spec, '/etc/hosts')?.options).toContain('ro');
    expect(spec.root.readonly).toBe(true);
  });

  it.each([
    [
      'private',
      undefined,
      { type: 'tmpfs', options: expect.arrayContaining(['size=1000']) as unknown },
    ],
    ['shareable', '/c/shm', { type: 'bind', source: '/c/shm' }],
    ['host', undefined, { type: 'bind', source: '/dev/shm' }],
  ])('give ipc mode %s its /dev/shm', (IpcMode, shmPath, wanted) => {
    expect(at(buildMounts({ shmPath }, { IpcMode }), '/dev/shm')).toMatchObject(wanted);
  });

  it('have no /dev/shm for ipc mode none', () => {
    expect(at(build({ IpcMode: 'none' }), '/dev/shm')).toBeUndefined();
  });

  it('of a privileged container can be written', () => {
    const spec = build({ Privileged: true });
    expect(at(spec, '/sys')?.options).not.toContain('ro');
    expect(at(spec, '/sys/fs/cgroup')?.options).not.toContain('ro');
    expect(at(build(), '/sys')?.options).toContain('ro');
  });
});

describe('propagation', () => {
  let source: string;

  beforeEach(async () => {
    source = await mkdtemp(join(tmpdir(), 'wl-propagation-'));
    mount({ source, target: source, type: '', flags: ['bind'] });
    mount({ source: '', target: source, type: '', flags: ['private'] });
  });

  afterEach(async () => {
    unmount(source);
    await rm(source, { recursive: true });
  });

  const withMount = (propagation: string): OciSpec =>
    buildMounts({
      mounts: [{ type: 'bind', source, destination: '/x', readWrite: true, propagation }],
    });

  it('is left to the runtime when no mount asks for any', () => {
    expect(withMount('rprivate').linux).not.toHaveProperty('rootfsPropagation');
  });

  it('is what a shared or slave mount needs', () => {
    mount({ source: '', target: source, type: '', flags: ['shared'] });
    expect(withMount('rshared').linux.rootfsPropagation).toBe('shared');
    expect(withMount('rslave').linux.rootfsPropagation).toBe('rslave');
  });

  it('cannot come from a mount that has none', () => {
    expect(() => withMount('shared')).toThrow(
      `path ${source} is mounted on ${source} but it is not a shared mount`,
    );
    expect(() => withMount('slave')).toThrow('but it is not a shared or slave mount');
  });
});

describe('namespaces', () => {
  it('are joined by path, new, or the host left as it is', () => {
    const namespaces = {
      network: '/n',
      pid: '/proc/7/ns/pid',
      ipc: 'host',
      uts: 'new',
      cgroup: 'new',
    };
    expect(build({}, { namespaces }).linux.namespaces).toEqual([
      { type: 'mount' },
      { type: 'network', path: '/n' },
      { type: 'pid', path: '/proc/7/ns/pid' },
      { type: 'uts' },
      { type: 'cgroup' },
    ]);
  });

  it('without an own uts leave the hostname alone', () => {
    const namespaces = { ...BASE.namespaces, uts: 'host' };
    expect(build({}, { namespaces })).not.toHaveProperty('hostname');
    expect(build().hostname).toBe('name');
  });

  it.each([
    ['bridge', true],
    ['none', true],
    ['host', false],
    ['container:x', false],
  ])('of network mode %s: sysctls of its own is %s', (NetworkMode, isOwn) => {
    const { sysctl = {} } = build({ NetworkMode }).linux;
    expect('net.ipv4.ip_unprivileged_port_start' in sysctl).toBe(isOwn);
  });

  it('take sysctls and a domain name of the user', () => {
    const spec = build(
      { Sysctls: { 'net.ipv4.ip_unprivileged_port_start': '1024' } },
      { config: { Hostname: 'h', Domainname: 'd.example' } },
    );
    expect(spec.linux.sysctl).toMatchObject({
      'kernel.domainname': 'd.example',
      'net.ipv4.ip_unprivileged_port_start': '1024',
    });
  });
});

describe('resources', () => {
  it('translate every limit', () => {
    const { resources } = build({
      Memory: 100,
      MemorySwap: 200,
      MemoryReservation: 50,
      MemorySwappiness: 10,
      OomKillDisable: true,
      NanoCpus: 1_500_000_000,
      CpuShares: 512,
      CpusetCpus: '0-1',
      PidsLimit: 50,
    }).linux;
    expect(resources.memory).toEqual({
      limit: 100,
      swap: 200,
      reservation: 50,
      swappiness: 10,
      disableOOMKiller: true,
    });
    expect(resources.cpu).toEqual({ quota: 150_000, period: 100_000, shares: 512, cpus: '0-1' });
    expect(resources.pids).toEqual({ limit: 50 });
  });

  it.each([
    [null, undefined],
    [0, { limit: -1 }],
    [-1, { limit: -1 }],
  ])('read a pids limit of %j as none', (PidsLimit, pids) => {
    expect(build({ PidsLimit }).linux.resources.pids).toEqual(pids);
  });

  it('leave swap alone when it is unlimited', () => {
    expect(build({ Memory: 100, MemorySwap: -1 }).linux.resources.memory).toEqual({ limit: 100 });
  });

  it('name block devices by number and refuse those that are none', () => {
    const { blockIO } = build({ BlkioDeviceReadBps: [{ Path: '/dev/null', Rate: 7 }] }).linux
      .resources;
    expect(blockIO?.['throttleReadBpsDevice']).toEqual([{ major: 1, minor: 3, rate: 7 }]);
    expect(() => build({ BlkioDeviceReadBps: [{ Path: '/dev/nope', Rate: 7 }] })).toThrow(
      'stat /dev/nope: no such file or directory',
    );
  });

  it.each([
    ['', '', false, '/docker/abc'],
    ['/daemon', '', false, '/daemon/abc'],
    ['/daemon', '/own', false, '/own/abc'],
    ['', '', true, 'system.slice:docker:abc'],
    ['my.slice', '', true, 'my.slice:docker:abc'],
  ])('of parent %j and %j (systemd %s) are in cgroup %s', (parent, own, usesSystemd, path) => {
    const spec = build({ CgroupParent: own }, { cgroup: { parent, usesSystemd } });
    expect(spec.linux.cgroupsPath).toBe(path);
  });
});

describe('devices', () => {
  const mapping = (path: string, CgroupPermissions = 'rwm'): HostConfig => ({
    Devices: [{ PathOnHost: path, PathInContainer: '/dev/x', CgroupPermissions }],
  });

  it('are made and allowed as asked', () => {
    const { devices, resources } = build(mapping('/dev/null', 'rw')).linux;
    expect(devices).toEqual([
      expect.objectContaining({ path: '/dev/x', type: 'c', major: 1, minor: 3, fileMode: 0o666 }),
    ]);
    expect(resources.devices?.[0]).toEqual({ allow: false, access: 'rwm' });
    expect(resources.devices?.at(-1)).toEqual({
      allow: true,
      type: 'c',
      major: 1,
      minor: 3,
      access: 'rw',
    });
  });

  it('of a directory are all that lie in it', () => {
    const { devices } = build(mapping('/dev/pts')).linux;
    expect(devices?.some(({ path }) => path === '/dev/x/ptmx')).toBe(true);
  });

  it('that are none are refused', () => {
    const prefix = 'error gathering device information while adding custom device';
    expect(() => build(mapping('/dev/nope'))).toThrow(
      `${prefix} "/dev/nope": no such file or directory`,
    );
    expect(() => build(mapping('/etc/passwd'))).toThrow(
      `${prefix} "/etc/passwd": not a device node`,
    );
    expect(() => build({ DeviceRequests: [{ Capabilities: [['gpu', 'nvidia']] }] })).toThrow(
      'could not select device driver "" with capabilities: [[gpu nvidia]]',
    );
  });

  it('take further rules', () => {
    const rules = (text: string): unknown =>
      build({ DeviceCgroupRules: [text] }).linux.resources.devices?.at(-1);
    expect(rules('c 42:* rmw')).toEqual({ allow: true, type: 'c', major: 42, access: 'rmw' });
    expect(rules('a *:* r')).toEqual({ allow: true, type: 'a', access: 'r' });
    expect(() => rules('x 1:1 r')).toThrow("invalid device cgroup rule format: 'x 1:1 r'");
  });

  it('of a privileged container are the host devices, all allowed', () => {
    const { devices, resources, seccomp } = build({ Privileged: true }).linux;
    expect(devices?.some(({ path }) => path === '/dev/null')).toBe(true);
    expect(devices?.some(({ path }) => path.startsWith('/dev/pts'))).toBe(false);
    expect(resources.devices).toEqual([{ allow: true, access: 'rwm' }]);
    expect(seccomp).toBeUndefined();
  });
});
