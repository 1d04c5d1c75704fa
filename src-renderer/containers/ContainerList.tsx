import { Plus } from 'lucide-react';
import { useMemo, useState } from 'react';
import { Link } from 'wouter';
import type { ContainerSummary } from '../../shared/engine/engine-api.ts';
import { useApp, useLive } from '../app/context.tsx';
import { SampleButton } from '../sample/SampleButton.tsx';
import { Confirm } from '../ui/Confirm.tsx';
import { ColumnsMenu } from './ColumnsMenu.tsx';
import { ContainerTable, VERBS } from './ContainerTable.tsx';
import { act, canDo, isLive, nameOf, type Verb } from './container-actions.ts';
import { FiltersMenu } from './FiltersMenu.tsx';

const FILTERS = ['all', 'running', 'stopped'] as const;
type Filter = (typeof FILTERS)[number];

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
        <FiltersMenu
          current={{ search, state: filter }}
          onChoose={(chosen) => {
            setSearch(chosen.search);
            setFilter(chosen.state);
          }}
        />
        <div className="spacer" />
        <ColumnsMenu />
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
          <Link href={`/logs?ids=${chosen.map(({ Id }) => Id).join(',')}`} className="button">
            Logs
          </Link>
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
        <ContainerTable rows={rows} selected={selected} busy={busy} onToggle={toggle} onRun={run} />
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
          <ul className="names">
            {doomed.map((container) => (
              <li key={container.Id}>
                {nameOf(container)} <span className="muted">{container.State}</span>
              </li>
            ))}
          </ul>
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
      <p className="first-steps">
        <Link href="/create" className="button primary">
          <Plus size={16} aria-hidden /> Create a container
        </Link>
        <SampleButton />
      </p>
    </div>
  );
}
