/** Limits of a host config as the OCI spec has them (moby daemon/oci_linux.go WithResources, update_linux.go). */
import { statSync } from 'node:fs';
import type { Resources } from '../../../shared/engine/engine-api.ts';
import { internal } from '../../../shared/errors.ts';
import { deviceNumbers } from '../platform/device.ts';
import type { OciResources } from './oci-types.ts';

const CFS_PERIOD_US = 100_000;

type ThrottleRows =
  | readonly { readonly Path?: string; readonly Rate?: number }[]
  | null
  | undefined;

function throttle(rows: ThrottleRows): object[] {
  return (rows ?? []).map(({ Path = '', Rate = 0 }) => ({ ...blockDevice(Path), rate: Rate }));
}

function blockDevice(path: string): { major: number; minor: number } {
  try {
    return deviceNumbers(statSync(path).rdev);
  } catch (error) {
    throw internal(`stat ${path}: no such file or directory`, { cause: error });
  }
}

function blockIo(resources: Resources): Readonly<Record<string, unknown>> {
  const weightDevice = (resources.BlkioWeightDevice ?? []).map(({ Path = '', Weight = 0 }) => ({
    ...blockDevice(Path),
    weight: Weight,
  }));
  return {
    ...(resources.BlkioWeight ? { weight: resources.BlkioWeight } : {}),
    ...(weightDevice.length > 0 ? { weightDevice } : {}),
    throttleReadBpsDevice: throttle(resources.BlkioDeviceReadBps),
    throttleWriteBpsDevice: throttle(resources.BlkioDeviceWriteBps),
    throttleReadIOPSDevice: throttle(resources.BlkioDeviceReadIOps),
    throttleWriteIOPSDevice: throttle(resources.BlkioDeviceWriteIOps),
  };
}

function cpu(resources: Resources): NonNullable<OciResources['cpu']> {
  const nano = resources.NanoCpus ?? 0;
  const quota = nano > 0 ? Math.trunc((nano * CFS_PERIOD_US) / 1e9) : resources.CpuQuota;
  const period = nano > 0 ? CFS_PERIOD_US : resources.CpuPeriod;
  return {
    ...(resources.CpuShares ? { shares: resources.CpuShares } : {}),
    ...(quota ? { quota } : {}),
    ...(period ? { period } : {}),
    ...(resources.CpusetCpus ? { cpus: resources.CpusetCpus } : {}),
    ...(resources.CpusetMems ? { mems: resources.CpusetMems } : {}),
    ...(resources.CpuRealtimePeriod ? { realtimePeriod: resources.CpuRealtimePeriod } : {}),
    ...(resources.CpuRealtimeRuntime ? { realtimeRuntime: resources.CpuRealtimeRuntime } : {}),
  };
}

function memory(resources: Resources): NonNullable<OciResources['memory']> {
  const swappiness = resources.MemorySwappiness;
  return {
    ...(resources.Memory ? { limit: resources.Memory } : {}),
    ...(resources.MemoryReservation ? { reservation: resources.MemoryReservation } : {}),
    ...((resources.MemorySwap ?? 0) > 0 ? { swap: resources.MemorySwap } : {}),
    ...(resources.KernelMemoryTCP ? { kernelTCP: resources.KernelMemoryTCP } : {}),
    ...(typeof swappiness === 'number' && swappiness >= 0 ? { swappiness } : {}),
    ...(resources.OomKillDisable ? { disableOOMKiller: true } : {}),
  };
}

/** Everything but the device rules. */
export function ociResources(resources: Resources): OciResources {
  const pids = resources.PidsLimit;
  return {
    memory: memory(resources),
    cpu: cpu(resources),
    blockIO: blockIo(resources),
    // Anything that is no limit takes a limit away; only -1 says so to the runtime.
    ...(typeof pids === 'number' ? { pids: { limit: pids > 0 ? pids : -1 } } : {}),
  };
}
