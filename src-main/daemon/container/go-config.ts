/** A container config with the fields, and in the order, in which Docker's Go struct is written (api/types/container Config). */
import type { ContainerConfig } from '../../../shared/engine/engine-api.ts';
import type { ImageRunConfig } from '../image/image-service.ts';

/** Left out when they are empty, as their tags say. */
const OPTIONAL = [
  'ExposedPorts',
  'Healthcheck',
  'ArgsEscaped',
  'NetworkDisabled',
  'MacAddress',
  'StopSignal',
  'StopTimeout',
  'Shell',
] as const;

const isEmpty = (value: unknown): boolean =>
  value === undefined ||
  value === null ||
  value === '' ||
  value === false ||
  (typeof value === 'object' && Object.keys(value).length === 0);

export function goConfig(config: ContainerConfig): ImageRunConfig {
  const all = {
    Hostname: config.Hostname ?? '',
    Domainname: config.Domainname ?? '',
    User: config.User ?? '',
    AttachStdin: config.AttachStdin ?? false,
    AttachStdout: config.AttachStdout ?? false,
    AttachStderr: config.AttachStderr ?? false,
    ExposedPorts: config.ExposedPorts,
    Tty: config.Tty ?? false,
    OpenStdin: config.OpenStdin ?? false,
    StdinOnce: config.StdinOnce ?? false,
    Env: config.Env ?? null,
    Cmd: config.Cmd ?? null,
    Healthcheck: config.Healthcheck,
    ArgsEscaped: config.ArgsEscaped,
    Image: config.Image ?? '',
    Volumes: config.Volumes ?? null,
    WorkingDir: config.WorkingDir ?? '',
    Entrypoint: config.Entrypoint ?? null,
    NetworkDisabled: config.NetworkDisabled,
    MacAddress: config.MacAddress,
    OnBuild: config.OnBuild ?? null,
    Labels: config.Labels ?? null,
    StopSignal: config.StopSignal,
    StopTimeout: config.StopTimeout,
    Shell: config.Shell,
  };
  const isOptional = (name: string): boolean => (OPTIONAL as readonly string[]).includes(name);
  const kept = Object.entries(all).filter(([name, value]) => !isOptional(name) || !isEmpty(value));
  return Object.fromEntries(kept) as ImageRunConfig;
}
