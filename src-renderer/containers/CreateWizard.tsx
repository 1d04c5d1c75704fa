import { Plus, X } from 'lucide-react';
import { type ReactNode, useId, useMemo, useState } from 'react';
import { useLocation, useSearchParams } from 'wouter';
import type { ContainerSummary } from '../../shared/engine/engine-api.ts';
import { errorMessage } from '../../shared/errors.ts';
import { useApp, useLive } from '../app/context.tsx';
import { query } from '../engine/engine-client.ts';
import { startPull } from '../engine/pulls-store.ts';
import { nameOf } from './container-actions.ts';
import {
  type ContainerPlan,
  createBody,
  dockerRunLine,
  EMPTY_PLAN,
  findProblems,
  type PlanProblems,
  type Taken,
} from './container-plan.ts';

const STEPS = ['Image', 'Command', 'Network and files', 'Limits', 'Review'] as const;
/** Fields that belong to each step; rows by their prefix. */
const STEP_FIELDS: readonly (readonly string[])[] = [
  ['image', 'name'],
  ['command', 'env'],
  ['ports', 'mounts'],
  ['memory', 'cpus', 'restart'],
  [],
];

function takenBy(containers: readonly ContainerSummary[]): Taken {
  const hostPorts = containers.flatMap((container) =>
    (container.Ports ?? [])
      .filter(({ PublicPort }) => PublicPort)
      .map(({ Type, PublicPort }) => [`${Type}/${PublicPort}`, nameOf(container)] as const),
  );
  return { names: new Set(containers.map(nameOf)), hostPorts: new Map(hostPorts) };
}

export function CreateWizard() {
  const { engine } = useApp();
  const [, navigate] = useLocation();
  const [parameters] = useSearchParams();
  const containers = useLive((state) => state.containers);
  const images = useLive((state) => state.images);
  const [plan, setPlan] = useState<ContainerPlan>({
    ...EMPTY_PLAN,
    image: parameters.get('image') ?? '',
  });
  const [step, setStep] = useState(0);
  const [isTouched, setIsTouched] = useState(false);
  const [work, setWork] = useState('');
  const [failure, setFailure] = useState('');
  const problems = useMemo(() => findProblems(plan, takenBy(containers ?? [])), [plan, containers]);
  const names = (images ?? []).flatMap((image) => image.RepoTags ?? []);
  const change = (part: Partial<ContainerPlan>): void => setPlan({ ...plan, ...part });
  const inStep = Object.keys(problems).filter((field) =>
    STEP_FIELDS[step]?.some((name) => field === name || field.startsWith(`${name}.`)),
  );
  const next = (): void => {
    setIsTouched(inStep.length > 0);
    if (inStep.length === 0) setStep(step + 1);
  };

  const create = async (starts: boolean): Promise<void> => {
    setFailure('');
    try {
      if (!names.includes(plan.image) && !names.includes(`${plan.image}:latest`)) {
        setWork(`Pulling ${plan.image}…`);
        await startPull(engine, plan.image);
      }
      setWork('Creating…');
      const name = plan.name === '' ? undefined : plan.name;
      const { Id } = await engine.json<{ Id: string }>(
        'POST',
        `/containers/create${query({ name })}`,
        createBody(plan),
      );
      if (starts) {
        setWork('Starting…');
        await engine.post(`/containers/${Id}/start`);
      }
      navigate(`/containers/${Id}`);
    } catch (error) {
      setFailure(errorMessage(error));
      setWork('');
    }
  };
  const fields = { plan, change, problems: isTouched || step === STEPS.length - 1 ? problems : {} };
  return (
    <>
      <header className="bar">
        <h1>Create a container</h1>
      </header>
      <div className="wizard">
        <ol className="steps">
          {STEPS.map((label, index) => (
            <li key={label} aria-current={index === step ? 'step' : undefined}>
              <button type="button" disabled={index > step} onClick={() => setStep(index)}>
                {index + 1}. {label}
              </button>
            </li>
          ))}
        </ol>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (step < STEPS.length - 1) next();
          }}
        >
          {step === 0 && <ImageStep {...fields} names={names} />}
          {step === 1 && <CommandStep {...fields} />}
          {step === 2 && <NetworkStep {...fields} />}
          {step === 3 && <LimitsStep {...fields} />}
          {step === 4 && (
            <Review
              plan={plan}
              problems={problems}
              isLocal={names.includes(plan.image) || names.includes(`${plan.image}:latest`)}
            />
          )}
          {failure !== '' && (
            <p className="error-text" role="alert">
              {failure}
            </p>
          )}
          <div className="actions">
            {step > 0 && (
              <button type="button" onClick={() => setStep(step - 1)}>
                Back
              </button>
            )}
            <div className="spacer" />
            {work !== '' && <span className="muted">{work}</span>}
            {step < STEPS.length - 1 ? (
              <button type="submit" className="primary">
                Next
              </button>
            ) : (
              <>
                <button
                  type="button"
                  disabled={work !== '' || Object.keys(problems).length > 0}
                  onClick={() => void create(false)}
                >
                  Create only
                </button>
                <button
                  type="button"
                  className="primary"
                  disabled={work !== '' || Object.keys(problems).length > 0}
                  onClick={() => void create(true)}
                >
                  Create and start
                </button>
              </>
            )}
          </div>
        </form>
      </div>
    </>
  );
}

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

function ImageStep({
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

function CommandStep({ plan, change, problems }: StepProps) {
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

function NetworkStep({ plan, change, problems }: StepProps) {
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

function LimitsStep({ plan, change, problems }: StepProps) {
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

function Review({
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
