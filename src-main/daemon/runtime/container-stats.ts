/**
 * A container's figures straight from its cgroup and network namespace, in the API's names
 * (moby daemon/stats_unix.go). Reading files of a cgroup is faster than asking the shim and the same numbers.
 */
import { readFile } from 'node:fs/promises';
import { cpus } from 'node:os';
import { join } from 'node:path';
import { hasErrno } from '../platform/libc.ts';

const CGROUP_ROOT = '/sys/fs/cgroup';
const NS_PER_TICK = 10_000_000;

type Figures = Record<string, number>;

export interface ContainerStatsSample {
  readonly read: string;
  readonly cpu_stats: object;
  readonly memory_stats: object;
  readonly blkio_stats: object;
  readonly pids_stats: object;
  readonly networks?: Readonly<Record<string, Figures>>;
}

async function text(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENODEV', 'EOPNOTSUPP')) return '';
    throw error;
  }
}

const number = async (path: string): Promise<number> => {
  const value = await text(path);
  return value === 'max' || value === '' ? 0 : Number(value);
};

async function keyed(path: string): Promise<Figures> {
  const rows = (await text(path)).split('\n').filter(Boolean);
  return Object.fromEntries(
    rows.map((row) => row.split(/\s+/)).map(([key, value]) => [key ?? '', Number(value)]),
  );
}

/** Controller → directory; v2 under ''. */
async function cgroupDirectories(pid: number): Promise<ReadonlyMap<string, string>> {
  const found = new Map<string, string>();
  for (const line of (await readFile(`/proc/${pid}/cgroup`, 'utf8')).trim().split('\n')) {
    const [, controllers = '', path = ''] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers === '') found.set('', join(CGROUP_ROOT, path));
    for (const name of controllers.split(',').filter(Boolean))
      found.set(name, join(CGROUP_ROOT, name, path));
  }
  return found;
}

/** All CPU time of the machine in nanoseconds, which percentages are computed against. */
async function systemCpuUsage(): Promise<number> {
  const [first = ''] = (await readFile('/proc/stat', 'utf8')).split('\n');
  const fields = first.split(/\s+/).slice(1, 9).map(Number);
  return fields.slice(0, 8).reduce((sum, ticks) => sum + ticks, 0) * NS_PER_TICK;
}

async function networks(pid: number): Promise<Readonly<Record<string, Figures>>> {
  const lines = (await readFile(`/proc/${pid}/net/dev`, 'utf8'))
    .split('\n')
    .slice(2)
    .filter(Boolean);
  const rows = lines.map((line): [string, Figures] => {
    const [name = '', ...values] = line.trim().split(/[:\s]+/);
    const at = (index: number): number => Number(values[index] ?? 0);
    return [
      name,
      {
        rx_bytes: at(0),
        rx_packets: at(1),
        rx_errors: at(2),
        rx_dropped: at(3),
        tx_bytes: at(8),
        tx_packets: at(9),
        tx_errors: at(10),
        tx_dropped: at(11),
      },
    ];
  });
  return Object.fromEntries(rows.filter(([name]) => name !== 'lo'));
}

interface BlkioRow {
  readonly major: number;
  readonly minor: number;
  readonly op: string;
  readonly value: number;
}

async function blkioV1(directory: string, file: string): Promise<BlkioRow[]> {
  const rows = (await text(join(directory, file))).split('\n');
  return rows.flatMap((row) => {
    const match = /^(\d+):(\d+) (\w+) (\d+)$/.exec(row);
    if (!match) return [];
    return [
      {
        major: Number(match[1]),
        minor: Number(match[2]),
        op: match[3] ?? '',
        value: Number(match[4]),
      },
    ];
  });
}

/** What dockerd takes over of memory.stat, for the cgroup and with those below it. */
const MEMORY_FIGURES = [
  ...['cache', 'rss', 'rss_huge', 'mapped_file', 'dirty', 'writeback'],
  ...['pgpgin', 'pgpgout', 'pgfault', 'pgmajfault', 'unevictable'],
  ...['inactive_anon', 'active_anon', 'inactive_file', 'active_file'],
].flatMap((name) => [name, `total_${name}`]);

const reported = (memory: Figures): Figures =>
  Object.fromEntries(
    Object.entries(memory).filter(
      ([name]) => MEMORY_FIGURES.includes(name) || name.startsWith('hierarchical_'),
    ),
  );

