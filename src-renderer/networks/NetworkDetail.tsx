import { ArrowLeft, Plug, Unplug } from 'lucide-react';
import { useCallback, useState } from 'react';
import { Link } from 'wouter';
import type { Network } from '../../shared/engine/engine-api.ts';
import { errorMessage } from '../../shared/errors.ts';
import { useApp, useLive } from '../app/context.tsx';
import type { EngineClient } from '../engine/engine-client.ts';
import { Facts } from '../ui/Facts.tsx';
import { FormDialog } from '../ui/FormDialog.tsx';
import { PageProblem } from '../ui/PageProblem.tsx';
import { TextField } from '../ui/TextField.tsx';
import { showToast } from '../ui/toasts.ts';
import { useAnswer } from '../ui/use-answer.ts';
import { subnetsOf } from './NetworkList.tsx';

/** One network: its addresses, who is on it, and connecting others. */
export function NetworkDetail({ id }: { readonly id: string }) {
  const { engine } = useApp();
  const containers = useLive((state) => state.containers);
  const ask = useCallback((one: EngineClient) => one.get<Network>(`/networks/${id}`), [id]);
  // Who is on it changes with the containers.
  const { data, problem, reload } = useAnswer(ask, containers);
  const [isConnecting, setIsConnecting] = useState(false);
  const members = Object.entries(data?.Containers ?? {});
  const disconnect = (container: string): void => {
    engine
      .post(`/networks/${id}/disconnect`, { Container: container })
      .then(reload, (error: unknown) => showToast('error', errorMessage(error)));
  };
  return (
    <>
      <header className="bar one-line">
        <Link href="/networks" className="button icon" aria-label="Back to the networks">
          <ArrowLeft size={18} aria-hidden />
        </Link>
        <div className="two-lines">
          <h1>{data?.Name ?? ''}</h1>
          <span className="muted">
            {data?.Driver} · {data && subnetsOf(data)} · <code>{id.slice(0, 12)}</code>
          </span>
        </div>
        <div className="spacer" />
        <button type="button" className="primary" onClick={() => setIsConnecting(true)}>
          <Plug size={16} aria-hidden /> Connect a container
        </button>
      </header>
      <PageProblem text={problem} />
      {data && (
        <div className="page">
          <Facts
            rows={[
              ['Gateway', (data.IPAM?.Config ?? []).map(({ Gateway }) => Gateway).join(', ')],
              ['Internal', data.Internal ? 'yes: no way out' : ''],
              ['IPv6', data.EnableIPv6 ? 'on' : ''],
              [
                'Options',
                Object.entries(data.Options ?? {})
                  .map(([key, value]) => `${key}=${value}`)
                  .join(', '),
              ],
            ]}
          />
          <h2>Containers on it</h2>
          {members.length === 0 ? (
            <p className="muted">Nobody is on it now.</p>
          ) : (
            <ul className="plain">
              {members.map(([container, { Name, IPv4Address, IPv6Address, MacAddress }]) => (
                <li key={container} className="inline">
                  <Link href={`/containers/${container}`}>{Name}</Link>
                  <code>{IPv4Address}</code>
                  {IPv6Address && <code>{IPv6Address}</code>}
                  <code className="muted">{MacAddress}</code>
                  <button
                    type="button"
                    className="icon"
                    aria-label={`Disconnect ${Name}`}
                    title="Disconnect"
                    onClick={() => disconnect(container)}
                  >
                    <Unplug size={16} aria-hidden />
                  </button>
                </li>
              ))}
            </ul>
          )}
        </div>
      )}
      {isConnecting && (
        <ConnectDialog
          networkId={id}
          taken={new Set(members.map(([container]) => container))}
          onDone={reload}
          onClose={() => setIsConnecting(false)}
        />
      )}
    </>
  );
}

interface ConnectDialogProps {
  readonly networkId: string;
  readonly taken: ReadonlySet<string>;
  readonly onDone: () => void;
  readonly onClose: () => void;
}

function ConnectDialog({ networkId, taken, onDone, onClose }: ConnectDialogProps) {
  const { engine } = useApp();
  const containers = useLive((state) => state.containers);
  const free = (containers ?? []).filter(({ Id = '' }) => !taken.has(Id));
  const [container, setContainer] = useState(free[0]?.Id ?? '');
  const [address, setAddress] = useState('');
  const [aliases, setAliases] = useState('');
  const connect = async (): Promise<void> => {
    await engine.post(`/networks/${networkId}/connect`, {
      Container: container,
      EndpointConfig: {
        ...(address !== '' && { IPAMConfig: { IPv4Address: address } }),
        Aliases: aliases.split(/[\s,]+/).filter(Boolean),
      },
    });
    onDone();
  };
  return (
    <FormDialog
      title="Connect a container"
      action="Connect"
      isReady={container !== ''}
      onSend={connect}
      onClose={onClose}
    >
      <div className="field">
        <label htmlFor="connect-container">Container</label>
        <select
          id="connect-container"
          value={container}
          onChange={(event) => setContainer(event.target.value)}
        >
          {free.map(({ Id, Names }) => (
            <option key={Id} value={Id}>
              {Names?.[0]?.slice(1)}
            </option>
          ))}
        </select>
      </div>
      <TextField
        label="Address"
        help="Left empty, a free one is chosen."
        value={address}
        onChange={setAddress}
      />
      <TextField
        label="Aliases"
        help="Further names it answers to on this network."
        value={aliases}
        onChange={setAliases}
      />
    </FormDialog>
  );
}
