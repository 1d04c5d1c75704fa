/**
 * Parsing of what a user writes for a mount: `-v src:dst:mode` and the `Mounts` of the API.
 * Follows moby volume/mounts/linux_parser.go, whose messages clients show.
 */
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { isAbsolute, posix } from 'node:path';
import type { Mount } from '../../../shared/engine/engine-api.ts';
import { errorMessage, invalidArgument } from '../../../shared/errors.ts';
import type { ContainerMount } from './container.ts';

const PROPAGATIONS = ['private', 'rprivate', 'slave', 'rslave', 'shared', 'rshared'];
const MODE_GROUPS: readonly (readonly string[])[] = [
  ['rw', 'ro'],
  ['z', 'Z'],
  PROPAGATIONS,
  ['nocopy'],
  ['consistent', 'cached', 'delegated'],
];

/** True when every word of the mode is known and no group is named twice. */
function isValidMode(mode: string): boolean {
  if (mode === '') return true;
  const groups = mode.split(',').map((word) => MODE_GROUPS.findIndex((g) => g.includes(word)));
  return !groups.includes(-1) && new Set(groups).size === groups.length;
}

const isReadWrite = (mode: string): boolean => !mode.split(',').includes('ro');
const propagationOf = (mode: string): string | undefined =>
  mode.split(',').find((word) => PROPAGATIONS.includes(word));
const anonymousName = (): string => randomBytes(32).toString('hex');

/** Throws when a destination is not an absolute path below `/`. Messages without prefix. */
export function checkTarget(target: string): void {
  if (posix.normalize(target) === '/')
    throw invalidArgument("invalid specification: destination can't be '/'");
  if (!isAbsolute(target))
    throw invalidArgument(`invalid mount path: '${target}' mount path must be absolute`);
}

function checkBindTarget(source: string, target: string): void {
  try {
    checkTarget(target);
  } catch (error) {
    const type = isAbsolute(source) ? 'bind' : 'volume';
    throw invalidArgument(`invalid mount config for type "${type}": ${errorMessage(error)}`);
  }
}

/** A path without its trailing slash, as Go's path.Clean leaves it. */
const cleanPath = (path: string): string => posix.normalize(path).replace(/(.)\/$/, '$1');

/** `-v`: `dst`, `src:dst` or `src:dst:mode`; a relative `src` names a volume. */
export function parseBind(raw: string, volumeDriver: string): ContainerMount {
  const parts = raw.split(':');
  const [first = '', second, mode = ''] = parts;
  const invalid = `invalid volume specification: '${raw}'`;
  if (parts.length > 3 || first === '' || (parts.length === 2 && isValidMode(second ?? '')))
    throw invalidArgument(invalid);
  if (parts.length === 3 && !isValidMode(mode)) throw invalidArgument(`invalid mode: ${mode}`);
  const source = second === undefined ? '' : first;
  const target = second ?? first;
  const propagation = propagationOf(mode);
  try {
    checkBindTarget(source, target);
    if (isAbsolute(source) && mode.split(',').includes('nocopy'))
      throw invalidArgument(
        'invalid mount config for type "bind": field VolumeOptions must not be specified',
      );
    if (!isAbsolute(source) && propagation !== undefined)
      throw invalidArgument(
        `invalid mount config for type "volume": field BindOptions must not be specified`,
      );
  } catch (error) {
    throw invalidArgument(`${invalid}: ${errorMessage(error)}`);
  }
  const common = { Destination: cleanPath(target), Mode: mode, RW: isReadWrite(mode) };
  return isAbsolute(source)
    ? {
        ...common,
        Type: 'bind',
        Source: cleanPath(source),
        Propagation: propagation ?? 'rprivate',
        createSource: true,
      }
    : volumeMount({ ...common, Mode: mode || 'z' }, source, {
        driver: volumeDriver,
        copyUp: !mode.split(',').includes('nocopy'),
      });
}

function volumeMount(
  common: { Destination: string; Mode: string; RW: boolean },
  name: string,
  options: { driver: string; copyUp: boolean },
): ContainerMount {
  return {
    ...common,
    Type: 'volume',
    Name: name === '' ? anonymousName() : name,
    Source: '',
    // '' = whatever driver has the name.
    Driver: options.driver,
    Propagation: '',
    copyUp: options.copyUp,
    anonymous: name === '',
  };
}

