import { RotateCw } from 'lucide-react';
import { useCallback, useMemo } from 'react';
import type { ContainerTopAnswer } from '../../shared/engine/engine-api.ts';
import type { EngineClient } from '../engine/engine-client.ts';
import { type Column, DataTable } from '../ui/DataTable.tsx';
import { useAnswer } from '../ui/use-answer.ts';

type Process = readonly string[];

/** What runs in the container, as `docker top` has it. */
export function ProcessesTab({ id, state }: { readonly id: string; readonly state: string }) {
  const ask = useCallback(
    (engine: EngineClient) => engine.get<ContainerTopAnswer>(`/containers/${id}/top`),
    [id],
  );
  const { data, problem, reload } = useAnswer(ask, state);
  const columns = useMemo(
    () =>
      (data?.Titles ?? []).map(
        (title, index): Column<Process> => ({
          key: title,
          label: title,
          width: title === 'CMD' ? 'minmax(200px, 1fr)' : '90px',
          sortBy: (process) => {
            const text = process[index] ?? '';
            return /^\d+$/.test(text) ? Number(text) : text;
          },
          render: (process) => <code title={process[index]}>{process[index]}</code>,
        }),
      ),
    [data],
  );
  const pid = (data?.Titles ?? []).indexOf('PID');
  return (
    <div className="pane">
      <div className="tools">
        <span className="muted">{data && `${data.Processes?.length ?? 0} processes`}</span>
        <div className="spacer" />
        <button type="button" onClick={reload}>
          <RotateCw size={16} aria-hidden /> Look again
        </button>
      </div>
      {problem === undefined ? (
        <DataTable
          label="Processes"
          columns={columns}
          rows={(data?.Processes ?? []).flatMap((process) => (process ? [process] : []))}
          keyOf={(process) => process[pid] ?? process.join(' ')}
          nameOf={(process) => process.at(-1) ?? ''}
        />
      ) : (
        <p className="empty">{problem}</p>
      )}
    </div>
  );
}
