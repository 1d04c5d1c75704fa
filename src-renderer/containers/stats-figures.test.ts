import { describe, expect, it } from 'vitest';
import { figuresOf } from './stats-figures.ts';

const cpu = (total: number, system: number, online = 4) => ({
  cpu_usage: { total_usage: total },
  system_cpu_usage: system,
  online_cpus: online,
});

describe('figures of a stats message', () => {
  it('counts processors: one busy of four is 100', () => {
    const message = { cpu_stats: cpu(2_000, 8_000), precpu_stats: cpu(1_000, 4_000) };
    expect(figuresOf(message).cpuPercent).toBe(100);
  });

  it('says nothing of the processor before there are two readings', () => {
    expect(figuresOf({ cpu_stats: cpu(2_000, 8_000), precpu_stats: {} }).cpuPercent).toBe(0);
    expect(figuresOf({}).cpuPercent).toBe(0);
  });

  it('leaves the cache out of the memory, on cgroup v1 and v2', () => {
    const memory = (stats: Record<string, number>) =>
      figuresOf({ memory_stats: { usage: 1000, limit: 5000, stats } }).memory;
    expect(memory({ total_inactive_file: 300, inactive_file: 1 })).toBe(700);
    expect(memory({ inactive_file: 400 })).toBe(600);
    expect(memory({ inactive_file: 2000 })).toBe(1000);
  });

  it('adds up interfaces and devices', () => {
    const figures = figuresOf({
      networks: { eth0: { rx_bytes: 1, tx_bytes: 2 }, eth1: { rx_bytes: 10, tx_bytes: 20 } },
      blkio_stats: {
        io_service_bytes_recursive: [
          { op: 'Read', value: 5 },
          { op: 'write', value: 7 },
          { op: 'read', value: 6 },
          { op: 'Total', value: 99 },
        ],
      },
      pids_stats: { current: 3 },
    });
    expect(figures).toMatchObject({ received: 11, sent: 22, read: 11, written: 7, processes: 3 });
  });
});
