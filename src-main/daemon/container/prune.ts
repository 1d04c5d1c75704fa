/** Prune of stopped containers (moby daemon/prune.go). */
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
  const deleted: string[] = [];
  let reclaimed = 0;
  for (const container of context.registry.all()) {
    if (isRunning(container.state) || !isPrunable(container, filters)) continue;
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

function isPrunable(container: Container, filters: Filters): boolean {
  const labels = container.record.config.Labels ?? {};
  const createdMs = Date.parse(container.record.created);
  return (
    (filters['label'] ?? []).every((wanted) => matchesLabel(labels, wanted)) &&
    !(filters['label!'] ?? []).some((unwanted) => matchesLabel(labels, unwanted)) &&
    (filters['until'] ?? []).every((until) => createdMs < untilMs(until))
  );
}

/** A duration before now (`10m`, `1h30m`), Unix seconds, or a date. */
function untilMs(text: string): number {
  if (/^\d+(\.\d+)?$/.test(text)) return Number(text) * 1000;
  const units: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 };
  if (/^(\d+(\.\d+)?(ms|h|m|s))+$/.test(text)) {
    const parts = text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g);
    return (
      Date.now() - parts.reduce((sum, [, n, unit]) => sum + Number(n) * (units[unit ?? ''] ?? 0), 0)
    );
  }
  return Date.parse(text);
}
