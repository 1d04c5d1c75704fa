/** Rename (moby daemon/rename.go). */
import { conflict, EngineError, toEngineError } from '../../../shared/errors.ts';
import { failpoint } from '../platform/failpoint.ts';
import type { Container } from './container.ts';
import { type ContainerContext, publishEvent } from './container-context.ts';
import { renameInLinks } from './links.ts';

/** Gives another name, on disk and in the networks; a failure leaves the old one. */
export async function rename(
  context: ContainerContext,
  container: Container,
  newName: string,
): Promise<void> {
  await container.lock.run(async () => {
    const oldName = container.name;
    checkNewName(oldName, newName);
    container.record.name = reserve(context, container, newName);
    try {
      await context.store.saveRecord(container.record);
      await context.network.rename(container.id, container.name);
    } catch (error) {
      context.registry.releaseName(container.name, container.id);
      container.record.name = oldName;
      throw error;
    }
    failpoint('rename: record written');
    context.registry.releaseName(oldName, container.id);
    await renameInLinks(context, container);
    publishEvent(context, container, 'rename', { oldName: `/${oldName}` });
  });
}

/** Throws the reasons why a name cannot be had with dockerd's words before them. */
function reserve(context: ContainerContext, container: Container, newName: string): string {
  try {
    return context.registry.reserveName(`/${newName.replace(/^\//, '')}`, container.id);
  } catch (error) {
    const { code, message } = toEngineError(error);
    throw new EngineError(code, `Error when allocating new name: ${message}`, { cause: error });
  }
}

function checkNewName(oldName: string, newName: string): void {
  if (newName === '') throw conflict('Neither old nor new names may be empty', { status: 400 });
  if (newName.replace(/^\//, '') === oldName)
    throw conflict('Renaming a container with the same name as its current name', {
      status: 400,
    });
}
