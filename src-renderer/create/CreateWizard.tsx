/** Everything `docker run` can be told, a page a group; both ways: a pasted line fills it, the review prints it. */
import { useCallback, useEffect, useMemo, useState } from 'react';
import { useLocation, useSearchParams } from 'wouter';
import type { ContainerSummary } from '../../shared/engine/engine-api.ts';
import { errorMessage } from '../../shared/errors.ts';
import { useApp, useLive } from '../app/context.tsx';
import { nameOf } from '../containers/container-actions.ts';
import { OPTION_GROUPS } from '../run/option.ts';
import { findProblems } from '../run/plan-problems.ts';
import { RUN_OPTIONS } from '../run/run-options.ts';
import { EMPTY_PLAN, type RunPlan } from '../run/run-plan.ts';
import { showToast } from '../ui/toasts.ts';
import {
  makeContainer,
  readPlan,
  readPlanWithVolumes,
  recreateContainer,
} from './make-container.ts';
import { ImageStep, OptionsStep, Review } from './Steps.tsx';

const STEPS = ['Image', ...OPTION_GROUPS, 'Review'] as const;
type Step = (typeof STEPS)[number];

/** The page a problem belongs to. */
function stepOf(field: string): Step {
  const name = field.split('.')[0] ?? '';
  if (name === 'command') return 'Command';
  return RUN_OPTIONS.find((option) => option.name === name)?.group ?? 'Image';
}

function hostPortsOf(containers: readonly ContainerSummary[]): ReadonlyMap<string, string> {
  return new Map(
    containers.flatMap((container) =>
      (container.Ports ?? [])
        .filter(({ PublicPort }) => PublicPort)
        .map(({ Type, PublicPort }) => [`${Type}/${PublicPort}`, nameOf(container)] as const),
    ),
  );
}

export function CreateWizard() {
  const { engine } = useApp();
  const [, navigate] = useLocation();
  const [parameters] = useSearchParams();
  const editedId = parameters.get('edit');
  const sourceId = editedId ?? parameters.get('from');
  const containers = useLive((state) => state.containers);
  const images = useLive((state) => state.images);
  const networks = useLive((state) => state.networks);
  const [plan, setPlan] = useState<RunPlan>({
    ...EMPTY_PLAN,
    image: parameters.get('image') ?? '',
  });
  const [isRead, setIsRead] = useState(sourceId === null);
  const [step, setStep] = useState<Step>('Image');
  const [isTouched, setIsTouched] = useState(false);
  const [work, setWork] = useState('');
  const [failure, setFailure] = useState('');

  useEffect(() => {
    if (sourceId === null) return;
    const read = editedId === null ? readPlan : readPlanWithVolumes;
    read(engine, sourceId).then(
      (found) => {
        setPlan(editedId === null ? { ...found, name: '' } : found);
        setIsRead(true);
      },
      (error: unknown) => showToast('error', errorMessage(error)),
    );
  }, [engine, sourceId, editedId]);

  const problems = useMemo(() => {
    const others = (containers ?? []).filter(({ Id }) => Id !== editedId);
    return findProblems(plan, {
      names: new Set(others.map(nameOf)),
      hostPorts: hostPortsOf(others),
      networks: new Set((networks ?? []).map(({ Name = '' }) => Name)),
    });
  }, [plan, containers, networks, editedId]);
  const names = (images ?? []).flatMap((image) => image.RepoTags ?? []);
  const isLocal = names.includes(plan.image) || names.includes(`${plan.image}:latest`);
  const change = useCallback(
    (part: Partial<RunPlan>): void => setPlan((before) => ({ ...before, ...part })),
    [],
  );
  const index = STEPS.indexOf(step);
  const goTo = (next: Step): void => {
    setIsTouched(false);
    setStep(next);
  };
  const next = (): void => {
    const isStuck = Object.keys(problems).some((field) => stepOf(field) === step);
    setIsTouched(isStuck);
    if (!isStuck) goTo(STEPS[index + 1] ?? 'Review');
  };
  const make = async (starts: boolean): Promise<void> => {
    setFailure('');
    try {
      const making = { engine, plan, isLocal, onWork: setWork };
      const id = editedId
        ? await recreateContainer(making, editedId)
        : await makeContainer(making, starts);
      navigate(`/containers/${id}`);
    } catch (error) {
      setFailure(errorMessage(error));
      setWork('');
    }
  };
  if (!isRead) return <div className="skeleton" role="status" aria-label="Loading" />;
  // An empty form is not scolded before anybody has tried to go on; what is typed wrong is told at once.
  const shown = isTouched || step === 'Review' ? problems : withoutEmpty(problems, plan);
  const fields = { plan, change, problems: shown };
  const isBlocked = work !== '' || Object.keys(problems).length > 0;
  return (
    <>
      <header className="bar">
        <h1>{editedId ? `Edit ${plan.name}` : 'Create a container'}</h1>
      </header>
      <div className="wizard">
        <ol className="steps">
          {STEPS.map((label) => {
            const count = Object.keys(shown).filter((field) => stepOf(field) === label).length;
            return (
              <li key={label} aria-current={label === step ? 'step' : undefined}>
                <button type="button" onClick={() => goTo(label)}>
                  {label}
                  {count > 0 && <span className="error-text"> · {count} to mend</span>}
                </button>
              </li>
            );
          })}
        </ol>
        <form
          onSubmit={(event) => {
            event.preventDefault();
            if (step !== 'Review') next();
          }}
        >
          {step === 'Image' && <ImageStep {...fields} names={names} />}
          {OPTION_GROUPS.map(
            (group) => group === step && <OptionsStep key={group} {...fields} group={group} />,
          )}
          {step === 'Review' && <Review {...{ plan, problems, isLocal }} />}
          {failure !== '' && (
            <p className="error-text" role="alert">
              {failure}
            </p>
          )}
          <WizardActions
            step={step}
            work={work}
            isEdit={editedId !== null}
            isBlocked={isBlocked}
            onStep={goTo}
            onMake={(starts) => void make(starts)}
          />
        </form>
      </div>
    </>
  );
}

