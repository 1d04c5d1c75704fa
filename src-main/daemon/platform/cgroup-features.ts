/** Which limits this kernel's cgroups can hold (moby pkg/sysinfo/sysinfo_linux.go, cgroup2_linux.go). */

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { isInUserNamespace } from './user-namespace.ts';

export interface CgroupFeatures {
  readonly memoryLimit: boolean;
  readonly swapLimit: boolean;
  readonly memoryReservation: boolean;
  readonly oomKillDisable: boolean;
  readonly memorySwappiness: boolean;
  readonly kernelMemory: boolean;
  readonly kernelMemoryTcp: boolean;
  readonly pidsLimit: boolean;
  readonly cpuShares: boolean;
  readonly cpuCfs: boolean;
  readonly cpuRealtime: boolean;
  readonly cpuset: boolean;
  /** Lists such as `0-3`; '' when there is no cpuset controller. */
  readonly cpus: string;
  readonly mems: string;
  readonly blkioWeight: boolean;
  readonly blkioWeightDevice: boolean;
  readonly blkioReadBps: boolean;
  readonly blkioWriteBps: boolean;
  readonly blkioReadIops: boolean;
  readonly blkioWriteIops: boolean;
  readonly cgroupNamespaces: boolean;
}

const UNIFIED = '/sys/fs/cgroup';

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}

/** Mount point of each version 1 controller. */
function controllerMounts(): ReadonlyMap<string, string> {
  const mounts = new Map<string, string>();
  for (const line of readText('/proc/self/mounts').split('\n')) {
    const [, path = '', type, options = ''] = line.split(' ');
    if (type !== 'cgroup') continue;
    for (const option of options.split(',')) if (!mounts.has(option)) mounts.set(option, path);
  }
  return mounts;
}

/** Version 1: a limit is there when its file is. */
function legacyFeatures(): Omit<CgroupFeatures, 'cgroupNamespaces'> {
  const mounts = controllerMounts();
  const has = (controller: string, file = ''): boolean => {
    const path = mounts.get(controller);
    return path !== undefined && existsSync(join(path, file));
  };
  const list = (file: string): string => readText(join(mounts.get('cpuset') ?? '/nowhere', file));
  return {
    memoryLimit: has('memory'),
    swapLimit: has('memory', 'memory.memsw.limit_in_bytes'),
    memoryReservation: has('memory', 'memory.soft_limit_in_bytes'),
    oomKillDisable: has('memory', 'memory.oom_control'),
    memorySwappiness: has('memory', 'memory.swappiness'),
    kernelMemory: has('memory', 'memory.kmem.limit_in_bytes'),
    kernelMemoryTcp: has('memory', 'memory.kmem.tcp.limit_in_bytes'),
    pidsLimit: has('pids'),
    cpuShares: has('cpu', 'cpu.shares'),
    cpuCfs: has('cpu', 'cpu.cfs_quota_us'),
    cpuRealtime: has('cpu', 'cpu.rt_period_us'),
    cpuset: has('cpuset'),
    cpus: list('cpuset.cpus'),
    mems: list('cpuset.mems'),
    blkioWeight: has('blkio', 'blkio.weight'),
    blkioWeightDevice: has('blkio', 'blkio.weight_device'),
    blkioReadBps: has('blkio', 'blkio.throttle.read_bps_device'),
    blkioWriteBps: has('blkio', 'blkio.throttle.write_bps_device'),
    blkioReadIops: has('blkio', 'blkio.throttle.read_iops_device'),
    blkioWriteIops: has('blkio', 'blkio.throttle.write_iops_device'),
  };
}

/** Version 2: a limit is there when its controller is; some limits of version 1 are gone. */
function unifiedFeatures(): Omit<CgroupFeatures, 'cgroupNamespaces'> {
  const controllers = readText(join(UNIFIED, 'cgroup.controllers')).split(' ');
  const has = (controller: string): boolean => controllers.includes(controller);
  const own = /^0::(.*)$/m.exec(readText('/proc/self/cgroup'))?.[1] ?? '/';
  return {
    memoryLimit: has('memory'),
    swapLimit: has('memory') && existsSync(join(UNIFIED, own, 'memory.swap.max')),
    memoryReservation: has('memory'),
    oomKillDisable: false,
    memorySwappiness: false,
    kernelMemory: false,
    kernelMemoryTcp: false,
    pidsLimit: has('pids'),
    cpuShares: has('cpu'),
    cpuCfs: has('cpu'),
    cpuRealtime: false,
    cpuset: has('cpuset'),
    cpus: readText(join(UNIFIED, 'cpuset.cpus.effective')),
    mems: readText(join(UNIFIED, 'cpuset.mems.effective')),
    blkioWeight: has('io'),
    blkioWeightDevice: has('io'),
    blkioReadBps: has('io'),
    blkioWriteBps: has('io'),
    blkioReadIops: has('io'),
    blkioWriteIops: has('io'),
  };
}

/** Nothing: the cgroups there are belong to somebody else. */
const NO_FEATURES: Omit<CgroupFeatures, 'cgroupNamespaces'> = {
  memoryLimit: false,
  swapLimit: false,
  memoryReservation: false,
  oomKillDisable: false,
  memorySwappiness: false,
  kernelMemory: false,
  kernelMemoryTcp: false,
  pidsLimit: false,
  cpuShares: false,
  cpuCfs: false,
  cpuRealtime: false,
  cpuset: false,
  cpus: '',
  mems: '',
  blkioWeight: false,
  blkioWeightDevice: false,
  blkioReadBps: false,
  blkioWriteBps: false,
  blkioReadIops: false,
  blkioWriteIops: false,
};

/** As the kernel has it now. */
export function cgroupFeatures(): CgroupFeatures {
  const isUnified = existsSync(join(UNIFIED, 'cgroup.controllers'));
  return {
    ...(isInUserNamespace ? NO_FEATURES : isUnified ? unifiedFeatures() : legacyFeatures()),
    cgroupNamespaces: existsSync('/proc/self/ns/cgroup'),
  };
}
