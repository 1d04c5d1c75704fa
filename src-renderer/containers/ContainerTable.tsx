/** The table of the container list: rows drawn as they come into view, projects that fold. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { ChevronDown, ChevronRight, Play, RotateCw, Skull, Square, Trash2 } from 'lucide-react';
import { type KeyboardEvent, useMemo, useRef, useState } from 'react';
import { useLocation } from 'wouter';
import type { ContainerSummary } from '../../shared/engine/engine-api.ts';
import { formatAge } from '../ui/format.ts';
import { ContainerMenu } from './ContainerMenu.tsx';
import { canDo, isLive, nameOf, type Verb } from './container-actions.ts';
import { listRows } from './list-rows.ts';
import { PortLinks } from './PortLinks.tsx';
import { Usage } from './Usage.tsx';

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

export function ContainerTable({ rows, selected, busy, onToggle, onRun }: TableProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const lines = useMemo(() => listRows(rows, closed), [rows, closed]);
  const fold = (project: string): void => {
    const next = new Set(closed);
    if (!next.delete(project)) next.add(project);
    setClosed(next);
  };
  const virtual = useVirtualizer({
    count: lines.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
  });
  return (
    <div className="table-scroll containers" ref={scroller}>
      <div className="table" role="table" aria-label="Containers" aria-rowcount={lines.length}>
        <div className="row head" role="row">
          <span role="columnheader" aria-label="Select" />
          <span role="columnheader">Name</span>
          <span role="columnheader">Image</span>
          <span role="columnheader">State</span>
          <span role="columnheader">CPU, memory</span>
          <span role="columnheader">Ports</span>
          <span role="columnheader" className="sr-only">
            Actions
          </span>
        </div>
        <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {virtual.getVirtualItems().map((item) => {
            const line = lines[item.index];
            if (!line) return null;
            if (line.kind === 'project')
              return (
                <ProjectRow
                  key={`project ${line.project}`}
                  {...line}
                  top={item.start}
                  onFold={() => fold(line.project)}
                  onRun={(verb) => onRun(verb, line.containers)}
                />
              );
            const { container, isInGroup } = line;
            const { Id = '' } = container;
            return (
              <Row
                key={Id}
                container={container}
                isInGroup={isInGroup}
                top={item.start}
                isSelected={selected.has(Id)}
                isBusy={busy.has(Id)}
                onToggle={() => onToggle(Id)}
                onRun={(verb) => onRun(verb, [container])}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

interface RowProps {
  readonly container: ContainerSummary;
  readonly isInGroup: boolean;
  readonly top: number;
  readonly isSelected: boolean;
  readonly isBusy: boolean;
  readonly onToggle: () => void;
  readonly onRun: (verb: Verb) => void;
}

function Row({ container, isInGroup, top, isSelected, isBusy, onToggle, onRun }: RowProps) {
  const [, navigate] = useLocation();
  const name = nameOf(container);
  const open = (): void => navigate(`/containers/${container.Id}`);
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>): void => {
    if (event.target !== event.currentTarget) return;
    const sibling = event.key === 'ArrowDown' ? 'nextElementSibling' : 'previousElementSibling';
    switch (event.key) {
      case 'Enter':
        return open();
      case ' ':
        event.preventDefault();
        return onToggle();
      case 'Delete':
        return onRun('remove');
      case 'ArrowDown':
      case 'ArrowUp':
        event.preventDefault();
        (event.currentTarget[sibling] as HTMLElement | null)?.focus();
    }
  };
  return (
    <div
      role="row"
      tabIndex={0}
      className={`row body${isBusy ? ' busy' : ''}${isInGroup ? ' in-group' : ''}`}
      style={{ position: 'absolute', top, left: 0, right: 0 }}
      aria-label={`${name}, ${container.Status}`}
      onClick={open}
      onKeyDown={onKeyDown}
    >
      <span role="cell" onClick={(event) => event.stopPropagation()}>
        <input
          type="checkbox"
          aria-label={`Select ${name}`}
          checked={isSelected}
          onChange={onToggle}
        />
      </span>
      <span role="cell" className="two-lines">
        <b>{name}</b>
        <code className="muted">{container.Id?.slice(0, 12)}</code>
      </span>
      <span role="cell" className="clip">
        {container.Image}
      </span>
      <span role="cell" className="two-lines">
        <span className="state">
          <span className={`dot dot-${container.State}`} aria-hidden /> {container.State}
        </span>
        <span className="muted">
          {container.State === 'created' ? formatAge(container.Created ?? 0) : container.Status}
        </span>
      </span>
      <span role="cell">
        <Usage id={container.Id ?? ''} isRunning={container.State === 'running'} />
      </span>
      <span role="cell" className="clip">
        <PortLinks ports={container.Ports ?? []} />
      </span>
      <span role="cell" className="row-actions" onClick={(event) => event.stopPropagation()}>
        {VERBS.filter(({ verb }) => canDo(verb, container)).map(({ verb, label, icon: Icon }) => (
          <button
            key={verb}
            type="button"
            className="icon"
            disabled={isBusy}
            aria-label={`${label} ${name}`}
            title={label}
            onClick={() => onRun(verb)}
          >
            <Icon size={16} aria-hidden />
          </button>
        ))}
        <ContainerMenu container={container} />
      </span>
    </div>
  );
}

interface ProjectRowProps {
  readonly project: string;
  readonly containers: readonly ContainerSummary[];
  readonly isOpen: boolean;
  readonly top: number;
  readonly onFold: () => void;
  readonly onRun: (verb: Verb) => void;
}

function ProjectRow({ project, containers, isOpen, top, onFold, onRun }: ProjectRowProps) {
  const running = containers.filter(isLive).length;
  const Arrow = isOpen ? ChevronDown : ChevronRight;
  return (
    <div
      role="row"
      className="row body project"
      aria-label={`Project ${project}`}
      style={{ position: 'absolute', top, left: 0, right: 0 }}
    >
      <span role="cell" className="project-name">
        <button type="button" className="heading" aria-expanded={isOpen} onClick={onFold}>
          <Arrow size={15} aria-hidden /> <b>{project}</b>
        </button>{' '}
        <span className="muted">
          {running} of {containers.length} running
        </span>
      </span>
      <span role="cell" className="row-actions">
        {VERBS.filter(({ verb }) => containers.some((one) => canDo(verb, one))).map(
          ({ verb, label, icon: Icon }) => (
            <button
              key={verb}
              type="button"
              className="icon"
              aria-label={`${label} project ${project}`}
              title={`${label} all of ${project}`}
              onClick={() => onRun(verb)}
            >
              <Icon size={16} aria-hidden />
            </button>
          ),
        )}
      </span>
    </div>
  );
}
