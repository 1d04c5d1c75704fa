import { useVirtualizer } from '@tanstack/react-virtual';
import { Play, Plus, RotateCw, Skull, Square, Trash2 } from 'lucide-react';
import { type KeyboardEvent, useMemo, useRef, useState } from 'react';
import { Link, useLocation } from 'wouter';
import type { ContainerSummary } from '../../shared/engine/engine-api.ts';
import { useApp, useLive } from '../app/context.tsx';
import { Confirm } from '../ui/Confirm.tsx';
import { formatAge } from '../ui/format.ts';
import { ContainerMenu } from './ContainerMenu.tsx';
import { act, canDo, isLive, nameOf, type Verb } from './container-actions.ts';
import { PortLinks } from './PortLinks.tsx';

const ROW_HEIGHT = 52;
const FILTERS = ['all', 'running', 'stopped'] as const;
type Filter = (typeof FILTERS)[number];

const VERBS: readonly { verb: Verb; label: string; icon: typeof Play }[] = [
  { verb: 'start', label: 'Start', icon: Play },
  { verb: 'stop', label: 'Stop', icon: Square },
  { verb: 'restart', label: 'Restart', icon: RotateCw },
  { verb: 'kill', label: 'Kill', icon: Skull },
  { verb: 'remove', label: 'Remove', icon: Trash2 },
];

function matches(container: ContainerSummary, search: string, filter: Filter): boolean {
  if (filter !== 'all' && isLive(container) !== (filter === 'running')) return false;
  const text = `${nameOf(container)} ${container.Image} ${container.Id} ${container.Command}`;
  return text.toLowerCase().includes(search.toLowerCase());
}

export function ContainerList() {
  const { engine } = useApp();
  const containers = useLive((state) => state.containers);
  const [search, setSearch] = useState('');
  const [filter, setFilter] = useState<Filter>('all');
  const [selected, setSelected] = useState<ReadonlySet<string>>(new Set());
  const [busy, setBusy] = useState<ReadonlySet<string>>(new Set());
  const [doomed, setDoomed] = useState<readonly ContainerSummary[]>([]);
  const rows = useMemo(
    () => (containers ?? []).filter((container) => matches(container, search, filter)),
    [containers, search, filter],
  );
  const chosen = rows.filter(({ Id = '' }) => selected.has(Id));

  const run = (verb: Verb, targets: readonly ContainerSummary[]): void => {
    if (verb === 'remove') {
      setDoomed(targets);
      return;
    }
    void perform(
      verb,
      targets.filter((container) => canDo(verb, container)),
    );
  };
  const perform = async (verb: Verb, targets: readonly ContainerSummary[]): Promise<void> => {
    const ids = targets.map(({ Id = '' }) => Id);
    setBusy((before) => new Set([...before, ...ids]));
    await act(engine, verb, targets);
    setBusy((before) => new Set([...before].filter((id) => !ids.includes(id))));
    if (verb === 'remove') setSelected(new Set());
  };
  const toggle = (id: string): void => {
    const next = new Set(selected);
    if (!next.delete(id)) next.add(id);
    setSelected(next);
  };

  return (
    <>
      <header className="bar">
        <h1>Containers</h1>
        <input
          type="search"
          placeholder="Search name, image, id…"
          aria-label="Search containers"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <div className="segments" role="group" aria-label="State">
          {FILTERS.map((name) => (
            <button
              key={name}
              type="button"
              aria-pressed={filter === name}
              onClick={() => setFilter(name)}
            >
              {name}
            </button>
          ))}
        </div>
        <div className="spacer" />
        <Link href="/create" className="button primary">
          <Plus size={16} aria-hidden /> Create
        </Link>
      </header>
      {chosen.length > 0 && (
        <div className="bulk" role="toolbar" aria-label="Selected containers">
          <strong>{chosen.length} selected</strong>
          {VERBS.map(({ verb, label }) => (
            <button key={verb} type="button" onClick={() => run(verb, chosen)}>
              {label}
            </button>
          ))}
          <button type="button" className="quiet" onClick={() => setSelected(new Set())}>
            Clear
          </button>
        </div>
      )}
      {containers === undefined ? (
        <div className="skeleton" aria-label="Loading" />
      ) : rows.length === 0 ? (
        <EmptyList isFiltered={containers.length > 0} />
      ) : (
        <Table rows={rows} selected={selected} busy={busy} onToggle={toggle} onRun={run} />
      )}
      {doomed.length > 0 && (
        <Confirm
          title={
            doomed.length === 1
              ? `Remove ${nameOf(doomed[0] ?? {})}?`
              : `Remove ${doomed.length} containers?`
          }
          action="Remove"
          onConfirm={() => void perform('remove', doomed)}
          onClose={() => setDoomed([])}
        >
          <p>
            Running ones are killed. Their own files and anonymous volumes are deleted; named
            volumes stay.
          </p>
        </Confirm>
      )}
    </>
  );
}

function EmptyList({ isFiltered }: { readonly isFiltered: boolean }) {
  if (isFiltered) return <p className="empty">No container matches the search.</p>;
  return (
    <div className="empty">
      <h2>No containers yet</h2>
      <p>
        Create one here, or type <code>docker run</code> in a terminal: both show up at once.
      </p>
      <Link href="/create" className="button primary">
        <Plus size={16} aria-hidden /> Create a container
      </Link>
    </div>
  );
}

interface TableProps {
  readonly rows: readonly ContainerSummary[];
  readonly selected: ReadonlySet<string>;
  readonly busy: ReadonlySet<string>;
  readonly onToggle: (id: string) => void;
  readonly onRun: (verb: Verb, targets: readonly ContainerSummary[]) => void;
}

function Table({ rows, selected, busy, onToggle, onRun }: TableProps) {
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    overscan: 12,
  });
  return (
    <div className="table-scroll" ref={scroller}>
      <div className="table" role="table" aria-label="Containers" aria-rowcount={rows.length}>
        <div className="row head" role="row">
          <span role="columnheader" aria-label="Select" />
          <span role="columnheader">Name</span>
          <span role="columnheader">Image</span>
          <span role="columnheader">State</span>
          <span role="columnheader">Ports</span>
          <span role="columnheader" className="sr-only">
            Actions
          </span>
        </div>
        <div style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {virtual.getVirtualItems().map((item) => {
            const container = rows[item.index];
            if (!container) return null;
            const { Id = '' } = container;
            return (
              <Row
                key={Id}
                container={container}
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
  readonly top: number;
  readonly isSelected: boolean;
  readonly isBusy: boolean;
  readonly onToggle: () => void;
  readonly onRun: (verb: Verb) => void;
}

function Row({ container, top, isSelected, isBusy, onToggle, onRun }: RowProps) {
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
      className={`row body${isBusy ? ' busy' : ''}`}
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
