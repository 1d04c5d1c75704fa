/** `update`: limits and restart policy of a living or resting container (moby daemon/update.go). */
import type { ContainerUpdateBody, HostConfig } from '../../../shared/engine/engine-api.ts';
import { conflict, errorMessage, internal, invalidArgument } from '../../../shared/errors.ts';
import { failpoint } from '../platform/failpoint.ts';
import type { Container } from './container.ts';
import { type ContainerContext, publishEvent } from './container-context.ts';
import { isLive } from './container-state.ts';
import { resourcesFor } from './spec-input.ts';
import { verifyRestartPolicy } from './verify-config.ts';
import { verifyResources } from './verify-resources.ts';

/** Checks, applies to the cgroup when it runs, then writes. */
export async function updateContainer(
  context: ContainerContext,
  container: Container,
  body: ContainerUpdateBody,
): Promise<{ Warnings: string[] | null }> {
  return container.lock.run(async () => {
    const { RestartPolicy: policy, ...limits } = body;
    verifyRestartPolicy(policy);
    if (container.record.hostConfig.AutoRemove && policy?.Name && policy.Name !== 'no')
      throw invalidArgument(
        'Restart policy cannot be updated because AutoRemove is enabled for the container',
      );
    if (container.state.kind === 'removing' || container.state.kind === 'dead')
      throw conflict(
        `Cannot update container ${container.id}: container is marked for removal and cannot be "update"`,
      );
    const given = Object.entries(limits).filter(
      ([, value]) => value !== 0 && value !== '' && value !== null,
    );
    const hostConfig = {
      ...container.record.hostConfig,
      ...Object.fromEntries(given),
      ...(policy?.Name ? { RestartPolicy: policy } : {}),
    } as HostConfig;
    const { changes, warnings } = verifyResources(hostConfig, context.settings.verify, true);
    const next = { ...hostConfig, ...changes };
    if (isLive(container.state)) await applyLive(container, next);
    container.record.hostConfig = next;
    await context.store.saveRecord(container.record);
    failpoint('update: record written');
    publishEvent(context, container, 'update');
    return { Warnings: warnings.length === 0 ? null : warnings };
  });
}

async function applyLive(container: Container, hostConfig: HostConfig): Promise<void> {
  try {
    await container.live.task?.update(resourcesFor(hostConfig));
  } catch (error) {
    throw internal(`Cannot update container ${container.id}: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}
