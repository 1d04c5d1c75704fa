import { Dialog } from 'radix-ui';
import { useEffect, useRef, useState } from 'react';
import { errorMessage } from '../../shared/errors.ts';
import type { HostRow, InstallPlan, InstallProgress } from '../../shared/shell/contract.ts';
import { useApp } from '../app/context.tsx';
import { formatBytes } from '../ui/format.ts';

interface Job {
  readonly steps: readonly InstallProgress[];
  readonly state: 'running' | 'done' | 'failed';
  readonly problem?: string;
}

/** The newest word of a step stands for it. */
const withStep = (job: Job, next: InstallProgress): Job => ({
  ...job,
  steps:
    job.steps.at(-1)?.step === next.step ? [...job.steps.slice(0, -1), next] : [...job.steps, next],
});

const ACTIONS = { none: 'Install', older: 'Update', current: 'Install again' } as const;

/** Our own daemon on a host: what would be done, the person's consent, and how far it is. */
export function InstallDialog(props: { readonly host: HostRow; readonly onClose: () => void }) {
  const { host, onClose } = props;
  const { shell } = useApp();
  const [plan, setPlan] = useState<InstallPlan>();
  const [problem, setProblem] = useState('');
  const [job, setJob] = useState<Job>();
  const [withData, setWithData] = useState(false);
  const stop = useRef(new AbortController());
  useEffect(() => {
    shell
      .call('hosts.installPlan', { id: host.id })
      .then(setPlan, (error: unknown) => setProblem(errorMessage(error)));
  }, [shell, host.id]);
  const run = async (steps: AsyncIterable<InstallProgress>): Promise<void> => {
    setJob({ steps: [], state: 'running' });
    try {
      for await (const step of steps) setJob((now) => now && withStep(now, step));
      setJob((now) => now && { ...now, state: 'done' });
    } catch (error) {
      setJob((now) => now && { ...now, state: 'failed', problem: errorMessage(error) });
    }
  };
  const { signal } = stop.current;
  const install = () => run(shell.stream('hosts.install', { id: host.id }, signal));
  const remove = () => run(shell.stream('hosts.uninstall', { id: host.id, withData }, signal));
  const close = (): void => {
    stop.current.abort();
    onClose();
  };
  const why = plan?.problem ?? problem;
  return (
    <Dialog.Root open onOpenChange={(isOpen) => !isOpen && job?.state !== 'running' && close()}>
      <Dialog.Portal>
        <Dialog.Overlay className="overlay" />
        <Dialog.Content className="dialog" aria-describedby={undefined}>
          <Dialog.Title>An engine on {host.name}</Dialog.Title>
          {job ? (
            <Steps job={job} />
          ) : plan ? (
            <PlanText plan={plan} />
          ) : (
            why === '' && <p className="muted">Looking it over…</p>
          )}
          {!job && why !== '' && (
            <p className="error-text" role="alert">
              {why}
            </p>
          )}
          {!job && plan && plan.state !== 'none' && (
            <label className="check">
              <input
                type="checkbox"
                checked={withData}
                onChange={(event) => setWithData(event.target.checked)}
              />
              When removing it, delete its containers, images and volumes too
            </label>
          )}
          <div className="actions">
            <button type="button" onClick={close}>
              {job?.state === 'running' ? 'Stop' : job ? 'Close' : 'Cancel'}
            </button>
            {!job && plan && plan.state !== 'none' && (
              <button type="button" className="danger" onClick={() => void remove()}>
                Remove it
              </button>
            )}
            {!job && plan && (
              <button
                type="button"
                className="primary"
                disabled={plan.problem !== undefined}
                onClick={() => void install()}
              >
                {ACTIONS[plan.state]}
              </button>
            )}
          </div>
        </Dialog.Content>
      </Dialog.Portal>
    </Dialog.Root>
  );
}

function PlanText({ plan }: { readonly plan: InstallPlan }) {
  return (
    <>
      <p>
        {plan.system}.{' '}
        {plan.state === 'none'
          ? 'Windlass would do this there'
          : 'windlassd was set up there by Windlass. To set up this version it would do this there'}
        {plan.needsSudo && ', through sudo'}:
      </p>
      <ol>
        {plan.steps.map((step) => (
          <li key={step}>{step}</li>
        ))}
      </ol>
      <p className="muted">All of it can be taken away again here.</p>
    </>
  );
}

function Steps({ job }: { readonly job: Job }) {
  return (
    <>
      <ol aria-label="Steps">
        {job.steps.map(({ step, done, total }) => (
          <li key={step}>
            {step}
            {done !== undefined && total !== undefined && (
              <>
                {' '}
                <progress value={done} max={total} aria-label={step} />{' '}
                <span className="muted">
                  {formatBytes(done)} of {formatBytes(total)}
                </span>
              </>
            )}
          </li>
        ))}
      </ol>
      <p className={job.state === 'failed' ? 'error-text' : 'muted'} role="status">
        {job.state === 'running' ? 'Under way…' : job.state === 'done' ? 'Done.' : job.problem}
      </p>
    </>
  );
}
