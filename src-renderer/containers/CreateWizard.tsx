import { useMemo, useState } from 'react';
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
  EMPTY_PLAN,
  findProblems,
  type Taken,
} from './container-plan.ts';
import { CommandStep, ImageStep, LimitsStep, NetworkStep, Review } from './WizardSteps.tsx';

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
