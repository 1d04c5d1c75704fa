/** Devices and device rules of a container (moby oci/devices_linux.go, oci/defaults.go, daemon/oci_linux.go). */
import { lstatSync, readdirSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import type { HostConfig } from '../../../shared/engine/engine-api.ts';
import { internal } from '../../../shared/errors.ts';
import { deviceNumbers } from '../platform/device.ts';
import type { OciDeviceRule, OciLinuxDevice } from './oci-types.ts';

const ALLOW_ALL: OciDeviceRule = { allow: true, access: 'rwm' };
const char = (major: number, minor: number): OciDeviceRule => ({
  allow: true,
  type: 'c',
  major,
  minor,
  access: 'rwm',
});

/** Deny all, then what every container may use; the runtime adds mknod and the terminals itself. */
const DEFAULT_RULES: readonly OciDeviceRule[] = [
  { allow: false, access: 'rwm' },
  char(1, 5),
  char(1, 3),
  char(1, 9),
  char(1, 8),
  char(5, 0),
  char(5, 1),
  { allow: false, type: 'c', major: 10, minor: 229, access: 'rwm' },
];

const RULE_PATTERN = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/;

function parseRule(text: string): OciDeviceRule {
  const match = RULE_PATTERN.exec(text);
  if (!match) throw internal(`invalid device cgroup rule format: '${text}'`);
  const [, type = 'a', major = '*', minor = '*', access = ''] = match;
  return {
    allow: true,
    type,
    ...(major === '*' ? {} : { major: Number(major) }),
    ...(minor === '*' ? {} : { minor: Number(minor) }),
    access,
  };
}

function typeOf(stat: Stats): 'c' | 'b' | undefined {
  if (stat.isCharacterDevice()) return 'c';
  return stat.isBlockDevice() ? 'b' : undefined;
}

function asDevice(stat: Stats, inContainer: string): OciLinuxDevice | undefined {
  const type = typeOf(stat);
  if (!type) return undefined;
  return {
    path: inContainer,
    type,
    ...deviceNumbers(stat.rdev),
    fileMode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
  };
}

const customDeviceError = (path: string, reason: string, cause?: unknown): Error =>
  internal(
    `error gathering device information while adding custom device "${path}": ${reason}`,
    cause === undefined ? {} : { cause },
  );

/** A device, or every device below a directory. */
function devicesAt(onHost: string, inContainer: string): readonly OciLinuxDevice[] {
  let stat: Stats;
  try {
    stat = statSync(onHost);
  } catch (error) {
    throw customDeviceError(onHost, 'no such file or directory', error);
  }
  const devices = stat.isDirectory()
    ? devicesBelow(onHost, inContainer)
    : [asDevice(stat, inContainer)].filter((device) => device !== undefined);
  if (devices.length === 0) throw customDeviceError(onHost, 'not a device node');
  return devices;
}

/** Whatever is no device is passed over. */
function devicesBelow(directory: string, inContainer: string): readonly OciLinuxDevice[] {
  return readdirSync(directory).flatMap((name) => {
    const stat = lstatSync(join(directory, name));
    const path = join(inContainer, name);
    if (stat.isDirectory()) return devicesBelow(join(directory, name), path);
    return asDevice(stat, path) ?? [];
  });
}

/** All of the host's devices, for a privileged container. */
function hostDevices(directory = '/dev'): readonly OciLinuxDevice[] {
  const skipped = ['pts', 'shm', 'fd', 'mqueue', '.lxc', '.lxd-mounts', '.udev', 'console'];
  return readdirSync(directory).flatMap((name) => {
    if (skipped.includes(name)) return [];
    const path = join(directory, name);
    const stat = lstatSync(path);
    if (stat.isDirectory()) return hostDevices(path);
    return asDevice(stat, path) ?? [];
  });
}

type Mapping = NonNullable<HostConfig['Devices']>[number];

const devicesOf = ({ PathOnHost = '', PathInContainer }: Mapping): readonly OciLinuxDevice[] =>
  devicesAt(PathOnHost, PathInContainer || PathOnHost);

/** Device drivers (GPUs) are plugins dockerd has built in; there is none here. */
function refuseDeviceRequests({ DeviceRequests }: HostConfig): void {
  const [request] = DeviceRequests ?? [];
  if (!request) return;
  const sets = (request.Capabilities ?? []).map((names) => `[${(names ?? []).join(' ')}]`);
  throw internal(
    `could not select device driver "${request.Driver ?? ''}" with capabilities: [${sets.join(' ')}]`,
  );
}

/** The device nodes to make and the rules of the devices cgroup. Throws internal for a device that is none. */
export function ociDevices(hostConfig: HostConfig): {
  devices: readonly OciLinuxDevice[];
  rules: readonly OciDeviceRule[];
} {
  refuseDeviceRequests(hostConfig);
  const mappings = hostConfig.Devices ?? [];
  if (hostConfig.Privileged) {
    const moved = mappings.filter((one) => one.PathOnHost !== one.PathInContainer);
    return { devices: [...hostDevices(), ...moved.flatMap(devicesOf)], rules: [ALLOW_ALL] };
  }
  const asked = mappings.map((one) => ({
    devices: devicesOf(one),
    access: one.CgroupPermissions || 'rwm',
  }));
  const rules = asked.flatMap(({ devices, access }) =>
    devices.map(({ type, major, minor }) => ({ allow: true, type, major, minor, access })),
  );
  return {
    devices: asked.flatMap(({ devices }) => devices),
    rules: [...DEFAULT_RULES, ...rules, ...(hostConfig.DeviceCgroupRules ?? []).map(parseRule)],
  };
}
