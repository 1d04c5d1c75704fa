/** `--link`: what is asked, checked at create (moby daemon/daemon_unix.go registerLinks, opts ParseLink). */
import type { HostConfig } from '../../../shared/engine/engine-api.ts';
import { errorMessage, invalidArgument } from '../../../shared/errors.ts';
import type { ContainerRegistry } from './container-registry.ts';

/** `name:alias`, or a name that is its own alias. Throws Docker's words for anything else. */
function linkedName(text: string): string {
  if (text === '') throw invalidArgument('empty string specified for links');
  const [name = '', , ...rest] = text.split(':');
  if (rest.length > 0) throw invalidArgument(`bad format for links: ${text}`);
  return name;
}

/** Throws when a linked container is not there, or has no network that could be linked to. */
export function checkLinks(hostConfig: HostConfig, registry: ContainerRegistry): void {
  for (const text of hostConfig.Links ?? []) {
    const name = linkedName(text);
    try {
      registry.find(name);
    } catch (error) {
      // Not "not found": a client would take that for the image.
      throw invalidArgument(`could not get container for ${name}: ${errorMessage(error)}`);
    }
  }
}
