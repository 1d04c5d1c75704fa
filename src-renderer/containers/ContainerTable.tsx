/** The table of the container list: chosen columns, Compose projects that fold and are acted on as one. */
import { Play, RotateCw, ScrollText, Skull, Square, Trash2 } from 'lucide-react';
import { useMemo } from 'react';
import { Link, useLocation } from 'wouter';
import type { ContainerSummary } from '../../shared/engine/engine-api.ts';
import { useApp } from '../app/context.tsx';
import { type Column, DataTable, type Grouping } from '../ui/DataTable.tsx';
import { ContainerMenu } from './ContainerMenu.tsx';
import { canDo, isLive, nameOf, projectOf, type Verb } from './container-actions.ts';
import { CONTAINER_COLUMNS, NAME_COLUMN } from './container-columns.tsx';

/** Two lines of text. */
const ROW_HEIGHT = 52;

export const VERBS: readonly { verb: Verb; label: string; icon: typeof Play }[] = [
  { verb: 'start', label: 'Start', icon: Play },
  { verb: 'stop', label: 'Stop', icon: Square },
  { verb: 'restart', label: 'Restart', icon: RotateCw },
  { verb: 'kill', label: 'Kill', icon: Skull },
  { verb: 'remove', label: 'Remove', icon: Trash2 },
];

interface TableProps {
  readonly rows: readonly ContainerSummary[];
  readonly selected: ReadonlySet<string>;
  readonly busy: ReadonlySet<string>;
  readonly onToggle: (id: string) => void;
  readonly onRun: (verb: Verb, targets: readonly ContainerSummary[]) => void;
}

const idOf = ({ Id = '' }: ContainerSummary): string => Id;

export function ContainerTable({ rows, selected, busy, onToggle, onRun }: TableProps) {
  const [, navigate] = useLocation();
  const { settings } = useApp();
  const columns = useMemo(
    (): readonly Column<ContainerSummary>[] => [
      NAME_COLUMN,
      ...CONTAINER_COLUMNS.filter(({ key }) => settings.containerColumns.includes(key)),
    ],
    [settings.containerColumns],
  );
  const grouping: Grouping<ContainerSummary> = {
    groupOf: projectOf,
    nameOf: (project) => `Project ${project}`,
    render: (project, members) => (
      <>
        <span role="cell" className="muted">
          {members.filter(isLive).length} of {members.length} running
        </span>
        <span role="cell" className="row-actions">
          <Link
            href={`/logs?project=${encodeURIComponent(project)}`}
            className="button icon"
            aria-label={`Logs of project ${project}`}
            title="Logs of all"
          >
            <ScrollText size={16} aria-hidden />
          </Link>
          <Verbs
            what={`project ${project}`}
            verbs={VERBS.filter(({ verb }) => members.some((one) => canDo(verb, one)))}
            onRun={(verb) => onRun(verb, members)}
          />
        </span>
      </>
    ),
  };
  return (
    <DataTable
      label="Containers"
      rowHeight={ROW_HEIGHT}
      columns={[
        {
          key: 'select',
          label: 'Select',
          isLabelHidden: true,
          width: '28px',
          render: (container) => (
            // Beside the box is no place to open the container by mistake.
            <span className="select-cell" onClick={(event) => event.stopPropagation()}>
              <input
                type="checkbox"
                aria-label={`Select ${nameOf(container)}`}
                checked={selected.has(idOf(container))}
                onChange={() => onToggle(idOf(container))}
              />
            </span>
          ),
        },
        ...columns,
        {
          key: 'actions',
          label: 'Actions',
          isLabelHidden: true,
          width: '190px',
          render: (container) => (
            <span className="row-actions" onClick={(event) => event.stopPropagation()}>
              <Verbs
                what={nameOf(container)}
                verbs={VERBS.filter(({ verb }) => canDo(verb, container))}
                isBusy={busy.has(idOf(container))}
                onRun={(verb) => onRun(verb, [container])}
              />
              <ContainerMenu container={container} />
            </span>
          ),
        },
      ]}
      rows={rows}
      keyOf={idOf}
      nameOf={(container) => `${nameOf(container)}, ${container.Status}`}
      grouping={grouping}
      isBusy={(container) => busy.has(idOf(container))}
      onOpen={(container) => navigate(`/containers/${container.Id}`)}
      onToggle={(container) => onToggle(idOf(container))}
      onRemove={(container) => onRun('remove', [container])}
    />
  );
}

interface VerbsProps {
  readonly what: string;
  readonly verbs: typeof VERBS;
  readonly isBusy?: boolean;
  readonly onRun: (verb: Verb) => void;
}

function Verbs({ what, verbs, isBusy = false, onRun }: VerbsProps) {
  return verbs.map(({ verb, label, icon: Icon }) => (
    <button
      key={verb}
      type="button"
      className="icon"
      disabled={isBusy}
      aria-label={`${label} ${what}`}
      title={label}
      onClick={() => onRun(verb)}
    >
      <Icon size={16} aria-hidden />
    </button>
  ));
}
