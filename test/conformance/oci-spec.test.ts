/** The same create options give the runtime the same OCI spec on both daemons. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { type BothDaemons, type ComparedEngine, startBothDaemons } from './both-daemons.ts';

const SEED = 20_201_024;
const RUNS = 25;
const LIMIT_MS = 240_000;

let both: BothDaemons;

beforeAll(async () => {
  both = await startBothDaemons();
}, LIMIT_MS);
afterAll(() => both?.[Symbol.asyncDispose](), LIMIT_MS);

const megabytes = (low: number, high: number) =>
  fc.integer({ min: low, max: high }).map((count) => count * 1024 * 1024);
const some = <T>(...values: readonly T[]) =>
  fc.subarray([...values], { minLength: 0, maxLength: values.length });

/** One memory figure from another, so that none contradicts the limit. */
const memory = fc.record(
  { Memory: megabytes(16, 512), MemoryReservation: megabytes(6, 16) },
  { requiredKeys: [] },
);

/** Options that any kernel with cgroups takes, and that leave a container that could start. */
const hostConfig = fc
  .record(
    {
      CapAdd: some('NET_ADMIN', 'SYS_PTRACE', 'CAP_SYS_NICE'),
      CapDrop: some('MKNOD', 'CHOWN', 'NET_RAW'),
      ReadonlyRootfs: fc.boolean(),
      ShmSize: megabytes(1, 128),
      IpcMode: fc.constantFrom('private', 'shareable', 'host', 'none'),
      PidMode: fc.constantFrom('', 'host'),
      UTSMode: fc.constantFrom('', 'host'),
      CgroupnsMode: fc.constantFrom('host', 'private'),
      NetworkMode: fc.constantFrom('none', 'host'),
      OomScoreAdj: fc.integer({ min: 0, max: 1000 }),
      CpuShares: fc.integer({ min: 2, max: 2048 }),
      CpuPeriod: fc.integer({ min: 10_000, max: 100_000 }),
      CpuQuota: fc.integer({ min: 10_000, max: 100_000 }),
      CpusetCpus: fc.constantFrom('', '0'),
      PidsLimit: fc.integer({ min: 10, max: 1000 }),
      Ulimits: fc.constantFrom([], [{ Name: 'nofile', Soft: 1024, Hard: 2048 }]),
      Sysctls: fc.constantFrom({}, { 'kernel.shm_rmid_forced': '1' }),
      GroupAdd: some('users', '77'),
      Tmpfs: fc.constantFrom({}, { '/scratch': 'size=1m' }, { '/scratch': 'rw,exec,mode=700' }),
      Devices: fc.constantFrom(
        [],
        [{ PathOnHost: '/dev/null', PathInContainer: '/dev/mine', CgroupPermissions: 'r' }],
      ),
      DeviceCgroupRules: some('c 1:3 rwm', 'b 8:* r'),
      SecurityOpt: some('no-new-privileges', 'seccomp=unconfined'),
      Init: fc.boolean(),
    },
    { requiredKeys: ['NetworkMode'] },
  )
  .chain((limits) => memory.map((figures) => ({ ...limits, ...figures })))
  // A namespace of the host's takes no sysctl, and with `none` there is no /dev/shm to size.
  .map((config) => (config.IpcMode === 'host' ? { ...config, Sysctls: {} } : config));

const body = fc
  .record(
    {
      Cmd: fc.constantFrom(['sleep', '60'], ['sh', '-c', 'sleep 60']),
      Env: some('A=1', 'PATH=/bin:/usr/bin', 'EMPTY='),
      User: fc.constantFrom('', 'daemon', '1000', '33:100', 'root:users'),
      WorkingDir: fc.constantFrom('', '/tmp', '/made/here'),
      Tty: fc.boolean(),
      OpenStdin: fc.boolean(),
    },
    { requiredKeys: ['Cmd'] },
  )
  .chain((config) =>
    hostConfig.map((HostConfig) => ({ Image: 'busybox', Hostname: 'same', ...config, HostConfig })),
  )
  .map((made) => (made.HostConfig.UTSMode === 'host' ? { ...made, Hostname: undefined } : made));

interface Spec {
  [key: string]: unknown;
}

