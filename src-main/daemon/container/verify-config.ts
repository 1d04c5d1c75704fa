/**
 * Checks of a container's config and host config, with dockerd's words. What the kernel cannot do
 * is a warning and is dropped; what contradicts itself is an error.
 * Follows moby daemon/container.go (verifyContainerSettings), runconfig/hostconfig*.go.
 */
import { posix } from 'node:path';
import type { ContainerConfig, HostConfig } from '../../../shared/engine/engine-api.ts';
import { invalidArgument } from '../../../shared/errors.ts';
import { normalizeCapabilities } from '../runtime/capabilities.ts';
import { parseSecurityOptions } from '../runtime/security-options.ts';
import { parseDetachKeys } from './detach-keys.ts';
import { checkTarget } from './mount-spec.ts';
import { parseSignal } from './signals.ts';
import { type ResourceMachine, verifyResources } from './verify-resources.ts';

/** What verification must know of this machine and daemon. */
export interface VerifyContext extends ResourceMachine {
  readonly runtimes: ReadonlySet<string>;
  readonly defaultRuntime: string;
  readonly isIpForwardingDisabled: boolean;
}

const MINIMUM_HEALTH_NS = 1_000_000;

/** Throws invalidArgument, or answers what is to be used and what to warn of. */
export function verifyContainer(
  config: ContainerConfig,
  hostConfig: HostConfig,
  context: VerifyContext,
): { hostConfig: HostConfig; warnings: string[] } {
  verifyModes(config, hostConfig);
  verifyPlatform(hostConfig, context);
  verifyConfig(config);
  verifyHostConfig(hostConfig);
  const resources = verifyResources(hostConfig, context);
  const runtime = hostConfig.Runtime || context.defaultRuntime;
  if (!context.runtimes.has(runtime)) throw invalidArgument(`Unknown runtime specified ${runtime}`);
  for (const path of Object.keys(hostConfig.Tmpfs ?? {})) checkTarget(path);
  return {
    hostConfig: { ...hostConfig, ...resources.changes, Runtime: runtime },
    warnings: [...resources.warnings, ...networkWarnings(hostConfig, context)],
  };
}

function verifyConfig(config: ContainerConfig): void {
  const directory = config.WorkingDir;
  if (directory && !posix.isAbsolute(directory))
    throw invalidArgument(
      `the working directory '${directory}' is invalid, it needs to be an absolute path`,
    );
  if (config.StopSignal) parseSignal(config.StopSignal);
  for (const entry of config.Env ?? []) {
    if (entry === '' || entry.startsWith('='))
      throw invalidArgument(`invalid environment variable: ${entry}`);
  }
  verifyHealthCheck(config.Healthcheck);
}

function verifyHealthCheck(health: ContainerConfig['Healthcheck']): void {
  if (!health) return;
  for (const name of ['Interval', 'Timeout', 'StartPeriod'] as const) {
    const value = health[name] ?? 0;
    if (value !== 0 && value < MINIMUM_HEALTH_NS)
      throw invalidArgument(`${name} in Healthcheck cannot be less than 1ms`);
  }
  if ((health.Retries ?? 0) < 0) throw invalidArgument('Retries in Healthcheck cannot be negative');
}

/** Conflicts between modes (moby runconfig/config.go, hostconfig_unix.go). */
function verifyModes(config: ContainerConfig, hostConfig: HostConfig): void {
  const network = hostConfig.NetworkMode ?? '';
  const isShared = network.startsWith('container:');
  if (network === 'container:')
    throw invalidArgument('Invalid network mode: invalid container format container:<name|id>');
  if (isShared) {
    if (config.Hostname)
      throw invalidArgument('conflicting options: hostname and the network mode');
    if (hostConfig.Links?.length)
      throw invalidArgument(
        "conflicting options: container type network can't be used with links. This would result in undefined behavior",
      );
    if (hostConfig.Dns?.length)
      throw invalidArgument('conflicting options: dns and the network mode');
    if (hostConfig.ExtraHosts?.length)
      throw invalidArgument('conflicting options: custom host-to-IP mapping and the network mode');
  }
  if ((isShared || network === 'host') && config.MacAddress)
    throw invalidArgument('conflicting options: mac-address and the network mode');
  if (isShared) {
    if (Object.keys(hostConfig.PortBindings ?? {}).length > 0 || hostConfig.PublishAllPorts)
      throw invalidArgument(
        'conflicting options: port publishing and the container type network mode',
      );
    if (Object.keys(config.ExposedPorts ?? {}).length > 0)
      throw invalidArgument(
        'conflicting options: port exposing and the container type network mode',
      );
  }
  if (hostConfig.UTSMode === 'host' && config.Hostname)
    throw invalidArgument('conflicting options: hostname and the UTS mode');
  if (network === 'host' && hostConfig.Links?.length)
    throw invalidArgument(
      "conflicting options: host type networking can't be used with links. This would result in undefined behavior",
    );
}

