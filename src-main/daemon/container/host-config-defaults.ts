/** Fills what the user left open in a host config (moby daemon_unix.go adaptContainerSettings, create.go). */
import type { HostConfig } from '../../../shared/engine/engine-api.ts';
import type { ContainerSettings } from './container-context.ts';

/** A new host config with every default in place, as inspect shows it. */
export function withHostDefaults(hostConfig: HostConfig, settings: ContainerSettings): HostConfig {
  const memory = hostConfig.Memory ?? 0;
  const log = hostConfig.LogConfig;
  const privilegedCgroupns = hostConfig.Privileged && settings.cgroupVersion === 2 ? 'host' : '';
  return {
    ...hostConfig,
    NetworkMode: hostConfig.NetworkMode || 'default',
    IpcMode: hostConfig.IpcMode || settings.defaultIpcMode,
    CgroupnsMode: (hostConfig.CgroupnsMode || privilegedCgroupns || settings.defaultCgroupnsMode) as
      | 'host'
      | 'private',
    ShmSize: hostConfig.ShmSize || settings.defaultShmSizeBytes,
    LogConfig: withLogDefaults(log, settings),
    RestartPolicy: hostConfig.RestartPolicy?.Name
      ? hostConfig.RestartPolicy
      : { Name: 'no', MaximumRetryCount: 0 },
    // Memory with no swap given: as much swap again, as dockerd.
    ...(memory > 0 && !hostConfig.MemorySwap ? { MemorySwap: memory * 2 } : {}),
    OomKillDisable: hostConfig.OomKillDisable ?? false,
    // No limit and no limit asked for are the same.
    PidsLimit: (hostConfig.PidsLimit ?? 0) > 0 ? (hostConfig.PidsLimit ?? null) : null,
    MaskedPaths: hostConfig.MaskedPaths ?? (hostConfig.Privileged ? null : DEFAULT_MASKED_PATHS),
    ReadonlyPaths:
      hostConfig.ReadonlyPaths ?? (hostConfig.Privileged ? null : DEFAULT_READONLY_PATHS),
  };
}

type LogConfig = NonNullable<HostConfig['LogConfig']>;

/** The daemon's driver where none is named; its options go with its driver, where the user gave no other. */
function withLogDefaults(
  log: HostConfig['LogConfig'],
  { defaultLogConfig: defaults }: ContainerSettings,
): LogConfig {
  const type = log?.Type || defaults.Type;
  const inherited = type === defaults.Type ? defaults.Config : {};
  return { Type: type as NonNullable<LogConfig['Type']>, Config: { ...inherited, ...log?.Config } };
}

const DEFAULT_MASKED_PATHS = [
  '/proc/asound',
  '/proc/acpi',
  '/proc/kcore',
  '/proc/keys',
  '/proc/latency_stats',
  '/proc/timer_list',
  '/proc/timer_stats',
  '/proc/sched_debug',
  '/proc/scsi',
  '/sys/firmware',
  '/sys/devices/virtual/powercap',
];

const DEFAULT_READONLY_PATHS = [
  '/proc/bus',
  '/proc/fs',
  '/proc/irq',
  '/proc/sys',
  '/proc/sysrq-trigger',
];