/** Leaves out what is only not filled in yet. */
function withoutEmpty(
  problems: Readonly<Record<string, string>>,
  { image, options }: RunPlan,
): Readonly<Record<string, string>> {
  return Object.fromEntries(
    Object.entries(problems).filter(([field]) => {
      if (field === 'image') return image !== '';
      const [name = '', at] = field.split('.');
      const word = at === undefined ? undefined : options[name]?.[Number(at)];
      return word === undefined || !['', '=', ':'].includes(word);
    }),
  );
}

interface WizardActionsProps {
  readonly step: Step;
  /** What is being done now; '' while a person still fills in. */
  readonly work: string;
  readonly isEdit: boolean;
  readonly isBlocked: boolean;
  readonly onStep: (step: Step) => void;
  readonly onMake: (starts: boolean) => void;
}

function WizardActions({ step, work, isEdit, isBlocked, onStep, onMake }: WizardActionsProps) {
  const index = STEPS.indexOf(step);
  const make = { type: 'button', disabled: isBlocked } as const;
  return (
    <div className="actions">
      {index > 0 && (
        <button type="button" onClick={() => onStep(STEPS[index - 1] ?? 'Image')}>
          Back
        </button>
      )}
      <div className="spacer" />
      {work !== '' && <span className="muted">{work}</span>}
      {step !== 'Review' && (
        <>
          <button type="button" onClick={() => onStep('Review')}>
            Review
          </button>
          <button type="submit" className="primary">
            Next
          </button>
        </>
      )}
      {step === 'Review' && isEdit && (
        <button {...make} className="primary" onClick={() => onMake(true)}>
          Recreate
        </button>
      )}
      {step === 'Review' && !isEdit && (
        <>
          <button {...make} onClick={() => onMake(false)}>
            Create only
          </button>
          <button {...make} className="primary" onClick={() => onMake(true)}>
            Create and start
          </button>
        </>
      )}
    </div>
  );
}
