import {
  HardDriveDownload,
  Monitor,
  Plus,
  RotateCw,
  Server,
  SquareTerminal,
  Trash2,
} from 'lucide-react';
import { useState } from 'react';
import { useLocation } from 'wouter';
import type { HostRow } from '../../shared/shell/contract.ts';
import { useApp } from '../app/context.tsx';
import { Confirm } from '../ui/Confirm.tsx';
import { tellFailure } from '../ui/toasts.ts';
import { AddHost } from './AddHost.tsx';
import { useForwards } from './forwards-store.ts';
import { HostFacts } from './HostFacts.tsx';
import { HOST_STATES } from './host-states.ts';
import { useHosts } from './hosts-store.ts';
import { InstallDialog } from './InstallDialog.tsx';

/** Every machine the window looks after: how it is, how far it is, and why not when it is not. */
export function HostList() {
  const { shell, host, chooseHost } = useApp();
  const [, navigate] = useLocation();
  const hosts = useHosts((state) => state.hosts);
  const [isAdding, setIsAdding] = useState(false);
  const [doomed, setDoomed] = useState<HostRow>();
  const [engineOf, setEngineOf] = useState<HostRow>();
  return (
    <>
      <header className="bar">
        <h1>Hosts</h1>
        <span className="muted">machines this window looks after</span>
        <div className="spacer" />
        <button type="button" className="primary" onClick={() => setIsAdding(true)}>
          <Plus size={16} aria-hidden /> Add a host
        </button>
      </header>
      <ul className="page cards" aria-label="Hosts">
        {hosts.map((row) => (
          <li key={row.id} className={`card${row.id === host?.id ? ' chosen' : ''}`}>
            <header>
              <h2>
                {row.kind === 'embedded' ? (
                  <Monitor size={16} aria-hidden />
                ) : (
                  <Server size={16} aria-hidden />
                )}{' '}
                {row.name}
              </h2>
              <span className="state">
                <span className={`dot ${HOST_STATES[row.status.state].dot}`} aria-hidden />{' '}
                {HOST_STATES[row.status.state].label}
                {row.status.latencyMs !== undefined && ` · ${row.status.latencyMs} ms`}
              </span>
            </header>
            <code className="muted">{row.dockerHost}</code>
            {row.status.reason !== undefined && (
              <p className="error-text" role="status">
                {row.status.reason}
              </p>
            )}
            {row.kind === 'ssh' && (row.status.state === 'up' || row.status.state === 'slow') && (
              <HostFacts id={row.id} />
            )}
            <Forwards host={row.id} />
            <div className="actions">
              <button
                type="button"
                disabled={row.id === host?.id}
                onClick={() => {
                  chooseHost(row.id);
                  navigate('/');
                }}
              >
                {row.id === host?.id ? 'Shown now' : 'Show its containers'}
              </button>
              {(row.status.state === 'lost' || row.status.state === 'refused') && (
                <button
                  type="button"
                  onClick={() => tellFailure(shell.call('hosts.connect', { id: row.id }))}
                >
                  <RotateCw size={16} aria-hidden /> Try again
                </button>
              )}
              {row.kind === 'ssh' && isReached(row) && (
                <button
                  type="button"
                  {...(row.status.isEngineMissing && { className: 'primary' })}
                  onClick={() => setEngineOf(row)}
                >
                  <HardDriveDownload size={16} aria-hidden />{' '}
                  {row.status.isEngineMissing ? 'Install an engine' : 'Engine there'}
                </button>
              )}
              <button type="button" onClick={() => navigate(`/hosts/${row.id}/shell`)}>
                <SquareTerminal size={16} aria-hidden /> Shell
              </button>
              {row.isOwn && (
                <button
                  type="button"
                  className="icon"
                  aria-label={`Remove ${row.name}`}
                  title="Remove"
                  onClick={() => setDoomed(row)}
                >
                  <Trash2 size={16} aria-hidden />
                </button>
              )}
            </div>
          </li>
        ))}
      </ul>
      {engineOf && <InstallDialog host={engineOf} onClose={() => setEngineOf(undefined)} />}
      {isAdding && <AddHost onClose={() => setIsAdding(false)} />}
      {doomed && (
        <Confirm
          title={`Remove ${doomed.name}?`}
          action="Remove"
          onConfirm={() => tellFailure(shell.call('hosts.remove', { id: doomed.id }))}
          onClose={() => setDoomed(undefined)}
        >
          <p>Windlass forgets how to reach it. On the machine itself nothing changes.</p>
        </Confirm>
      )}
    </>
  );
}

/** Whether the machine can be spoken to, be there an engine or not. */
const isReached = ({ status }: HostRow): boolean =>
  status.state === 'up' || status.state === 'slow' || status.isEngineMissing === true;

/** Ports of the host that this window lends to this machine. */
function Forwards({ host }: { readonly host: string }) {
  const forwards = useForwards(host);
  if (forwards.length === 0) return null;
  return (
    <ul className="plain" aria-label="Forwarded ports">
      {forwards.map(({ farPort, port, stop }) => (
        <li key={farPort} className="inline">
          <code>
            localhost:{port} → {farPort}
          </code>
          <button type="button" onClick={stop}>
            Close
          </button>
        </li>
      ))}
    </ul>
  );
}
