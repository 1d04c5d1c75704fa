/**
 * Checks of limits, with dockerd's words and in its order: what contradicts itself is an error, what the
 * kernel cannot do a warning, and it is dropped (moby daemon/daemon_unix.go verifyPlatformContainerResources).
 */
import type { HostConfig, Resources } from '../../../shared/engine/engine-api.ts';
import { errorMessage, invalidArgument } from '../../../shared/errors.ts';
import type { CgroupFeatures } from '../platform/cgroup-features.ts';
import { isListAvailable } from './cpu-list.ts';

const MINIMUM_MEMORY = 6 * 1024 * 1024;

export interface ResourceMachine {
  readonly cpuCount: number;
  readonly limits: CgroupFeatures;
}

/** In the API's document up to 1.41 only. */
interface LegacyLimits {
  KernelMemory?: number;
}

interface Findings {
  /** The values that are to be used. */
  readonly values: HostConfig & LegacyLimits;
  readonly warnings: string[];
}

/** Throws invalidArgument; answers values to replace and warnings. An update may leave the memory limit out. */
export function verifyResources(
  resources: HostConfig | Resources,
  machine: ResourceMachine,
  isUpdate = false,
): { changes: Partial<HostConfig>; warnings: string[] } {
  const values: HostConfig & LegacyLimits = { ...resources };
  const findings: Findings = { values, warnings: [] };
  verifyMemory(findings, machine.limits, isUpdate);
  verifyKernelMemory(findings, machine.limits);
  verifyKillAndPids(findings, machine.limits);
  verifyCpu(findings, machine);
  verifyCpuset(findings, machine.limits);
  verifyBlockIo(findings, machine.limits);
  return { changes: values, warnings: findings.warnings };
}

const lacking = (what: string, gone: string): string =>
  `Your kernel does not support ${what} or the cgroup is not mounted. ${gone}`;

function verifyMemory(
  { values, warnings }: Findings,
  limits: CgroupFeatures,
  isUpdate: boolean,
): void {
  if (values.MemorySwappiness === -1) values.MemorySwappiness = null as never;
  const asked = values.Memory ?? 0;
  if (asked !== 0 && asked < MINIMUM_MEMORY)
    throw invalidArgument('Minimum memory limit allowed is 6MB');
  if (asked > 0 && !limits.memoryLimit) {
    warnings.push(lacking('memory limit capabilities', 'Limitation discarded.'));
    Object.assign(values, { Memory: 0, MemorySwap: -1 });
  }
  const memory = values.Memory ?? 0;
  if (memory > 0 && values.MemorySwap !== -1 && !limits.swapLimit) {
    warnings.push(lacking('swap limit capabilities', 'Memory limited without swap.'));
    values.MemorySwap = -1;
  }
  const swap = values.MemorySwap ?? 0;
  if (memory > 0 && swap > 0 && swap < memory)
    throw invalidArgument('Minimum memoryswap limit should be larger than memory limit, see usage');
  if (memory === 0 && swap > 0 && !isUpdate)
    throw invalidArgument(
      'You should always set the Memory limit when using Memoryswap limit, see usage',
    );
  verifySwappiness({ values, warnings }, limits);
  verifyReservation({ values, warnings }, limits);
}

function verifySwappiness({ values, warnings }: Findings, limits: CgroupFeatures): void {
  const swappiness: number | null | undefined = values.MemorySwappiness;
  if (swappiness === null || swappiness === undefined) return;
  if (!limits.memorySwappiness) {
    warnings.push(lacking('memory swappiness capabilities', 'Memory swappiness discarded.'));
    values.MemorySwappiness = null as never;
  } else if (swappiness < 0 || swappiness > 100) {
    throw invalidArgument(`Invalid value: ${swappiness}, valid memory swappiness range is 0-100`);
  }
}

function verifyReservation({ values, warnings }: Findings, limits: CgroupFeatures): void {
  if ((values.MemoryReservation ?? 0) > 0 && !limits.memoryReservation) {
    warnings.push(lacking('memory soft limit capabilities', 'Limitation discarded.'));
    values.MemoryReservation = 0;
  }
  const memory = values.Memory ?? 0;
  const reservation = values.MemoryReservation ?? 0;
  if (reservation > 0 && reservation < MINIMUM_MEMORY)
    throw invalidArgument('Minimum memory reservation allowed is 6MB');
  if (memory > 0 && reservation > 0 && memory < reservation)
    throw invalidArgument(
      'Minimum memory limit can not be less than memory reservation limit, see usage',
    );
}

function verifyKernelMemory({ values, warnings }: Findings, limits: CgroupFeatures): void {
  if ((values.KernelMemory ?? 0) <= 0) return;
  warnings.push(
    'Specifying a kernel memory limit is deprecated and will be removed in a future release.',
  );
  if (!limits.kernelMemory) {
    warnings.push(lacking('kernel memory limit capabilities', 'Limitation discarded.'));
    values.KernelMemory = 0;
  } else if ((values.KernelMemory ?? 0) < MINIMUM_MEMORY) {
    throw invalidArgument('Minimum kernel memory limit allowed is 6MB');
  }
}

