/** Limits of a container changed while it runs. */
import { useCallback, useState } from 'react';
import { useApp } from '../app/context.tsx';
import { readPlan } from '../create/make-container.ts';
import type { EngineClient } from '../engine/engine-client.ts';
import type { RunOption } from '../run/option.ts';
import { RUN_OPTIONS } from '../run/run-options.ts';
import { FormDialog } from '../ui/FormDialog.tsx';
import { TextField } from '../ui/TextField.tsx';
import { useAnswer } from '../ui/use-answer.ts';

/** What the engine can change in place. */
const CHANGEABLE = [
  'memory',
  'cpus',
  'pids-limit',
  'memory-reservation',
  'cpu-shares',
  'cpuset-cpus',
  'restart',
];
const OPTIONS = CHANGEABLE.flatMap(
  (name) => RUN_OPTIONS.find((option) => option.name === name) ?? [],
);

/** The body of `POST /containers/{id}/update` for what was changed; emptied numbers become no limit. */
function updateBody(changes: Readonly<Record<string, string>>): object {
  const body: Record<string, unknown> = {};
  for (const { name, field = '', codec } of OPTIONS) {
    const word = changes[name];
    if (word === undefined) continue;
    body[field.replace('HostConfig.', '')] = codec.write([word]) ?? nothing(name);
  }
  // Docker refuses a memory limit above a swap limit it set itself.
  if (typeof body['Memory'] === 'number' && body['Memory'] > 0)
    body['MemorySwap'] = 2 * body['Memory'];
  return body;
}

function nothing(name: string): unknown {
  if (name === 'restart') return { Name: 'no' };
  return name === 'cpuset-cpus' ? '' : 0;
}

interface LimitsDialogProps {
  readonly id: string;
  readonly name: string;
  readonly onClose: () => void;
}

export function LimitsDialog({ id, name, onClose }: LimitsDialogProps) {
  const { engine } = useApp();
  const { data: plan } = useAnswer(
    useCallback((client: EngineClient) => readPlan(client, id), [id]),
  );
  const [changes, setChanges] = useState<Readonly<Record<string, string>>>({});
  if (!plan) return null;
  const problemOf = ({ name: option, codec }: RunOption): string | undefined => {
    const word = changes[option];
    return word ? codec.check?.(word) : undefined;
  };
  return (
    <FormDialog
      title={`Limits of ${name}`}
      action="Change"
      help="They hold at once; the container goes on."
      isReady={Object.keys(changes).length > 0 && !OPTIONS.some(problemOf)}
      onSend={() => engine.post(`/containers/${id}/update`, updateBody(changes))}
      onClose={onClose}
    >
      {OPTIONS.map((option) => (
        <TextField
          key={option.name}
          label={option.label}
          help={option.help}
          problem={problemOf(option)}
          placeholder={option.placeholder}
          value={changes[option.name] ?? plan.options[option.name]?.at(-1) ?? ''}
          onChange={(text) => setChanges({ ...changes, [option.name]: text.trim() })}
        />
      ))}
    </FormDialog>
  );
}
