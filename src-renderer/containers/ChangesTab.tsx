import { RotateCw } from 'lucide-react';
import { useCallback, useMemo, useState } from 'react';
import type { ContainerChangesAnswer, FilesystemChange } from '../../shared/engine/engine-api.ts';
import type { EngineClient } from '../engine/engine-client.ts';
import { type Column, DataTable } from '../ui/DataTable.tsx';
import { ListStates } from '../ui/ListStates.tsx';
import { useAnswer } from '../ui/use-answer.ts';

const KINDS = ['changed', 'added', 'deleted'] as const;

const COLUMNS: readonly Column<FilesystemChange>[] = [
  {
    key: 'kind',
    label: 'What',
    width: '100px',
    sortBy: ({ Kind }) => Kind,
    render: ({ Kind }) => <span className={`change-${KINDS[Kind]}`}>{KINDS[Kind]}</span>,
  },
  {
    key: 'path',
    label: 'Path',
    width: '1fr',
    sortBy: ({ Path }) => Path,
    render: ({ Path }) => <code>{Path}</code>,
  },
];

/** What the container did to the files of its image, as `docker diff` has it. */
export function ChangesTab({ id, state }: { readonly id: string; readonly state: string }) {
  const ask = useCallback(
    async (engine: EngineClient) =>
      (await engine.get<ContainerChangesAnswer>(`/containers/${id}/changes`)) ?? [],
    [id],
  );
  const { data, problem, reload } = useAnswer(ask, state);
  const [search, setSearch] = useState('');
  const rows = useMemo(() => data?.filter(({ Path }) => Path.includes(search)), [data, search]);
  return (
    <div className="pane">
      <div className="tools">
        <input
          type="search"
          placeholder="Search paths…"
          aria-label="Search paths"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <div className="spacer" />
        <button type="button" onClick={reload}>
          <RotateCw size={16} aria-hidden /> Look again
        </button>
      </div>
      <ListStates
        rows={rows}
        total={data?.length ?? 0}
        problem={problem}
        empty={<p>The container has changed none of its image’s files.</p>}
      >
        <DataTable
          label="Changes"
          columns={COLUMNS}
          rows={rows ?? []}
          keyOf={({ Path }) => Path}
          nameOf={({ Path, Kind }) => `${Path} ${KINDS[Kind]}`}
        />
      </ListStates>
    </div>
  );
}
