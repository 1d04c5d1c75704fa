/** What can be done with containers, one or many; failures are told, each by name. */
import type { ContainerSummary } from '../../shared/engine/engine-api.ts';
import { errorMessage } from '../../shared/errors.ts';
import { type EngineClient, query } from '../engine/engine-client.ts';
import { showToast } from '../ui/toasts.ts';

export type Verb = 'start' | 'stop' | 'restart' | 'kill' | 'pause' | 'unpause' | 'remove';

export const nameOf = (container: ContainerSummary): string =>
  (container.Names?.[0] ?? container.Id ?? '').replace(/^\//, '');

/** The Compose project it belongs to. */
export const projectOf = ({ Labels }: ContainerSummary): string | undefined =>
  Labels?.['com.docker.compose.project'];

export const isLive = (container: ContainerSummary): boolean =>
  ['running', 'paused', 'restarting'].includes(container.State ?? '');

/** Whether the verb makes sense now. */
export function canDo(verb: Verb, container: ContainerSummary): boolean {
  switch (verb) {
    case 'start':
      return !isLive(container);
    case 'pause':
      return container.State === 'running';
    case 'unpause':
      return container.State === 'paused';
    case 'remove':
      return true;
    case 'stop':
    case 'restart':
    case 'kill':
      return isLive(container);
  }
}

export async function act(
  engine: EngineClient,
  verb: Verb,
  containers: readonly ContainerSummary[],
): Promise<void> {
  await Promise.all(
    containers.map(async (container) => {
      const path = `/containers/${container.Id}`;
      try {
        if (verb === 'remove') await engine.json('DELETE', `${path}${query({ force: 1, v: 1 })}`);
        else await engine.post(`${path}/${verb}`);
      } catch (error) {
        showToast('error', `${nameOf(container)}: ${errorMessage(error)}`);
      }
    }),
  );
}
