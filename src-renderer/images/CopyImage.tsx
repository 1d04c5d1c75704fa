import { useState } from 'react';
import { useApp } from '../app/context.tsx';
import { startCopy } from '../engine/pulls-store.ts';
import { useHosts } from '../hosts/hosts-store.ts';
import { FormDialog } from '../ui/FormDialog.tsx';

/** An image to another host, without a registry. The panel shows how it goes and how it ends. */
export function CopyImage(props: { readonly image: string; readonly onClose: () => void }) {
  const { image, onClose } = props;
  const { shell, host } = useApp();
  const others = useHosts((state) => state.hosts).filter(
    ({ id, status }) => id !== host?.id && (status.state === 'up' || status.state === 'slow'),
  );
  const [chosen, setChosen] = useState('');
  const target = others.find(({ id }) => id === chosen) ?? others[0];
  const copy = async (): Promise<void> => {
    if (!host || !target) return;
    startCopy(shell, { from: host.id, to: target.id, toName: target.name, image }).catch(
      () => undefined,
    );
  };
  return (
    <FormDialog
      title={`Copy ${image}`}
      action="Copy"
      isReady={target !== undefined}
      help={<p>It goes from engine to engine through this app, without a registry.</p>}
      onSend={copy}
      onClose={onClose}
    >
      <div className="field">
        <label htmlFor="copy-to">To</label>
        {target ? (
          <select
            id="copy-to"
            value={target.id}
            onChange={(event) => setChosen(event.target.value)}
          >
            {others.map(({ id, name }) => (
              <option key={id} value={id}>
                {name}
              </option>
            ))}
          </select>
        ) : (
          <p className="muted">No other host is up.</p>
        )}
      </div>
    </FormDialog>
  );
}
