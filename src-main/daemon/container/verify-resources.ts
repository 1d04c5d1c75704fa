/** Checks of limits, with dockerd's words (moby daemon/daemon_unix.go verifyPlatformContainerResources). */
import type { HostConfig, Resources } from '../../../shared/engine/engine-api.ts';
import { invalidArgument } from '../../../shared/errors.ts';

const MINIMUM_MEMORY = 6 * 1024 * 1024;

interface Machine {
  readonly cpuCount: number;
  readonly hasSwapLimit: boolean;
}

/** Throws invalidArgument; answers values to replace and warnings. */
export function verifyResources(
  resources: HostConfig | Resources,
  machine: Machine,
): { changes: Partial<HostConfig>; warnings: string[] } {
  verifyCpu(resources, machine);
  verifyMemory(resources);
  const weight = resources.BlkioWeight ?? 0;
  if (weight > 0 && (weight < 10 || weight > 1000))
    throw invalidArgument('Range of blkio weight is from 10 to 1000');
  const warnings: string[] = [];
  const changes: Partial<HostConfig> = {};
  if ((resources.Memory ?? 0) > 0 && (resources.MemorySwap ?? 0) !== -1 && !machine.hasSwapLimit) {
    warnings.push(
      'Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.',
    );
    changes.MemorySwap = -1;
  }
  if (resources.OomKillDisable && (resources.Memory ?? 0) === 0)
    warnings.push(
      'OOM killer is disabled for the container, but no memory limit is set, this can result in the system running out of resources.',
    );
  return { changes, warnings };
}

function verifyMemory(resources: Resources): void {
  const memory = resources.Memory ?? 0;
  const swap = resources.MemorySwap ?? 0;
  const reservation = resources.MemoryReservation ?? 0;
  const swappiness = resources.MemorySwappiness ?? -1;
  if (memory !== 0 && memory < MINIMUM_MEMORY)
    throw invalidArgument('Minimum memory limit allowed is 6MB');
  if (memory > 0 && swap > 0 && swap < memory)
    throw invalidArgument('Minimum memoryswap limit should be larger than memory limit, see usage');
  if (memory === 0 && swap > 0)
    throw invalidArgument(
      'You should always set the Memory limit when using Memoryswap limit, see usage',
    );
  if (swappiness < -1 || swappiness > 100)
    throw invalidArgument(`Invalid value: ${swappiness}, valid memory swappiness range is 0-100`);
  if (reservation > 0 && reservation < MINIMUM_MEMORY)
    throw invalidArgument('Minimum memory reservation allowed is 6MB');
  if (memory > 0 && reservation > 0 && memory < reservation)
    throw invalidArgument(
      'Minimum memory limit can not be less than memory reservation limit, see usage',
    );
}

function verifyCpu(resources: Resources, machine: Machine): void {
  const nano = resources.NanoCpus ?? 0;
  const period = resources.CpuPeriod ?? 0;
  const quota = resources.CpuQuota ?? 0;
  if (nano > 0 && period > 0)
    throw invalidArgument('Conflicting options: Nano CPUs and CPU Period cannot both be set');
  if (nano > 0 && quota > 0)
    throw invalidArgument('Conflicting options: Nano CPUs and CPU Quota cannot both be set');
  if (nano < 0 || nano > machine.cpuCount * 1e9)
    throw invalidArgument(
      `Range of CPUs is from 0.01 to ${machine.cpuCount}.00, as there are only ${machine.cpuCount} CPUs available`,
    );
  if (period !== 0 && (period < 1000 || period > 1_000_000))
    throw invalidArgument(
      'CPU cfs period can not be less than 1ms (i.e. 1000) or larger than 1s (i.e. 1000000)',
    );
  if (quota > 0 && quota < 1000)
    throw invalidArgument('CPU cfs quota can not be less than 1ms (i.e. 1000)');
  verifyCpuset(resources.CpusetCpus ?? '', machine.cpuCount);
}

function verifyCpuset(cpuset: string, cpuCount: number): void {
  if (cpuset === '') return;
  const available = cpuCount === 1 ? '0' : `0-${cpuCount - 1}`;
  for (const part of cpuset.split(',')) {
    const match = /^(\d+)(?:-(\d+))?$/.exec(part);
    if (!match) throw invalidArgument(`Invalid value ${cpuset} for cpuset cpus`);
    const last = Number(match[2] ?? match[1]);
    if (last >= cpuCount)
      throw invalidArgument(
        `Requested CPUs are not available - requested ${cpuset}, available: ${available}`,
      );
  }
}