/** An image's `VOLUME` or `docker run -v /dst` through Config.Volumes: an anonymous volume. */
export function anonymousVolume(destination: string, driver: string): ContainerMount {
  return volumeMount({ Destination: cleanPath(destination), Mode: '', RW: true }, '', {
    driver,
    copyUp: true,
  });
}

function checkMount(mount: Mount): void {
  if (!mount.Target) throw invalidArgument('field Target must not be empty');
  checkTarget(mount.Target);
  if (mount.Type !== 'bind' && mount.BindOptions)
    throw invalidArgument('field BindOptions must not be specified');
  switch (mount.Type) {
    case 'bind':
      return checkBindMount(mount);
    case 'volume':
      if (!mount.Source && mount.ReadOnly)
        throw invalidArgument('must not set ReadOnly mode when using anonymous volumes');
      return;
    case 'tmpfs':
      if (mount.Source) throw invalidArgument('field Source must not be specified');
      return;
    case 'npipe':
    case 'cluster':
    case undefined:
    default:
      // Whatever else the user wrote.
      throw invalidArgument('mount type unknown');
  }
}

function checkBindMount(mount: Mount): void {
  const source = mount.Source ?? '';
  if (source === '') throw invalidArgument('field Source must not be empty');
  const propagation = mount.BindOptions?.Propagation;
  if (propagation && !PROPAGATIONS.includes(propagation))
    throw invalidArgument(`invalid propagation mode: ${propagation}`);
  if (mount.VolumeOptions) throw invalidArgument('field VolumeOptions must not be specified');
  if (!isAbsolute(source))
    throw invalidArgument(`invalid mount path: '${source}' mount path must be absolute`);
  if (!mount.BindOptions?.CreateMountpoint && !existsSync(source))
    throw invalidArgument(`bind source path does not exist: ${source}`);
}

function tmpfsOptionsOf(mount: Mount): readonly string[] {
  const size = mount.TmpfsOptions?.SizeBytes;
  const mode = mount.TmpfsOptions?.Mode;
  return [
    ...(mount.ReadOnly ? ['ro'] : []),
    ...(mode ? [`mode=${mode.toString(8)}`] : []),
    ...(size ? [`size=${size}`] : []),
  ];
}

/** `--mount`; throws `invalid mount config for type "bind": …`. */
export function parseMount(mount: Mount): ContainerMount {
  try {
    checkMount(mount);
  } catch (error) {
    throw invalidArgument(
      `invalid mount config for type "${mount.Type ?? ''}": ${errorMessage(error)}`,
    );
  }
  const common = { Destination: cleanPath(mount.Target ?? ''), Mode: '', RW: !mount.ReadOnly };
  if (mount.Type === 'volume')
    return volumeMount({ ...common, Mode: 'z' }, mount.Source ?? '', {
      driver: mount.VolumeOptions?.DriverConfig?.Name ?? '',
      copyUp: !mount.VolumeOptions?.NoCopy,
    });
  if (mount.Type === 'tmpfs')
    return {
      ...common,
      Type: 'tmpfs',
      Source: '',
      Propagation: '',
      tmpfsOptions: tmpfsOptionsOf(mount),
    };
  return {
    ...common,
    Type: 'bind',
    Source: cleanPath(mount.Source ?? ''),
    Propagation: mount.BindOptions?.Propagation ?? 'rprivate',
    ...(mount.BindOptions?.NonRecursive ? { nonRecursive: true } : {}),
    createSource: mount.BindOptions?.CreateMountpoint ?? false,
  };
}

/** `--volumes-from`: container and mode; throws Docker's errors. */
export function parseVolumesFrom(text: string): { container: string; readWrite: boolean } {
  if (text === '') throw invalidArgument('volumes-from specification cannot be an empty string');
  const at = text.indexOf(':');
  const mode = at < 0 ? 'rw' : text.slice(at + 1);
  if (!isValidMode(mode) || propagationOf(mode) || mode.split(',').includes('nocopy'))
    throw invalidArgument(`invalid mode: ${mode}`);
  return { container: at < 0 ? text : text.slice(0, at), readWrite: isReadWrite(mode) };
}
