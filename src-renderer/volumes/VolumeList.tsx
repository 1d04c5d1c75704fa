import { Plus, Trash2 } from 'lucide-react';
import { useCallback, useMemo, useState } from 'react';
import { useLocation } from 'wouter';
import type { SystemDataUsageAnswer, Volume } from '../../shared/engine/engine-api.ts';
import { errorMessage } from '../../shared/errors.ts';
import { useApp, useLive } from '../app/context.tsx';
import type { EngineClient } from '../engine/engine-client.ts';
import { Confirm } from '../ui/Confirm.tsx';
import { type Column, DataTable } from '../ui/DataTable.tsx';
import { formatAge, formatBytes } from '../ui/format.ts';
import { ListStates } from '../ui/ListStates.tsx';
import { showToast } from '../ui/toasts.ts';
import { useAnswer } from '../ui/use-answer.ts';
import { CreateVolume } from './CreateVolume.tsx';

const isAnonymous = (volume: Volume): boolean => /^[0-9a-f]{64}$/.test(volume.Name);

const askSizes = async (engine: EngineClient): Promise<ReadonlyMap<string, number>> => {
  const { Volumes } = await engine.get<SystemDataUsageAnswer>('/system/df');
  return new Map((Volumes ?? []).map(({ Name, UsageData }) => [Name, UsageData?.Size ?? -1]));
};

/** Names of the containers that mount each volume. */
function useUsers(): ReadonlyMap<string, readonly string[]> {
  const containers = useLive((state) => state.containers);
  return useMemo(() => {
    const users = new Map<string, string[]>();
    for (const { Mounts = [], Names } of containers ?? [])
      for (const { Type, Name } of Mounts ?? [])
        if (Type === 'volume' && Name !== undefined)
          users.set(Name, [...(users.get(Name) ?? []), (Names?.[0] ?? '').slice(1)]);
    return users;
  }, [containers]);
}

interface ColumnParts {
  readonly sizeOf: (volume: Volume) => number;
  readonly users: ReadonlyMap<string, readonly string[]>;
  readonly onRemove: (volume: Volume) => void;
}

const volumeColumns = ({ sizeOf, users, onRemove }: ColumnParts): readonly Column<Volume>[] => [
  {
    key: 'name',
    label: 'Name',
    width: 'minmax(220px, 2fr)',
    sortBy: ({ Name }) => Name,
    render: (volume) =>
      isAnonymous(volume) ? (
        <span className="muted" title={volume.Name}>
          anonymous <code>{volume.Name.slice(0, 12)}</code>
        </span>
      ) : (
        <b>{volume.Name}</b>
      ),
  },
  {
    key: 'size',
    label: 'Size',
    width: '100px',
    isNumber: true,
    sortBy: sizeOf,
    render: (volume) => (sizeOf(volume) < 0 ? '–' : formatBytes(sizeOf(volume))),
  },
  {
    key: 'users',
    label: 'Used by',
    width: 'minmax(140px, 1.4fr)',
    sortBy: ({ Name }) => users.get(Name)?.length ?? 0,
    render: ({ Name }) => users.get(Name)?.join(', ') ?? <span className="muted">nobody</span>,
  },
  { key: 'driver', label: 'Driver', width: '100px', render: ({ Driver }) => Driver },
  {
    key: 'created',
    label: 'Created',
    width: '130px',
    sortBy: ({ CreatedAt = '' }) => CreatedAt,
    render: ({ CreatedAt = '' }) => formatAge(Date.parse(CreatedAt) / 1000),
  },
  {
    key: 'actions',
    label: 'Actions',
    width: '44px',
    isLabelHidden: true,
    render: (volume) => (
      <button
        type="button"
        className="icon"
        aria-label={`Remove ${volume.Name}`}
        title="Remove"
        onClick={(event) => {
          event.stopPropagation();
          onRemove(volume);
        }}
      >
        <Trash2 size={16} aria-hidden />
      </button>
    ),
  },
];

export function VolumeList() {
  const { engine } = useApp();
  const [, navigate] = useLocation();
  const volumes = useLive((state) => state.volumes);
  const users = useUsers();
  const sizes = useAnswer(askSizes, volumes);
  const [search, setSearch] = useState('');
  const [doomed, setDoomed] = useState<readonly Volume[]>([]);
  const [isCreating, setIsCreating] = useState(false);
  const rows = useMemo(
    () => volumes?.filter(({ Name }) => Name.toLowerCase().includes(search.toLowerCase())),
    [volumes, search],
  );
  const sizeOf = useCallback((volume: Volume) => sizes.data?.get(volume.Name) ?? -1, [sizes.data]);
  const unused = (volumes ?? []).filter(({ Name }) => !users.has(Name));
  const remove = async (targets: readonly Volume[]): Promise<void> => {
    for (const { Name } of targets) {
      try {
        await engine.json('DELETE', `/volumes/${encodeURIComponent(Name)}`);
      } catch (error) {
        showToast('error', errorMessage(error));
      }
    }
  };
  const columns = useMemo(
    () => volumeColumns({ sizeOf, users, onRemove: (volume) => setDoomed([volume]) }),
    [sizeOf, users],
  );
  return (
    <>
      <header className="bar">
        <h1>Volumes</h1>
        <input
          type="search"
          placeholder="Search by name…"
          aria-label="Search volumes"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <div className="spacer" />
        <button type="button" disabled={unused.length === 0} onClick={() => setDoomed(unused)}>
          <Trash2 size={16} aria-hidden /> Remove {unused.length} unused
        </button>
        <button type="button" className="primary" onClick={() => setIsCreating(true)}>
          <Plus size={16} aria-hidden /> Create
        </button>
      </header>
      <ListStates
        rows={rows}
        total={volumes?.length ?? 0}
        empty={
          <>
            <h2>No volumes yet</h2>
            <p>A volume keeps what a container writes when the container is gone.</p>
          </>
        }
      >
        <DataTable
          label="Volumes"
          columns={columns}
          rows={rows ?? []}
          keyOf={({ Name }) => Name}
          nameOf={({ Name }) => Name}
          onOpen={({ Name }) => navigate(`/volumes/${encodeURIComponent(Name)}`)}
          onRemove={(volume) => setDoomed([volume])}
        />
      </ListStates>
      {isCreating && <CreateVolume onClose={() => setIsCreating(false)} />}
      {doomed.length > 0 && (
        <Confirm
          title={
            doomed.length === 1 ? `Remove ${doomed[0]?.Name}?` : `Remove ${doomed.length} volumes?`
          }
          action="Remove"
          onConfirm={() => void remove(doomed)}
          onClose={() => setDoomed([])}
        >
          <p>
            What is in {doomed.length === 1 ? 'it' : 'them'} is deleted for good
            {sizes.data &&
              ` (${formatBytes(doomed.reduce((sum, volume) => sum + Math.max(0, sizeOf(volume)), 0))})`}
            .
          </p>
          {doomed.length > 1 && (
            <ul className="names">
              {doomed.map(({ Name }) => (
                <li key={Name}>{Name}</li>
              ))}
            </ul>
          )}
        </Confirm>
      )}
    </>
  );
}