async function sampleV1(
  directories: ReadonlyMap<string, string>,
): Promise<Omit<ContainerStatsSample, 'read'>> {
  const at = (controller: string, file: string): string =>
    join(directories.get(controller) ?? '/nonexistent', file);
  const [
    system,
    total,
    perCpu,
    split,
    throttling,
    usage,
    maxUsage,
    limit,
    failcnt,
    memory,
    pids,
    pidsLimit,
    bytes,
    ops,
  ] = await Promise.all([
    systemCpuUsage(),
    number(at('cpuacct', 'cpuacct.usage')),
    text(at('cpuacct', 'cpuacct.usage_percpu')),
    keyed(at('cpuacct', 'cpuacct.stat')),
    keyed(at('cpu', 'cpu.stat')),
    number(at('memory', 'memory.usage_in_bytes')),
    number(at('memory', 'memory.max_usage_in_bytes')),
    number(at('memory', 'memory.limit_in_bytes')),
    number(at('memory', 'memory.failcnt')),
    keyed(at('memory', 'memory.stat')),
    number(at('pids', 'pids.current')),
    number(at('pids', 'pids.max')),
    blkioV1(directories.get('blkio') ?? '', 'blkio.throttle.io_service_bytes'),
    blkioV1(directories.get('blkio') ?? '', 'blkio.throttle.io_serviced'),
  ]);
  return {
    cpu_stats: {
      cpu_usage: {
        total_usage: total,
        percpu_usage: perCpu.split(/\s+/).filter(Boolean).map(Number),
        usage_in_kernelmode: (split['system'] ?? 0) * NS_PER_TICK,
        usage_in_usermode: (split['user'] ?? 0) * NS_PER_TICK,
      },
      system_cpu_usage: system,
      online_cpus: cpus().length,
      throttling_data: {
        periods: throttling['nr_periods'] ?? 0,
        throttled_periods: throttling['nr_throttled'] ?? 0,
        throttled_time: throttling['throttled_time'] ?? 0,
      },
    },
    memory_stats: {
      usage,
      max_usage: maxUsage,
      stats: reported(memory),
      ...(failcnt > 0 ? { failcnt } : {}),
      limit: await memoryLimit(limit),
    },
    blkio_stats: blkioFields(bytes, ops, []),
    pids_stats: { current: pids, ...(pidsLimit ? { limit: pidsLimit } : {}) },
  };
}

/** `none`: what was not measured; dockerd writes a list on cgroup v1, null on v2. */
const blkioFields = (bytes: BlkioRow[], ops: BlkioRow[], none: [] | null): object => ({
  io_service_bytes_recursive: bytes,
  io_serviced_recursive: ops,
  io_queue_recursive: none,
  io_service_time_recursive: none,
  io_wait_time_recursive: none,
  io_merged_recursive: none,
  io_time_recursive: none,
  sectors_recursive: none,
});

/** No limit shows as the machine's memory. */
async function memoryLimit(limit: number): Promise<number> {
  const match = /MemTotal:\s+(\d+) kB/.exec(await readFile('/proc/meminfo', 'utf8'));
  const machine = Number(match?.[1] ?? 0) * 1024;
  return limit === 0 || limit > machine ? machine : limit;
}

async function sampleV2(directory: string): Promise<Omit<ContainerStatsSample, 'read'>> {
  const [system, cpu, usage, limit, memory, events, pids, pidsLimit, io] = await Promise.all([
    systemCpuUsage(),
    keyed(join(directory, 'cpu.stat')),
    number(join(directory, 'memory.current')),
    number(join(directory, 'memory.max')),
    keyed(join(directory, 'memory.stat')),
    keyed(join(directory, 'memory.events')),
    number(join(directory, 'pids.current')),
    number(join(directory, 'pids.max')),
    text(join(directory, 'io.stat')),
  ]);
  const blkio = io.split('\n').flatMap((line) => ioRows(line));
  const us = (name: string): number => (cpu[name] ?? 0) * 1000;
  return {
    cpu_stats: {
      cpu_usage: {
        total_usage: us('usage_usec'),
        usage_in_kernelmode: us('system_usec'),
        usage_in_usermode: us('user_usec'),
      },
      system_cpu_usage: system,
      online_cpus: cpus().length,
      throttling_data: {
        periods: cpu['nr_periods'] ?? 0,
        throttled_periods: cpu['nr_throttled'] ?? 0,
        throttled_time: us('throttled_usec'),
      },
    },
    memory_stats: {
      usage,
      stats: memory,
      ...(events['oom'] ? { failcnt: events['oom'] } : {}),
      limit: await memoryLimit(limit),
    },
    blkio_stats: blkioFields(blkio, [], null),
    pids_stats: { current: pids, ...(pidsLimit ? { limit: pidsLimit } : {}) },
  };
}

function ioRows(line: string): BlkioRow[] {
  const match = /^(\d+):(\d+) .*?rbytes=(\d+) wbytes=(\d+)/.exec(line);
  if (!match) return [];
  const device = { major: Number(match[1]), minor: Number(match[2]) };
  return [
    { ...device, op: 'Read', value: Number(match[3]) },
    { ...device, op: 'Write', value: Number(match[4]) },
  ];
}

/** One sample for the container whose init process is `pid`. Throws ENOENT or ESRCH when it is gone. */
export async function readContainerStats(pid: number): Promise<ContainerStatsSample> {
  const directories = await cgroupDirectories(pid);
  const unified = directories.get('');
  const [figures, interfaces] = await Promise.all([
    directories.has('memory') || unified === undefined ? sampleV1(directories) : sampleV2(unified),
    networks(pid),
  ]);
  return {
    read: new Date().toISOString(),
    ...figures,
    ...(Object.keys(interfaces).length > 0 ? { networks: interfaces } : {}),
  };
}
