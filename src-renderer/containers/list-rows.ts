/** Rows of the container list: each container, those of a Compose project together below its name. */
import type { ContainerSummary } from '../../shared/engine/engine-api.ts';

export type ListRow =
  | {
      readonly kind: 'container';
      readonly container: ContainerSummary;
      readonly isInGroup: boolean;
    }
  | {
      readonly kind: 'project';
      readonly project: string;
      readonly containers: readonly ContainerSummary[];
      readonly isOpen: boolean;
    };

const PROJECT_LABEL = 'com.docker.compose.project';

/** A project stands where its first container stood. */
export function listRows(
  containers: readonly ContainerSummary[],
  closed: ReadonlySet<string>,
): readonly ListRow[] {
  const projects = new Map<string, ContainerSummary[]>();
  const order: (string | ContainerSummary)[] = [];
  for (const container of containers) {
    const project = container.Labels?.[PROJECT_LABEL];
    if (project === undefined) order.push(container);
    else if (projects.has(project)) projects.get(project)?.push(container);
    else {
      projects.set(project, [container]);
      order.push(project);
    }
  }
  return order.flatMap((one): ListRow[] => {
    if (typeof one !== 'string') return [{ kind: 'container', container: one, isInGroup: false }];
    const members = projects.get(one) ?? [];
    const isOpen = !closed.has(one);
    const head: ListRow = { kind: 'project', project: one, containers: members, isOpen };
    if (!isOpen) return [head];
    return [
      head,
      ...members.map((container): ListRow => ({ kind: 'container', container, isInGroup: true })),
    ];
  });
}
