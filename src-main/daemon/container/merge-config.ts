/** Merges the image's run config under the user's (moby daemon/commit.go merge, daemon/container.go). */
import type { ContainerConfig } from '../../../shared/engine/engine-api.ts';
import { invalidArgument } from '../../../shared/errors.ts';
import type { ImageRunConfig } from '../image/image-service.ts';

const nameOfEnv = (entry: string): string => entry.split('=', 1)[0] ?? entry;

/** Later values win; an entry without `=` removes the name (moby container/env.go). */
export function replaceOrAppendEnv(
  defaults: readonly string[],
  overrides: readonly string[],
): string[] {
  const merged = new Map(defaults.map((entry) => [nameOfEnv(entry), entry]));
  for (const entry of overrides) {
    if (entry.includes('=')) merged.set(nameOfEnv(entry), entry);
    else merged.delete(entry);
  }
  return [...merged.values()];
}

function mergedEnv(user: ContainerConfig, image: ImageRunConfig): string[] {
  const own = user.Env ?? [];
  const taken = new Set(own.map(nameOfEnv));
  return [...own, ...(image.Env ?? []).filter((entry) => !taken.has(nameOfEnv(entry)))];
}

/** The entry point and command: the user's entry point discards the image's command. */
function mergedCommand(
  user: ContainerConfig,
  image: ImageRunConfig,
): { Entrypoint: string[] | null; Cmd: string[] | null } {
  if (user.Entrypoint && user.Entrypoint.length > 0) {
    const [only] = user.Entrypoint;
    // `--entrypoint ""` arrives as [""] and clears the image's.
    const cleared = user.Entrypoint.length === 1 && only === '';
    return { Entrypoint: cleared ? null : user.Entrypoint, Cmd: user.Cmd ?? null };
  }
  const Cmd = user.Cmd && user.Cmd.length > 0 ? user.Cmd : [...(image.Cmd ?? [])];
  return { Entrypoint: image.Entrypoint ? [...image.Entrypoint] : null, Cmd };
}

/** The config a container is created with. Throws `No command specified`. */
export function mergeConfig(user: ContainerConfig, image: ImageRunConfig): ContainerConfig {
  const command = mergedCommand(user, image);
  const merged: ContainerConfig = {
    ...user,
    ...command,
    Env: mergedEnv(user, image),
    Labels: { ...image.Labels, ...user.Labels },
    ExposedPorts: mergedKeys(image.ExposedPorts, user.ExposedPorts),
    Volumes: mergedKeys(image.Volumes, user.Volumes),
    User: user.User || image.User || '',
    WorkingDir: user.WorkingDir || image.WorkingDir || '',
    ...stopSettings(user, image),
    ...healthSettings(user, image),
  };
  if ((merged.Entrypoint?.length ?? 0) === 0 && (merged.Cmd?.length ?? 0) === 0)
    throw invalidArgument('No command specified');
  return merged;
}

/** Union of two sets written as objects; null when both are empty, as Docker shows it. */
function mergedKeys(
  below: Readonly<Record<string, object>> | null | undefined,
  above: ContainerConfig['Volumes'],
): Record<string, Record<string, never>> | null {
  const names = [...Object.keys(below ?? {}), ...Object.keys(above ?? {})];
  return names.length === 0 ? null : Object.fromEntries(names.map((name) => [name, {}]));
}

function stopSettings(user: ContainerConfig, image: ImageRunConfig): Partial<ContainerConfig> {
  const StopSignal = user.StopSignal || image.StopSignal;
  const StopTimeout = user.StopTimeout ?? image.StopTimeout;
  return {
    ...(StopSignal ? { StopSignal } : {}),
    ...(StopTimeout === undefined || StopTimeout === null ? {} : { StopTimeout }),
  };
}

/** The user's health check with the image's values where the user gave none. */
function healthSettings(user: ContainerConfig, image: ImageRunConfig): Partial<ContainerConfig> {
  const below: ContainerConfig['Healthcheck'] = image.Healthcheck ?? undefined;
  const above = user.Healthcheck ?? undefined;
  if (!above) return below ? { Healthcheck: below } : {};
  const Test = above.Test && above.Test.length > 0 ? above.Test : (below?.Test ?? null);
  return {
    Healthcheck: {
      Test,
      Interval: above.Interval || below?.Interval || 0,
      Timeout: above.Timeout || below?.Timeout || 0,
      StartPeriod: above.StartPeriod || below?.StartPeriod || 0,
      Retries: above.Retries || below?.Retries || 0,
    },
  };
}
