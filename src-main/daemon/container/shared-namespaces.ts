/**
 * Namespaces shared with another container: its name becomes its id, so that a rename does not part them;
 * and the label option dockerd adds where processes can see each other (moby daemon/daemon_unix.go
 * adaptSharedNamespaceContainer, create.go generateSecurityOpt).
 */
import type { HostConfig } from '../../../shared/engine/engine-api.ts';
import { errorMessage, invalidArgument } from '../../../shared/errors.ts';
import type { ContainerRegistry } from './container-registry.ts';

const PREFIX = 'container:';

/** Throws invalidArgument when an ipc or pid namespace is to be shared with nobody. */
export function withSharedNamespaces(
  hostConfig: HostConfig,
  registry: ContainerRegistry,
): HostConfig {
  const byId = (mode: string): string => {
    if (!mode.startsWith(PREFIX)) return mode;
    try {
      return PREFIX + registry.find(mode.slice(PREFIX.length)).id;
    } catch {
      // Told below, or at start for a network.
      return mode;
    }
  };
  const shared = {
    ...hostConfig,
    IpcMode: byId(hostConfig.IpcMode ?? ''),
    PidMode: byId(hostConfig.PidMode ?? ''),
    NetworkMode: byId(hostConfig.NetworkMode ?? ''),
  };
  const options = hostConfig.SecurityOpt ?? [];
  // Whoever names labels decides about them.
  if (options.some((option) => option.split('=')[0] === 'label')) return shared;
  if (shared.IpcMode === 'host' || shared.PidMode === 'host' || shared.Privileged)
    return { ...shared, SecurityOpt: [...options, 'label=disable'] };
  for (const mode of [shared.IpcMode, shared.PidMode]) {
    if (mode.startsWith(PREFIX) && mode !== PREFIX)
      requireContainer(registry, mode.slice(PREFIX.length));
  }
  return shared;
}

function requireContainer(registry: ContainerRegistry, name: string): void {
  try {
    registry.find(name);
  } catch (error) {
    // Not "not found": a client would take that for the image.
    throw invalidArgument(errorMessage(error));
  }
}
