import { useState } from 'react';
import { useLocation } from 'wouter';
import type { ContainerSummary } from '../../shared/engine/engine-api.ts';
import { useApp } from '../app/context.tsx';
import { beginTerminal } from '../terminal/terminals-store.ts';
import { FormDialog } from '../ui/FormDialog.tsx';
import { nameOf } from './container-actions.ts';

const WAYS = [
  ['launch', 'In the background', 'and see each step of its launch'],
  ['logs', 'In the background', 'and read what it writes'],
  ['terminal', 'With a terminal on its main process', 'as docker start -ai does'],
] as const;

interface StartDialogProps {
  readonly container: ContainerSummary;
  readonly onClose: () => void;
}

/** Starts a container that is there already, and shows what a person wants to see of it. */
export function StartDialog({ container, onClose }: StartDialogProps) {
  const { engine, shell } = useApp();
  const [, navigate] = useLocation();
  const [way, setWay] = useState<(typeof WAYS)[number][0]>('launch');
  const id = container.Id ?? '';
  const start = async (): Promise<void> => {
    await engine.post(`/containers/${id}/start`);
    // The attach answers with all that was written before it: nothing is missed.
    if (way === 'terminal')
      await beginTerminal(shell, { kind: 'attach', host: engine.host, container: id });
    navigate(`/containers/${id}?tab=${way}`);
  };
  return (
    <FormDialog
      title={`Start ${nameOf(container)}`}
      action="Start"
      onSend={start}
      onClose={onClose}
    >
      <fieldset className="rows">
        <legend>How</legend>
        {WAYS.map(([key, label, note]) => (
          <label key={key} className="check">
            <input type="radio" name="way" checked={way === key} onChange={() => setWay(key)} />
            <span>
              {label}
              <br />
              <span className="muted">{note}</span>
            </span>
          </label>
        ))}
      </fieldset>
    </FormDialog>
  );
}
