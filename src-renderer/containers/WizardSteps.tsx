import { Plus, X } from 'lucide-react';
import { type ReactNode, useId } from 'react';
import { type ContainerPlan, dockerRunLine, type PlanProblems } from './container-plan.ts';

interface StepProps {
  readonly plan: ContainerPlan;
  readonly change: (part: Partial<ContainerPlan>) => void;
  readonly problems: PlanProblems;
}

interface FieldProps {
  readonly label: string;
  readonly help: string;
  readonly problem?: string | undefined;
  readonly children: (attributes: {
    id: string;
    'aria-describedby': string;
    'aria-invalid': boolean;
  }) => ReactNode;
}

function Field({ label, help, problem, children }: FieldProps) {
  const id = useId();
  return (
    <div className="field">
      <label htmlFor={id}>{label}</label>
      {children({ id, 'aria-describedby': `${id}-help`, 'aria-invalid': problem !== undefined })}
      <span id={`${id}-help`} className={problem === undefined ? 'muted' : 'error-text'}>
        {problem ?? help}
      </span>
    </div>
  );
}

export function ImageStep({
  plan,
  change,
  problems,
  names,
}: StepProps & { readonly names: readonly string[] }) {
  return (
    <>
      <Field
        label="Image"
        help="One of yours, or any name a registry has; it is pulled if it is not here."
        problem={problems['image']}
      >
        {(attributes) => (
          <>
            <input
              {...attributes}
              list="images"
              autoFocus
              value={plan.image}
              onChange={(event) => change({ image: event.target.value.trim() })}
            />
            <datalist id="images">
              {names.map((name) => (
                <option key={name} value={name} />
              ))}
            </datalist>
          </>
        )}
      </Field>
      <Field label="Name" help="Empty: a name is made up." problem={problems['name']}>
        {(attributes) => (
          <input
            {...attributes}
            value={plan.name}
            onChange={(event) => change({ name: event.target.value })}
          />
        )}
      </Field>
    </>
  );
}

export function CommandStep({ plan, change, problems }: StepProps) {
  return (
    <>
      <Field
        label="Command"
        help="Empty: what the image runs by itself. Quotes work as in a shell."
        problem={problems['command']}
      >
        {(attributes) => (
          <input
            {...attributes}
            value={plan.command}
            placeholder='sh -c "echo hello"'
            onChange={(event) => change({ command: event.target.value })}
          />
        )}
      </Field>
      <label className="check">
        <input
          type="checkbox"
          checked={plan.tty}
          onChange={(event) => change({ tty: event.target.checked })}
        />{' '}
        Terminal you can type into
      </label>
      <Rows
        title="Environment"
        rows={plan.env}
        empty={{ name: '', value: '' }}
        problems={problems}
        field="env"
        onChange={(env) => change({ env })}
      >
        {(row, set) => (
          <>
            <input
              aria-label="Variable"
              placeholder="NAME"
              value={row.name}
              onChange={(event) => set({ ...row, name: event.target.value })}
            />
            <input
              aria-label="Value"
              placeholder="value"
              value={row.value}
              onChange={(event) => set({ ...row, value: event.target.value })}
            />
          </>
        )}
      </Rows>
    </>
  );
}

export function NetworkStep({ plan, change, problems }: StepProps) {
  return (
    <>
      <Rows
        title="Ports"
        rows={plan.ports}
        empty={{ hostPort: '', containerPort: '', protocol: 'tcp' as const }}
        problems={problems}
        field="ports"
        onChange={(ports) => change({ ports })}
      >
        {(row, set) => (
          <>
            <input
              aria-label="Host port"
              placeholder="host port (any)"
              inputMode="numeric"
              value={row.hostPort}
              onChange={(event) => set({ ...row, hostPort: event.target.value })}
            />
            <span aria-hidden>→</span>
            <input
              aria-label="Container port"
              placeholder="container port"
              inputMode="numeric"
              value={row.containerPort}
              onChange={(event) => set({ ...row, containerPort: event.target.value })}
            />
            <select
              aria-label="Protocol"
              value={row.protocol}
              onChange={(event) => set({ ...row, protocol: event.target.value as 'tcp' | 'udp' })}
            >
              <option value="tcp">TCP</option>
              <option value="udp">UDP</option>
            </select>
          </>
        )}
      </Rows>
      <Rows
        title="Mounts"
        rows={plan.mounts}
        empty={{ source: '', target: '', readOnly: false }}
        problems={problems}
        field="mounts"
        onChange={(mounts) => change({ mounts })}
      >
        {(row, set) => (
          <>
            <input
              aria-label="Source"
              placeholder="/host/directory or volume"
              value={row.source}
              onChange={(event) => set({ ...row, source: event.target.value })}
            />
            <span aria-hidden>→</span>
            <input
              aria-label="Path in the container"
              placeholder="/path"
              value={row.target}
              onChange={(event) => set({ ...row, target: event.target.value })}
            />
            <label className="check">
              <input
                type="checkbox"
                checked={row.readOnly}
                onChange={(event) => set({ ...row, readOnly: event.target.checked })}
              />{' '}
              read-only
            </label>
          </>
        )}
      </Rows>
    </>
  );
}

