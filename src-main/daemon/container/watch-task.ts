/** Follows a task to its end. */
import { errorMessage, isEngineError } from '../../../shared/errors.ts';
import type { ExitStatus, Task } from '../runtime/runtime.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './container-context.ts';

/** Called once when the task has ended, outside the container's lock. */
export type ExitListener = (container: Container, status: ExitStatus) => void;

/** Tells the listener when the task ends; a daemon that ends first leaves it to the next one. */
export function watchTask(
  context: ContainerContext,
  container: Container,
  task: Task,
  onExit: ExitListener,
): void {
  task.wait().then(
    (status) => onExit(container, status),
    (error: unknown) => {
      if (isEngineError(error, 'cancelled')) return;
      context.log.error('lost sight of a task', {
        container: container.id,
        error: errorMessage(error),
      });
    },
  );
}
