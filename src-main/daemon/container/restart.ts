/** `docker restart` (moby daemon/restart.go). */
import { errorMessage, internal } from '../../../shared/errors.ts';
import type { Container } from './container.ts';
import { type ContainerContext, publishEvent } from './container-context.ts';
import { type StopOptions, stopContainer } from './stop.ts';

/** Stops what runs, then starts it. `asked` is what the user called it, for messages. */
export async function restartContainer(
  context: ContainerContext,
  container: Container,
  options: StopOptions & { readonly asked: string },
  start: (container: Container) => Promise<unknown>,
): Promise<void> {
  try {
    await stopContainer(context, container, options);
    await start(container);
  } catch (error) {
    throw internal(`Cannot restart container ${options.asked}: ${errorMessage(error)}`, {
      cause: error,
    });
  }
  publishEvent(context, container, 'restart');
}