export function LimitsStep({ plan, change, problems }: StepProps) {
  return (
    <>
      <Field label="Memory (MB)" help="Empty: no limit." problem={problems['memory']}>
        {(attributes) => (
          <input
            {...attributes}
            inputMode="numeric"
            value={plan.memory}
            onChange={(event) => change({ memory: event.target.value.trim() })}
          />
        )}
      </Field>
      <Field label="CPUs" help="Empty: no limit. 0.5 is half of one." problem={problems['cpus']}>
        {(attributes) => (
          <input
            {...attributes}
            inputMode="decimal"
            value={plan.cpus}
            onChange={(event) => change({ cpus: event.target.value.trim() })}
          />
        )}
      </Field>
      <Field label="When it ends" help="What happens by itself." problem={problems['restart']}>
        {(attributes) => (
          <select
            {...attributes}
            value={plan.restart}
            onChange={(event) =>
              change({ restart: event.target.value as ContainerPlan['restart'] })
            }
          >
            <option value="no">stays ended</option>
            <option value="on-failure">starts again after a failure</option>
            <option value="unless-stopped">starts again unless you stopped it</option>
            <option value="always">always starts again</option>
          </select>
        )}
      </Field>
      <label className="check">
        <input
          type="checkbox"
          checked={plan.autoRemove}
          onChange={(event) => change({ autoRemove: event.target.checked })}
        />{' '}
        Remove it when it ends
      </label>
    </>
  );
}

export function Review({
  plan,
  problems,
  isLocal,
}: {
  readonly plan: ContainerPlan;
  readonly problems: PlanProblems;
  readonly isLocal: boolean;
}) {
  const list = Object.entries(problems);
  return (
    <>
      <p>
        {isLocal
          ? `${plan.image} is on this host.`
          : `${plan.image} is not on this host; it will be pulled first.`}
      </p>
      <h2>The same on a command line</h2>
      <pre className="code" aria-label="Equivalent command">
        {dockerRunLine(plan)}
      </pre>
      {list.length > 0 && (
        <ul className="error-text" role="alert">
          {list.map(([field, text]) => (
            <li key={field}>
              {field.replace('.', ' ')}: {text}
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

interface RowsProps<T> {
  readonly title: string;
  readonly rows: readonly T[];
  readonly empty: T;
  readonly field: string;
  readonly problems: PlanProblems;
  readonly onChange: (rows: readonly T[]) => void;
  readonly children: (row: T, set: (row: T) => void) => ReactNode;
}

/** A list of things to fill in, with its problems beside each. */
function Rows<T>({ title, rows, empty, field, problems, onChange, children }: RowsProps<T>) {
  return (
    <fieldset className="rows">
      <legend>{title}</legend>
      {rows.map((row, index) => (
        // Rows have no identity of their own; their place is it.
        <div key={`${field}${index.toString()}`}>
          <div className="inline">
            {children(row, (changed) =>
              onChange(rows.map((one, at) => (at === index ? changed : one))),
            )}
            <button
              type="button"
              className="icon"
              aria-label={`Remove row ${index + 1} of ${title}`}
              onClick={() => onChange(rows.filter((_, at) => at !== index))}
            >
              <X size={15} aria-hidden />
            </button>
          </div>
          {problems[`${field}.${index}`] !== undefined && (
            <span className="error-text">{problems[`${field}.${index}`]}</span>
          )}
        </div>
      ))}
      <button type="button" className="quiet" onClick={() => onChange([...rows, empty])}>
        <Plus size={15} aria-hidden /> Add
      </button>
    </fieldset>
  );
}