/** What Linux or this kernel has not at all (moby runconfig/hostconfig_unix.go). */
function verifyPlatform(hostConfig: HostConfig, { limits }: VerifyContext): void {
  if (hostConfig.Isolation && (hostConfig.Isolation as string) !== 'default')
    throw invalidArgument(
      `Invalid isolation: "${hostConfig.Isolation}" - linux only supports 'default'`,
    );
  const wrongQos = hostConfig.IOMaximumBandwidth ? 'bandwidth' : 'IOPs';
  if (hostConfig.IOMaximumBandwidth || hostConfig.IOMaximumIOps)
    throw invalidArgument(
      `Invalid QoS settings: linux does not support configuration of maximum ${wrongQos}`,
    );
  const period = hostConfig.CpuRealtimePeriod ?? 0;
  const runtime = hostConfig.CpuRealtimeRuntime ?? 0;
  if ((period !== 0 || runtime !== 0) && !limits.cpuRealtime)
    throw invalidArgument('Your kernel does not support CPU real-time scheduler');
  if (period !== 0 && runtime > period)
    throw invalidArgument('cpu real-time runtime cannot be higher than cpu real-time period');
}

function verifyHostConfig(hostConfig: HostConfig): void {
  normalizeCapabilities(hostConfig.CapAdd, 'CapAdd');
  normalizeCapabilities(hostConfig.CapDrop, 'CapDrop');
  parseSecurityOptions(hostConfig);
  const policy = hostConfig.RestartPolicy;
  if (hostConfig.AutoRemove && policy?.Name && policy.Name !== 'no')
    throw invalidArgument("can't create 'AutoRemove' container with restart policy");
  verifyRestartPolicy(policy);
  for (const host of hostConfig.ExtraHosts ?? []) verifyExtraHost(host);
  verifyPorts(hostConfig.PortBindings);
  if ((hostConfig.ShmSize ?? 0) < 0) throw invalidArgument('SHM size can not be less than 0');
  const score = hostConfig.OomScoreAdj ?? 0;
  if (score < -1000 || score > 1000)
    throw invalidArgument(`Invalid value ${score}, range for oom score adj is [-1000, 1000]`);
  if (!['', 'host', 'private', undefined].includes(hostConfig.CgroupnsMode))
    throw invalidArgument(`invalid cgroup namespace mode: ${hostConfig.CgroupnsMode}`);
}

export function verifyRestartPolicy(policy: HostConfig['RestartPolicy']): void {
  const count = policy?.MaximumRetryCount ?? 0;
  switch (policy?.Name) {
    case undefined:
    case '':
      return;
    case 'no':
    case 'always':
    case 'unless-stopped':
      if (count !== 0)
        throw invalidArgument(
          `maximum retry count cannot be used with restart policy '${policy.Name}'`,
        );
      return;
    case 'on-failure':
      if (count < 0) throw invalidArgument('maximum retry count cannot be negative');
      return;
    default:
      throw invalidArgument(`invalid restart policy '${String(policy?.Name)}'`);
  }
}

function verifyExtraHost(text: string): void {
  const at = text.indexOf(':');
  const name = text.slice(0, at);
  const address = text.slice(at + 1);
  if (at < 1 || name === '') throw invalidArgument(`bad format for add-host: "${text}"`);
  if (address !== 'host-gateway' && !/^[\d.]+$|^[\da-fA-F:.]+$/.test(address))
    throw invalidArgument(`invalid IP address in add-host: "${address}"`);
}

const isPort = (text: string): boolean => /^\d+$/.test(text) && Number(text) <= 65_535;
/** A port or a range `low-high`. */
const isPortRange = (text: string): boolean => {
  const [low = '', high, ...rest] = text.split('-');
  return (
    rest.length === 0 &&
    isPort(low) &&
    (high === undefined || (isPort(high) && Number(high) >= Number(low)))
  );
};

function verifyPorts(bindings: HostConfig['PortBindings']): void {
  for (const [port, hosts] of Object.entries(bindings ?? {})) {
    const number = port.split('/')[0] ?? '';
    if (!isPort(number)) throw invalidArgument(`invalid port specification: "${number}"`);
    for (const host of hosts ?? []) {
      const hostPort = host.HostPort ?? '';
      if (hostPort !== '' && !isPortRange(hostPort))
        throw invalidArgument(`invalid port specification: "${hostPort}"`);
    }
  }
}

function networkWarnings(hostConfig: HostConfig, context: VerifyContext): string[] {
  const isBare = hostConfig.NetworkMode === 'host' || hostConfig.NetworkMode === 'none';
  return [
    ...(context.isIpForwardingDisabled && !isBare
      ? ['IPv4 forwarding is disabled. Networking will not work.']
      : []),
    ...(hostConfig.NetworkMode === 'host' && Object.keys(hostConfig.PortBindings ?? {}).length > 0
      ? ['Published ports are discarded when using host network mode']
      : []),
  ];
}

/** Detach keys of a request; throws Docker's message when they are none. */
export function requireDetachKeys(text: string | undefined): readonly number[] | undefined {
  if (!text) return undefined;
  const keys = parseDetachKeys(text);
  if (!keys) throw invalidArgument(`Invalid detach keys (${text}) provided`);
  return keys;
}
