/** The figures of a stats message as `docker stats` computes them (cli/command/container/stats_helpers.go). */

/** The parts of a stats message that are read here; each may be missing, as on a stopped container. */
export interface StatsMessage {
  readonly read?: string;
  readonly cpu_stats?: CpuStats;
  readonly precpu_stats?: CpuStats;
  readonly memory_stats?: {
    readonly usage?: number;
    readonly limit?: number;
    readonly stats?: Readonly<Record<string, number>>;
  };
  readonly networks?: Readonly<
    Record<string, { readonly rx_bytes: number; readonly tx_bytes: number }>
  >;
  readonly blkio_stats?: {
    readonly io_service_bytes_recursive?:
      | readonly { readonly op: string; readonly value: number }[]
      | null;
  };
  readonly pids_stats?: { readonly current?: number };
}

interface CpuStats {
  readonly cpu_usage?: {
    readonly total_usage?: number;
    readonly percpu_usage?: readonly number[] | null;
  };
  readonly system_cpu_usage?: number;
  readonly online_cpus?: number;
}

export interface Figures {
  /** Of one processor: two busy ones are 200. */
  readonly cpuPercent: number;
  /** Bytes without the page cache that can be given back. */
  readonly memory: number;
  /** Bytes; 0: none known. */
  readonly memoryLimit: number;
  /** Bytes since the start, as the rest. */
  readonly received: number;
  readonly sent: number;
  readonly read: number;
  readonly written: number;
  readonly processes: number;
}

function cpuPercentOf({ cpu_stats: now, precpu_stats: before }: StatsMessage): number {
  const cpu = (now?.cpu_usage?.total_usage ?? 0) - (before?.cpu_usage?.total_usage ?? 0);
  const system = (now?.system_cpu_usage ?? 0) - (before?.system_cpu_usage ?? 0);
  const processors = now?.online_cpus || now?.cpu_usage?.percpu_usage?.length || 1;
  // The first message has nothing before it.
  if (!before?.system_cpu_usage || cpu <= 0 || system <= 0) return 0;
  return (cpu / system) * processors * 100;
}

/** Memory in use: cgroup v1 counts the cache under `total_inactive_file`, v2 under `inactive_file`. */
function memoryOf({ memory_stats: memory }: StatsMessage): number {
  const usage = memory?.usage ?? 0;
  const cache = memory?.stats?.['total_inactive_file'] ?? memory?.stats?.['inactive_file'] ?? 0;
  return cache < usage ? usage - cache : usage;
}

export function figuresOf(message: StatsMessage): Figures {
  const networks = Object.values(message.networks ?? {});
  const blocks = message.blkio_stats?.io_service_bytes_recursive ?? [];
  const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
  const transferred = (op: string): number =>
    sum(blocks.filter((one) => one.op.toLowerCase() === op).map(({ value }) => value));
  return {
    cpuPercent: cpuPercentOf(message),
    memory: memoryOf(message),
    memoryLimit: message.memory_stats?.limit ?? 0,
    received: sum(networks.map(({ rx_bytes }) => rx_bytes)),
    sent: sum(networks.map(({ tx_bytes }) => tx_bytes)),
    read: transferred('read'),
    written: transferred('write'),
    processes: message.pids_stats?.current ?? 0,
  };
}
