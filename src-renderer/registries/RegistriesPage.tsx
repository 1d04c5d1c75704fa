import { KeyRound, LogOut } from 'lucide-react';
import { useCallback, useState } from 'react';
import type { RegistryRow } from '../../shared/shell/contract.ts';
import { useApp } from '../app/context.tsx';
import { Confirm } from '../ui/Confirm.tsx';
import { type Column, DataTable } from '../ui/DataTable.tsx';
import { ListStates } from '../ui/ListStates.tsx';
import { tellFailure } from '../ui/toasts.ts';
import { useAnswer } from '../ui/use-answer.ts';
import { LoginDialog } from './LoginDialog.tsx';

const keeperOf = ({ keeper, helper }: RegistryRow): string =>
  ({
    docker: 'in the docker command’s config.json, unencrypted',
    helper: `with docker-credential-${helper}`,
    keychain: 'in this machine’s keychain',
    memory: 'in memory, until Windlass ends',
  })[keeper];

const COLUMNS: readonly Column<RegistryRow>[] = [
  {
    key: 'address',
    label: 'Registry',
    width: 'minmax(180px, 1fr)',
    sortBy: ({ address }) => address,
    render: ({ address }) => <b>{address}</b>,
  },
  {
    key: 'username',
    label: 'User',
    width: 'minmax(120px, 1fr)',
    sortBy: ({ username }) => username,
    render: ({ username }) => username,
  },
  {
    key: 'keeper',
    label: 'The password is kept',
    width: 'minmax(240px, 1.4fr)',
    sortBy: keeperOf,
    render: keeperOf,
  },
];

/** Registries a person is logged in to; pulls and pushes go with what is kept here. */
export function RegistriesPage() {
  const { shell } = useApp();
  const ask = useCallback(() => shell.call('registries.list', {}), [shell]);
  const { data, problem, reload } = useAnswer(ask);
  const [isLogin, setIsLogin] = useState(false);
  const [leaving, setLeaving] = useState<RegistryRow>();
  return (
    <>
      <header className="bar">
        <h1>Registries</h1>
        <span className="muted">where images are pulled from and pushed to</span>
        <div className="spacer" />
        <button type="button" className="primary" onClick={() => setIsLogin(true)}>
          <KeyRound size={16} aria-hidden /> Log in
        </button>
      </header>
      <ListStates
        rows={data}
        total={data?.length ?? 0}
        problem={problem}
        empty={
          <>
            <h2>No registry is logged in to</h2>
            <p>Images anybody may have need none. A private one asks for its registry’s login.</p>
          </>
        }
      >
        <DataTable
          label="Registries"
          columns={[
            ...COLUMNS,
            {
              key: 'actions',
              label: 'Actions',
              isLabelHidden: true,
              width: '50px',
              render: (row) => (
                <button
                  type="button"
                  className="icon"
                  aria-label={`Log out of ${row.address}`}
                  title="Log out"
                  onClick={() => setLeaving(row)}
                >
                  <LogOut size={16} aria-hidden />
                </button>
              ),
            },
          ]}
          rows={data ?? []}
          keyOf={({ address }) => address}
          nameOf={({ address, username }) => `${address}, ${username}`}
          onRemove={setLeaving}
        />
      </ListStates>
      {isLogin && <LoginDialog onDone={reload} onClose={() => setIsLogin(false)} />}
      {leaving && (
        <Confirm
          title={`Log out of ${leaving.address}?`}
          action="Log out"
          onConfirm={() =>
            tellFailure(shell.call('registries.logout', { address: leaving.address }).then(reload))
          }
          onClose={() => setLeaving(undefined)}
        >
          <p>
            The password is forgotten
            {leaving.keeper === 'docker' && ', also for the docker command, as docker logout does'}.
          </p>
        </Confirm>
      )}
    </>
  );
}
