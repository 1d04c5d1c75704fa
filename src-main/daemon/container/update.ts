/** `update`: limits and restart policy of a living or resting container (moby daemon/update.go). */
import type { ContainerUpdateBody, HostConfig } from '../../../shared/engine/engine-api.ts';
import { conflict, errorMessage, internal } from '../../../shared/errors.ts';
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
    const { changes, warnings } = verifyResources(limits, context.settings.verify, true);
    if (container.state.kind === 'removing' || container.state.kind === 'dead')
      throw conflict(
        `Cannot update container ${container.id}: container is marked for removal and cannot be "update"`,
      );
    const given = { ...limits, ...changes } as HostConfig;
    if (typeof given.PidsLimit === 'number') given.PidsLimit = Math.max(given.PidsLimit, 0);
    checkAgainstPresent(container, given, policy);
    const next = {
      ...container.record.hostConfig,
      ...Object.fromEntries(Object.entries(given).filter(([name, value]) => isGiven(name, value))),
      ...(policy?.Name ? { RestartPolicy: policy } : {}),
    } as HostConfig;
    if (isLive(container.state)) await applyLive(container, next);
    container.record.hostConfig = next;
    await context.store.saveRecord(container.record);
    failpoint('update: record written');
    publishEvent(context, container, 'update');
    return { Warnings: warnings.length === 0 ? null : warnings };
  });
}

/** Zero is Docker's "not given"; only of the number of processes it means no limit. */
function isGiven(name: string, value: unknown): boolean {
  if (value === null || value === undefined) return false;
  return name === 'PidsLimit' || (value !== 0 && value !== '');
}

/** Limits that exclude one another (moby container/container_unix.go UpdateContainer). */
function checkAgainstPresent(
  container: Container,
  given: HostConfig,
  policy: ContainerUpdateBody['RestartPolicy'],
): void {
  const present = container.record.hostConfig;
  const isSet = (config: HostConfig, name: 'NanoCpus' | 'CpuPeriod' | 'CpuQuota'): boolean =>
    (config[name] ?? 0) > 0;
  const refuse = (reason: string): never => {
    throw conflict(`Cannot update container ${container.id}: ${reason}`);
  };
  for (const [name, words] of [
    ['CpuPeriod', 'CPU Period'],
    ['CpuQuota', 'CPU Quota'],
  ] as const) {
    if (isSet(given, 'NanoCpus') && isSet(present, name))
      refuse(`Conflicting options: Nano CPUs cannot be updated as ${words} has already been set`);
    if (isSet(given, name) && isSet(present, 'NanoCpus'))
      refuse(`Conflicting options: ${words} cannot be updated as NanoCPUs has already been set`);
  }
  const memory = given.Memory ?? 0;
  if (memory !== 0 && memory > (present.MemorySwap ?? 0) && !given.MemorySwap)
    refuse(
      'Memory limit should be smaller than already set memoryswap limit, update the memoryswap at the same time',
    );
  if (present.AutoRemove && policy?.Name && policy.Name !== 'no')
    refuse('Restart policy cannot be updated because AutoRemove is enabled for the container');
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
