/** What a network to be made may ask for (moby libnetwork network.go validateConfiguration). */
import { forbidden, internal, unavailable } from '../../../shared/errors.ts';
import type { NetworkCreateRequest } from './network-controller.ts';

/** Throws for a name that is none, and for options that exclude each other. */
export function checkCreate(request: NetworkCreateRequest): void {
  const { Name: name, ConfigOnly: isConfigOnly, ConfigFrom: from } = request;
  if (name.trim() === '') throw internal(`invalid name: ${name}`);
  if (isConfigOnly && (request.Ingress || request.Internal || request.Attachable || request.Scope))
    throw forbidden(
      'configuration network can only contain network specific fields. Network operator fields like [ ingress | internal | attachable | scope ] are not supported.',
    );
  if (!from?.Network) return;
  if (isConfigOnly)
    throw forbidden('a configuration network cannot depend on another configuration network');
  const { IPAM: ipam, EnableIPv6, Labels, Options } = request;
  const isFilled = (one: object | null | undefined): boolean => Object.keys(one ?? {}).length > 0;
  if (
    (ipam?.Driver ?? 'default') !== 'default' ||
    EnableIPv6 ||
    isFilled(Labels) ||
    isFilled(ipam?.Options) ||
    isFilled(ipam?.Config)
  )
    throw forbidden(
      'user specified configurations are not supported if the network depends on a configuration network',
    );
  if (isFilled(Options))
    throw forbidden(
      'network driver options are not supported if the network depends on a configuration network',
    );
}

const NO_MANAGER =
  'This node is not a swarm manager. Use "docker swarm init" or "docker swarm join" to connect this node to swarm and try again.';

/** Networks of several machines are swarm's, and there is none. */
export function checkSwarm({ Scope, Ingress, Driver }: NetworkCreateRequest): void {
  if (Driver === 'overlay') throw unavailable(NO_MANAGER);
  if (Ingress) throw forbidden('Ingress network can only be global scope network');
  if (Scope === 'swarm')
    throw forbidden('cannot create a swarm scoped network when swarm is not active');
  if (Scope !== undefined && !['', 'local'].includes(Scope)) throw internal(NO_MANAGER);
}
