/** Devices and device rules of a container (moby oci/devices_linux.go, oci/defaults.go, daemon/oci_linux.go). */
import { lstatSync, readdirSync, type Stats, statSync } from 'node:fs';
import { join } from 'node:path';
import type { HostConfig } from '../../../shared/engine/engine-api.ts';
import { invalidArgument } from '../../../shared/errors.ts';
import { deviceNumbers } from '../platform/device.ts';
import type { OciDeviceRule, OciLinuxDevice } from './oci-types.ts';

const ALLOW_ALL: OciDeviceRule = { allow: true, access: 'rwm' };
const char = (major: number, minor: number | undefined, access: string): OciDeviceRule => ({
  allow: true,
  type: 'c',
  major,
  ...(minor === undefined ? {} : { minor }),
  access,
});

/** Deny all, then what every container may use. */
const DEFAULT_RULES: readonly OciDeviceRule[] = [
  { allow: false, access: 'rwm' },
  char(1, 5, 'rwm'),
  char(1, 3, 'rwm'),
  char(1, 9, 'rwm'),
  char(1, 8, 'rwm'),
  char(5, 0, 'rwm'),
  char(5, 1, 'rwm'),
  { allow: false, type: 'c', major: 10, minor: 229, access: 'rwm' },
  // mknod of anything is allowed; opening it is not.
  { allow: true, type: 'c', access: 'm' },
  { allow: true, type: 'b', access: 'm' },
  char(136, undefined, 'rwm'),
  char(5, 2, 'rwm'),
];

const RULE_PATTERN = /^([acb]) ([0-9]+|\*):([0-9]+|\*) ([rwm]{1,3})$/;

function parseRule(text: string): OciDeviceRule {
  const match = RULE_PATTERN.exec(text);
  if (!match) throw invalidArgument(`invalid device cgroup rule format: '${text}'`);
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

/** A device, or every device below a directory. */
function devicesAt(onHost: string, inContainer: string): readonly OciLinuxDevice[] {
  let stat: Stats;
  try {
    stat = statSync(onHost);
  } catch (error) {
    throw invalidArgument(
      `error gathering device information while adding custom device "${onHost}": no such file or directory`,
      { cause: error },
    );
  }
  if (stat.isDirectory())
    return readdirSync(onHost).flatMap((name) =>
      devicesAt(join(onHost, name), join(inContainer, name)),
    );
  const device = asDevice(stat, inContainer);
  if (!device)
    throw invalidArgument(
      `error gathering device information while adding custom device "${onHost}": not a device node`,
    );
  return [device];
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

/** The device nodes to make and the rules of the devices cgroup. */
export function ociDevices(hostConfig: HostConfig): {
  devices: readonly OciLinuxDevice[];
  rules: readonly OciDeviceRule[];
} {
  if (hostConfig.Privileged) return { devices: hostDevices(), rules: [ALLOW_ALL] };
  const asked = (hostConfig.Devices ?? []).map((one) => ({
    devices: devicesAt(one.PathOnHost ?? '', one.PathInContainer || (one.PathOnHost ?? '')),
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