/** Creates and starts, reads what runc was given, removes. */
async function specOf(engine: ComparedEngine, options: unknown): Promise<Spec> {
  const { daemon } = engine;
  const created = await daemon.api('POST', '/v1.41/containers/create', options);
  expect(`${created.status} ${created.status === 201 ? '' : created.body}`).toBe('201 ');
  const { Id: id } = JSON.parse(created.body) as { Id: string };
  try {
    const started = await daemon.api('POST', `/v1.41/containers/${id}/start`);
    expect(`${started.status}${started.body}`).toBe('204');
    const bundle = join('containerd/daemon/io.containerd.runtime.v2.task/moby', id, 'config.json');
    const text = readFileSync(join(daemon.execRoot, bundle), 'utf8');
    return JSON.parse(withoutNames(text, engine, id)) as Spec;
  } finally {
    await daemon.api('DELETE', `/v1.41/containers/${id}?force=1&v=1`);
  }
}

function withoutNames(text: string, { daemon }: ComparedEngine, id: string): string {
  return text
    .replaceAll(id, '<id>')
    .replaceAll(id.slice(0, 12), '<id>')
    .replaceAll(daemon.dataRoot, '<data>')
    .replaceAll(daemon.execRoot, '<exec>')
    .replaceAll(daemon.root.slice(daemon.root.lastIndexOf('/') + 1), '<root>');
}

/** Go leaves out what is empty; ours is written whole. */
function withoutEmpty(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutEmpty);
  // A device number of -1 is any, and so is none.
  if (value === -1) return undefined;
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value)
    .map(([key, child]) => [key, withoutEmpty(child)] as const)
    .filter(([, child]) => !isEmpty(child));
  return Object.fromEntries(kept);
}

const isEmpty = (value: unknown): boolean =>
  value === null ||
  value === undefined ||
  value === false ||
  value === 0 ||
  value === '' ||
  (typeof value === 'object' && Object.keys(value).length === 0);

type Parts = {
  root: { path: string };
  hooks?: unknown;
  process: {
    env: string[];
    user: { additionalGids?: number[] };
    capabilities?: Record<string, string[]>;
  };
  linux: {
    namespaces: { type: string; path?: string }[];
    maskedPaths?: string[];
    seccomp?: unknown;
  };
};

/**
 * What the two mean to differ in. The network namespace is given as a path here, and there made by a hook or, for
 * the host's, given as a path of its own. HOME
 * is set here, by runc there. This daemon hides one path more and has a newer seccomp profile, as later
 * Docker does. Sets are compared as sets.
 */
function comparable(spec: Spec): unknown {
  const { hooks: _hooks, ...rest } = withoutEmpty(spec) as Parts & Spec;
  const { linux, process: init } = rest;
  const capabilities = Object.entries(init.capabilities ?? {}).map(
    ([set, names]) => [set, names.toSorted()] as const,
  );
  return {
    ...rest,
    root: { ...rest.root, path: rest.root.path.replace(/[^/]+(\/merged)?$/, '<layer>') },
    process: {
      ...init,
      env: init.env.filter((entry) => !entry.startsWith('HOME=')).toSorted(),
      capabilities: Object.fromEntries(capabilities),
      user: {
        ...init.user,
        additionalGids: [...new Set(init.user.additionalGids)].toSorted((a, b) => a - b),
      },
    },
    linux: {
      ...linux,
      namespaces: linux.namespaces
        .filter(({ type }) => type !== 'network')
        .map(({ type, path }) => `${type} ${path ?? ''}`)
        .toSorted(),
      maskedPaths: linux.maskedPaths?.filter((path) => path !== '/sys/devices/virtual/powercap'),
      seccomp: linux.seccomp !== undefined,
    },
  };
}

it(
  `is the same for ${RUNS} random sets of options`,
  async () => {
    const property = fc.asyncProperty(body, async (options) => {
      const [ours, theirs] = await Promise.all([
        specOf(both.ours, options),
        specOf(both.theirs, options),
      ]);
      expect(comparable(ours)).toEqual(comparable(theirs));
    });
    await fc.assert(property, { seed: SEED, numRuns: RUNS, endOnFailure: true });
  },
  LIMIT_MS,
);