function verifyKillAndPids({ values, warnings }: Findings, limits: CgroupFeatures): void {
  if (!limits.oomKillDisable) {
    if (values.OomKillDisable)
      warnings.push('Your kernel does not support OomKillDisable. OomKillDisable discarded.');
    values.OomKillDisable = null as never;
  } else if (values.OomKillDisable && (values.Memory ?? 0) === 0) {
    warnings.push(
      'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
    );
  }
  if (!limits.pidsLimit) {
    if ((values.PidsLimit ?? 0) > 0)
      warnings.push(lacking('PIDs limit capabilities', 'PIDs limit discarded.'));
    values.PidsLimit = null;
  }
}

function verifyCpu({ values, warnings }: Findings, machine: ResourceMachine): void {
  const { limits, cpuCount } = machine;
  const nano = values.NanoCpus ?? 0;
  if (nano > 0 && (values.CpuPeriod ?? 0) > 0)
    throw invalidArgument('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  if (nano > 0 && (values.CpuQuota ?? 0) > 0)
    throw invalidArgument('Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  if (nano > 0 && !limits.cpuCfs)
    throw invalidArgument(
      'NanoCPUs can not be set, as your kernel does not support CPU CFS scheduler or the cgroup is not mounted',
    );
  if (nano < 0 || nano > cpuCount * 1e9)
    throw invalidArgument(
      `Range of CPUs is from 0.01 to ${cpuCount}.00, as there are only ${cpuCount} CPUs available`,
    );
  if ((values.CpuShares ?? 0) > 0 && !limits.cpuShares) {
    warnings.push(lacking('CPU shares', 'Shares discarded.'));
    values.CpuShares = 0;
  }
  if ((values.CpuPeriod || values.CpuQuota) && !limits.cpuCfs) {
    warnings.push('Your kernel does not support CPU CFS scheduler. CPU period/quota discarded.');
    Object.assign(values, { CpuPeriod: 0, CpuQuota: 0 });
  }
  const period = values.CpuPeriod ?? 0;
  const quota = values.CpuQuota ?? 0;
  if (period !== 0 && (period < 1000 || period > 1_000_000))
    throw invalidArgument(
      'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)',
    );
  if (quota > 0 && quota < 1000)
    throw invalidArgument('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  if ((values.CpuPercent ?? 0) > 0) {
    warnings.push('linux does not support CPU percent. Percent discarded.');
    values.CpuPercent = 0;
  }
}

function verifyCpuset({ values, warnings }: Findings, limits: CgroupFeatures): void {
  if ((values.CpusetCpus || values.CpusetMems) && !limits.cpuset) {
    warnings.push(lacking('cpuset', 'Cpuset discarded.'));
    Object.assign(values, { CpusetCpus: '', CpusetMems: '' });
  }
  const check = (
    asked: string,
    available: string,
    words: { short: string; long: string },
  ): void => {
    if (asked === '' || isAvailable(asked, available, words.short)) return;
    throw invalidArgument(
      `Requested ${words.long} are not available - requested ${asked}, available: ${available}`,
    );
  };
  check(values.CpusetCpus ?? '', limits.cpus, { short: 'cpus', long: 'CPUs' });
  check(values.CpusetMems ?? '', limits.mems, { short: 'mems', long: 'memory nodes' });
}

function isAvailable(asked: string, available: string, word: string): boolean {
  try {
    return isListAvailable(asked, available);
  } catch (error) {
    throw invalidArgument(`Invalid value ${asked} for cpuset ${word}: ${errorMessage(error)}`);
  }
}

function verifyBlockIo({ values, warnings }: Findings, limits: CgroupFeatures): void {
  if ((values.BlkioWeight ?? 0) > 0 && !limits.blkioWeight) {
    warnings.push(lacking('Block I/O weight', 'Weight discarded.'));
    values.BlkioWeight = 0;
  }
  const weight = values.BlkioWeight ?? 0;
  if (weight > 0 && (weight < 10 || weight > 1000))
    throw invalidArgument('Range of blkio weight is from 10 to 1000');
  if (values.IOMaximumBandwidth || values.IOMaximumIOps)
    throw invalidArgument(
      'Invalid QoS settings: linux does not support Maximum IO Bandwidth or Maximum IO IOps',
    );
  const rows = [
    [
      'BlkioWeightDevice',
      limits.blkioWeightDevice,
      'Block I/O weight_device',
      'Weight-device discarded.',
    ],
    [
      'BlkioDeviceReadBps',
      limits.blkioReadBps,
      'BPS Block I/O read limit',
      'Block I/O BPS read limit discarded.',
    ],
    [
      'BlkioDeviceWriteBps',
      limits.blkioWriteBps,
      'BPS Block I/O write limit',
      'Block I/O BPS write limit discarded.',
    ],
    [
      'BlkioDeviceReadIOps',
      limits.blkioReadIops,
      'IOPS Block read limit',
      'Block I/O IOPS read limit discarded.',
    ],
    [
      'BlkioDeviceWriteIOps',
      limits.blkioWriteIops,
      'IOPS Block write limit',
      'Block I/O IOPS write limit discarded.',
    ],
  ] as const;
  for (const [field, isThere, what, gone] of rows) {
    if (isThere || (values[field]?.length ?? 0) === 0) continue;
    warnings.push(lacking(what, gone));
    values[field] = [];
  }
}
