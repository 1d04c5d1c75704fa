/** `inspect`: Docker's picture of a container (moby daemon/inspect.go). */
import { join } from 'node:path';
import type {
  ContainerInspectAnswer,
  ContainerState as WireState,
} from '../../../shared/engine/engine-api.ts';
import type { EndpointSettings } from '../network/network-controller.ts';
import type { Container, ContainerMount } from './container.ts';
import type { ContainerContext } from './container-context.ts';
import { isLive, isRunning } from './container-state.ts';
import { shownLinks } from './links.ts';

function wireState(container: Container): WireState {
  const { state, live } = container;
  const { lastRun } = state;
  return {
    Status: state.kind,
    Running: isRunning(state),
    Paused: state.kind === 'paused',
    Restarting: state.kind === 'restarting',
    OOMKilled: lastRun.oomKilled,
    Dead: state.kind === 'dead',
    Pid: isLive(state) ? state.pid : 0,
    ExitCode: lastRun.exitCode,
    Error: lastRun.error,
    StartedAt: isLive(state) ? state.startedAt : lastRun.startedAt,
    FinishedAt: lastRun.finishedAt,
    ...(live.health ? { Health: live.health.report() } : {}),
  };
}

/** Mounts as inspect and list show them. */
export function wireMounts(mounts: readonly ContainerMount[]): object[] {
  return mounts
    .filter((mount) => mount.Type !== 'tmpfs')
    .map((mount) => ({
      Type: mount.Type,
      ...(mount.Name === undefined ? {} : { Name: mount.Name }),
      Source: mount.Source,
      Destination: mount.Destination,
      ...(mount.Driver === undefined ? {} : { Driver: mount.Driver }),
      Mode: mount.Mode ?? '',
      RW: mount.RW,
      Propagation: mount.Propagation,
    }));
}

/** NetworkSettings: the sandbox while it lives; addresses empty, requested networks kept, when not. */
function networkSettings(container: Container): object {
  const { sandbox } = container.progress;
  const networks = networksOf(container);
  const bridge = sandbox?.networks['bridge'];
  return {
    Bridge: '',
    SandboxID: sandbox?.id ?? '',
    HairpinMode: false,
    LinkLocalIPv6Address: '',
    LinkLocalIPv6PrefixLen: 0,
    Ports: sandbox?.ports ?? {},
    SandboxKey: sandbox?.key ?? '',
    SecondaryIPAddresses: null,
    SecondaryIPv6Addresses: null,
    EndpointID: bridge?.EndpointID ?? '',
    Gateway: bridge?.Gateway ?? '',
    GlobalIPv6Address: bridge?.GlobalIPv6Address ?? '',
    GlobalIPv6PrefixLen: bridge?.GlobalIPv6PrefixLen ?? 0,
    IPAddress: bridge?.IPAddress ?? '',
    IPPrefixLen: bridge?.IPPrefixLen ?? 0,
    IPv6Gateway: bridge?.IPv6Gateway ?? '',
    MacAddress: bridge?.MacAddress ?? '',
    Networks: networks,
  };
}

/** By name: as they are while it runs, else as they were asked for. */
export const networksOf = (container: Container): Readonly<Record<string, EndpointSettings>> =>
  container.progress.sandbox?.networks ?? idleNetworks(container);

function idleNetworks(container: Container): Readonly<Record<string, EndpointSettings>> {
  const mode = container.record.hostConfig.NetworkMode ?? 'default';
  if (mode.startsWith('container:')) return {};
  const requested = container.record.endpoints;
  const primary = mode === 'default' ? 'bridge' : mode;
  const asked = Object.keys(requested);
  const names = asked.length > 0 ? asked : [primary];
  return Object.fromEntries(
    names.map((name) => [
      name,
      {
        IPAMConfig: requested[name]?.IPAMConfig ?? null,
        Links: requested[name]?.Links ?? null,
        Aliases: requested[name]?.Aliases ?? null,
        NetworkID: '',
        EndpointID: '',
        Gateway: '',
        IPAddress: '',
        IPPrefixLen: 0,
        IPv6Gateway: '',
        GlobalIPv6Address: '',
        GlobalIPv6PrefixLen: 0,
        MacAddress: '',
        DriverOpts: null,
      },
    ]),
  );
}

/** The API's answer; sizes only when asked, because they walk the file tree. */
export async function inspectContainer(
  context: ContainerContext,
  container: Container,
  options: { size: boolean },
): Promise<ContainerInspectAnswer> {
  const { record, progress, directory } = container;
  const layer = context.layers.getReadWrite(record.id);
  const answer = {
    Id: record.id,
    Created: record.created,
    Path: record.path,
    Args: [...record.args],
    State: wireState(container),
    Image: record.imageId,
    ResolvConfPath: progress.sandbox?.resolvConfPath ?? '',
    HostnamePath: progress.sandbox?.hostnamePath ?? '',
    HostsPath: progress.sandbox?.hostsPath ?? '',
    LogPath: progress.hasBeenStartedBefore ? logPath(container, directory) : '',
    Name: `/${record.name}`,
    RestartCount: progress.restartCount,
    Driver: record.driver,
    Platform: 'linux',
    MountLabel: '',
    ProcessLabel: '',
    AppArmorProfile: '',
    ExecIDs: container.execs.size === 0 ? null : [...container.execs.keys()],
    HostConfig: { ...record.hostConfig, Links: shownLinks(container) },
    GraphDriver: { Name: record.driver, Data: (await layer?.metadata()) ?? null },
    Mounts: wireMounts(record.mounts),
    Config: record.config,
    NetworkSettings: networkSettings(container),
    ...(options.size ? await sizesOf(context, container) : {}),
  };
  return answer;
}

function logPath(container: Container, directory: string): string {
  return container.record.hostConfig.LogConfig?.Type === 'json-file'
    ? join(directory, `${container.id}-json.log`)
    : '';
}

/** Bytes the container wrote, and with its image. */
export async function sizesOf(
  context: ContainerContext,
  container: Container,
): Promise<{ SizeRw: number; SizeRootFs: number }> {
  const layer = context.layers.getReadWrite(container.id);
  const own = (await layer?.size()) ?? 0;
  const parent = layer?.parent === undefined ? undefined : context.layers.get(layer.parent);
  return { SizeRw: own, SizeRootFs: own + (parent?.size ?? 0) };
}
