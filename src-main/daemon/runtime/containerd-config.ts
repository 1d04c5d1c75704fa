/** The private containerd's configuration: only what tasks need, so that it starts fast and does nothing else. */
import { join } from 'node:path';

/** containerd keeps the bundles of tasks in a directory of this name. */
export const TASK_PLUGIN = 'io.containerd.runtime.v2.task';

export interface ContainerdPaths {
  readonly root: string;
  readonly state: string;
  readonly address: string;
  readonly ttrpcAddress: string;
  readonly configFile: string;
  readonly logFile: string;
}

/**
 * Everything below the exec root. What containerd records, tasks and their containers, does not outlive
 * a reboot either; and on /run, which is memory, its database need not wait for a disk at every start.
 */
export function containerdPaths(execRoot: string): ContainerdPaths {
  const exec = join(execRoot, 'containerd');
  return {
    root: join(exec, 'root'),
    state: join(exec, 'daemon'),
    address: join(exec, 'containerd.sock'),
    ttrpcAddress: join(exec, 'containerd.sock.ttrpc'),
    configFile: join(exec, 'containerd.toml'),
    logFile: join(exec, 'containerd.log'),
  };
}

/** Plugins without a use here; each costs start-up time or scans the machine. */
const DISABLED_PLUGINS = [
  'io.containerd.grpc.v1.cri',
  'io.containerd.snapshotter.v1.aufs',
  'io.containerd.snapshotter.v1.btrfs',
  'io.containerd.snapshotter.v1.devmapper',
  'io.containerd.snapshotter.v1.overlayfs',
  'io.containerd.snapshotter.v1.zfs',
  'io.containerd.internal.v1.opt',
  'io.containerd.internal.v1.restart',
  'io.containerd.internal.v1.tracing',
  'io.containerd.tracing.processor.v1.otlp',
];

export function containerdToml(paths: ContainerdPaths, logLevel: string): string {
  const quote = (text: string): string => JSON.stringify(text);
  return `version = 2
root = ${quote(paths.root)}
state = ${quote(paths.state)}
oom_score = -500
disabled_plugins = [${DISABLED_PLUGINS.map(quote).join(', ')}]

[grpc]
  address = ${quote(paths.address)}

[ttrpc]
  address = ${quote(paths.ttrpcAddress)}

[debug]
  level = ${quote(logLevel)}

[plugins."io.containerd.monitor.v1.cgroups"]
  no_prometheus = true
`;
}
