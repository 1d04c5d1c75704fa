import { Plus, Trash2 } from 'lucide-react';
import { useMemo, useState } from 'react';
import { useLocation } from 'wouter';
import type { Network } from '../../shared/engine/engine-api.ts';
import { errorMessage } from '../../shared/errors.ts';
import { useApp, useLive } from '../app/context.tsx';
import { Confirm } from '../ui/Confirm.tsx';
import { type Column, DataTable } from '../ui/DataTable.tsx';
import { ListStates } from '../ui/ListStates.tsx';
import { showToast } from '../ui/toasts.ts';
import { CreateNetwork } from './CreateNetwork.tsx';

/** Docker's own three cannot be removed. */
const PREDEFINED = new Set(['bridge', 'host', 'none']);

export const subnetsOf = (network: Network): string =>
  (network.IPAM?.Config ?? []).map(({ Subnet }) => Subnet).join(', ');

/** Names of the containers on each network, by its name. */
function useMembers(): ReadonlyMap<string, readonly string[]> {
  const containers = useLive((state) => state.containers);
  return useMemo(() => {
    const members = new Map<string, string[]>();
    for (const { NetworkSettings, Names } of containers ?? [])
      for (const name of Object.keys(NetworkSettings?.Networks ?? {}))
        members.set(name, [...(members.get(name) ?? []), (Names?.[0] ?? '').slice(1)]);
    return members;
  }, [containers]);
}

const networkColumns = (
  members: ReadonlyMap<string, readonly string[]>,
  onRemove: (network: Network) => void,
): readonly Column<Network>[] => [
  {
    key: 'name',
    label: 'Name',
    width: 'minmax(160px, 1.5fr)',
    sortBy: ({ Name = '' }) => Name,
    render: ({ Name }) => <b>{Name}</b>,
  },
  { key: 'driver', label: 'Driver', width: '100px', render: ({ Driver }) => Driver },
  {
    key: 'subnet',
    label: 'Subnets',
    width: 'minmax(140px, 1.2fr)',
    sortBy: subnetsOf,
    render: (network) => <code>{subnetsOf(network)}</code>,
  },
  {
    key: 'members',
    label: 'Containers',
    width: 'minmax(140px, 1.5fr)',
    sortBy: ({ Name = '' }) => members.get(Name)?.length ?? 0,
    render: ({ Name = '' }) =>
      members.get(Name)?.join(', ') ?? <span className="muted">nobody</span>,
  },
  {
    key: 'reach',
    label: 'Reach',
    width: '110px',
    render: ({ Internal, EnableIPv6 }) =>
      [Internal ? 'internal' : '', EnableIPv6 ? 'IPv6' : ''].filter(Boolean).join(', '),
  },
  {
    key: 'actions',
    label: 'Actions',
    width: '44px',
    isLabelHidden: true,
    render: (network) =>
      PREDEFINED.has(network.Name ?? '') ? null : (
        <button
          type="button"
          className="icon"
          aria-label={`Remove ${network.Name}`}
          title="Remove"
          onClick={(event) => {
            event.stopPropagation();
            onRemove(network);
          }}
        >
          <Trash2 size={16} aria-hidden />
        </button>
      ),
  },
];

export function NetworkList() {
  const { engine } = useApp();
  const [, navigate] = useLocation();
  const networks = useLive((state) => state.networks);
  const members = useMembers();
  const [search, setSearch] = useState('');
  const [doomed, setDoomed] = useState<Network>();
  const [isCreating, setIsCreating] = useState(false);
  const rows = useMemo(
    () =>
      networks?.filter((network) =>
        `${network.Name} ${network.Driver} ${subnetsOf(network)}`
          .toLowerCase()
          .includes(search.toLowerCase()),
      ),
    [networks, search],
  );
  const columns = useMemo(() => networkColumns(members, setDoomed), [members]);
  const remove = (network: Network): void => {
    engine
      .json('DELETE', `/networks/${network.Id}`)
      .catch((error: unknown) => showToast('error', errorMessage(error)));
  };
  return (
    <>
      <header className="bar">
        <h1>Networks</h1>
        <input
          type="search"
          placeholder="Search name, driver, subnet…"
          aria-label="Search networks"
          value={search}
          onChange={(event) => setSearch(event.target.value)}
        />
        <div className="spacer" />
        <button type="button" className="primary" onClick={() => setIsCreating(true)}>
          <Plus size={16} aria-hidden /> Create
        </button>
      </header>
      <ListStates rows={rows} total={networks?.length ?? 0} empty={<h2>No networks</h2>}>
        <DataTable
          label="Networks"
          columns={columns}
          rows={rows ?? []}
          keyOf={({ Id = '' }) => Id}
          nameOf={({ Name = '' }) => Name}
          onOpen={({ Id }) => navigate(`/networks/${Id}`)}
          onRemove={(network) => {
            if (!PREDEFINED.has(network.Name ?? '')) setDoomed(network);
          }}
        />
      </ListStates>
      {isCreating && <CreateNetwork onClose={() => setIsCreating(false)} />}
      {doomed && (
        <Confirm
          title={`Remove ${doomed.Name}?`}
          action="Remove"
          onConfirm={() => remove(doomed)}
          onClose={() => setDoomed(undefined)}
        >
          <p>Containers on it must be disconnected first; the engine says so if there are any.</p>
        </Confirm>
      )}
    </>
  );
}
