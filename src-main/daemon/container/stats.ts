/** `stats`: one figure a second, as `docker stats` computes from (moby daemon/stats, stats_unix.go). */
import { setTimeout as delay } from 'node:timers/promises';
import { readContainerStats } from '../runtime/container-stats.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './container-context.ts';
import { isLive } from './container-state.ts';

const PERIOD_MS = 1000;

export interface StatsOptions {
  readonly stream: boolean;
  /** One sample, no second one to compare with. */
  readonly oneShot: boolean;
  readonly signal: AbortSignal;
}

/** Rows until the client leaves or the container is removed. A stopped one answers empty figures. */
export async function* containerStats(
  context: ContainerContext,
  container: Container,
  options: StatsOptions,
): AsyncGenerator<object> {
  let previous = await sample(container);
  if (options.oneShot) return yield row(container, previous, undefined);
  if (!options.stream && !isLive(container.state)) return yield row(container, previous, undefined);
  if (options.stream) yield row(container, previous, undefined);
  while (!options.signal.aborted && context.registry.get(container.id)) {
    try {
      await delay(PERIOD_MS, undefined, { signal: options.signal, ref: false });
    } catch {
      // The client left.
      return undefined;
    }
    const current = await sample(container);
    yield row(container, current, previous);
    if (!options.stream) return undefined;
    previous = current;
  }
  return undefined;
}

type Sample = Awaited<ReturnType<typeof readContainerStats>> | undefined;

async function sample(container: Container): Promise<Sample> {
  if (!isLive(container.state)) return undefined;
  try {
    return await readContainerStats(container.state.pid);
  } catch {
    // It ended between the check and the reading.
    return undefined;
  }
}

const NO_TIME = '0001-01-01T00:00:00Z';

function row(container: Container, current: Sample, previous: Sample): object {
  const read = current ? new Date().toISOString() : NO_TIME;
  return {
    read,
    preread: previous?.read ?? NO_TIME,
    name: `/${container.name}`,
    id: container.id,
    num_procs: 0,
    pids_stats: current?.pids_stats ?? {},
    blkio_stats: current?.blkio_stats ?? NO_BLKIO,
    storage_stats: {},
    cpu_stats: current?.cpu_stats ?? EMPTY_CPU,
    precpu_stats: previous?.cpu_stats ?? EMPTY_CPU,
    memory_stats: current?.memory_stats ?? {},
    ...(current?.networks ? { networks: current.networks } : {}),
  };
}

const NO_BLKIO = {
  io_service_bytes_recursive: null,
  io_serviced_recursive: null,
  io_queue_recursive: null,
  io_service_time_recursive: null,
  io_wait_time_recursive: null,
  io_merged_recursive: null,
  io_time_recursive: null,
  sectors_recursive: null,
};

const EMPTY_CPU = {
  cpu_usage: { total_usage: 0, usage_in_kernelmode: 0, usage_in_usermode: 0 },
  throttling_data: { periods: 0, throttled_periods: 0, throttled_time: 0 },
};
