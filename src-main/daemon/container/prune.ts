/** Prune of stopped containers (moby daemon/prune.go). */
import { checkFilterNames, readUntil } from '../image/filters.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './container-context.ts';
import type { Filters } from './container-service.ts';
import { isRunning } from './container-state.ts';
import { matchesLabel } from './list-filter.ts';
import { removeContainer } from './remove.ts';

/** Removes what is not running, by label and age; answers what went. */
export async function prune(
  context: ContainerContext,
  filters: Filters,
): Promise<{ ContainersDeleted: string[] | null; SpaceReclaimed: number }> {
  checkFilterNames(filters, ['label', 'label!', 'until']);
  const until = readUntil(filters, Date.now()) ?? Number.POSITIVE_INFINITY;
  const deleted: string[] = [];
  let reclaimed = 0;
  for (const container of context.registry.all()) {
    if (isRunning(container.state) || !isPrunable(container, filters, until)) continue;
    const size = (await context.layers.getReadWrite(container.id)?.size()) ?? 0;
    await removeContainer(context, container, {
      force: false,
      volumes: false,
      asked: container.id,
    });
    deleted.push(container.id);
    reclaimed += size;
  }
  return { ContainersDeleted: deleted.length === 0 ? null : deleted, SpaceReclaimed: reclaimed };
}

/** `until` in milliseconds since the epoch. */
function isPrunable(container: Container, filters: Filters, until: number): boolean {
  const labels = container.record.config.Labels ?? {};
  return (
    (filters['label'] ?? []).every((wanted) => matchesLabel(labels, wanted)) &&
    !(filters['label!'] ?? []).some((unwanted) => matchesLabel(labels, unwanted)) &&
    Date.parse(container.record.created) < until
  );
}
