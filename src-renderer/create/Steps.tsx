/** The pages of the create wizard: image and name, a group of options each, the review. */
import { useCallback, useEffect, useId, useRef, useState } from 'react';
import { useApp, useLive } from '../app/context.tsx';
import type { EngineClient } from '../engine/engine-client.ts';
import { query } from '../engine/engine-client.ts';
import type { OptionGroup, RunOption } from '../run/option.ts';
import type { PlanProblems } from '../run/plan-problems.ts';
import { parseBytes } from '../run/quantities.ts';
import { RUN_OPTIONS } from '../run/run-options.ts';
import { type RunPlan, readRunLine, writeRunLine } from '../run/run-plan.ts';
import { formatBytes } from '../ui/format.ts';
import { TextField } from '../ui/TextField.tsx';
import { useAnswer } from '../ui/use-answer.ts';
import { LimitSlider } from './LimitSlider.tsx';
import { OptionField } from './OptionField.tsx';

interface StepProps {
  readonly plan: RunPlan;
  readonly change: (part: Partial<RunPlan>) => void;
  readonly problems: PlanProblems;
}

/** Fields that stand open; the others of a group are behind one click. */
const COMMON: Readonly<Record<OptionGroup, number>> = {
  Command: 8,
  Network: 3,
  Files: 1,
  Limits: 3,
  Health: 6,
  Security: 3,
  More: 3,
};
const SEARCH_AFTER_MS = 350;
const MEGABYTE = 1024 * 1024;

/** Names a registry finds, a moment after the last key. */
function useFound(term: string, isKnown: boolean): readonly string[] {
  const { engine } = useApp();
  const [found, setFound] = useState<readonly string[]>([]);
  useEffect(() => {
    setFound([]);
    if (isKnown || !/^[a-z0-9][a-z0-9._/-]+$/.test(term)) return undefined;
    let isCurrent = true;
    const timer = setTimeout(() => {
      engine.get<{ name: string }[]>(`/images/search${query({ term, limit: 10 })}`).then(
        (images) => isCurrent && setFound(images.map(({ name }) => name)),
        // No registry to ask: the field works without suggestions.
        () => undefined,
      );
    }, SEARCH_AFTER_MS);
    return () => {
      isCurrent = false;
      clearTimeout(timer);
    };
  }, [engine, term, isKnown]);
  return found;
}

export function ImageStep({
  plan,
  change,
  problems,
  names,
}: StepProps & { readonly names: readonly string[] }) {
  const id = useId();
  const found = useFound(plan.image, names.includes(plan.image));
  return (
    <>
      <TextField
        label="Image"
        help="One of yours, or any name a registry has; it is pulled if it is not here."
        problem={problems['image']}
        list={id}
        autoFocus
        value={plan.image}
        onChange={(image) => change({ image: image.trim() })}
      />
      <datalist id={id}>
        {[...new Set([...names, ...found])].map((name) => (
          <option key={name} value={name} />
        ))}
      </datalist>
      <TextField
        label="Name"
        help="Empty: a name is made up."
        problem={problems['name']}
        value={plan.name}
        onChange={(name) => change({ name })}
      />
      <PasteLine onPlan={(pasted) => change(pasted)} />
    </>
  );
}

function PasteLine({ onPlan }: { readonly onPlan: (plan: RunPlan) => void }) {
  const [line, setLine] = useState('');
  const id = useId();
  const problems = line.trim() === '' ? [] : readRunLine(line).problems;
  return (
    <details className="paste">
      <summary>I have a “docker run …” line</summary>
      <label htmlFor={id} className="sr-only">
        Command line to fill the form from
      </label>
      <textarea
        id={id}
        rows={3}
        spellCheck={false}
        placeholder="docker run -d -p 8080:80 --name web nginx"
        value={line}
        onChange={({ target }) => {
          setLine(target.value);
          const read = readRunLine(target.value);
          if (read.plan.image !== '') onPlan(read.plan);
        }}
      />
      {problems.length > 0 && (
        <ul className="error-text">
          {problems.map((problem) => (
            <li key={problem}>{problem}</li>
          ))}
        </ul>
      )}
    </details>
  );
}

const askInfo = (engine: EngineClient) => engine.get<{ NCPU: number; MemTotal: number }>('/info');

export function OptionsStep({ group, ...props }: StepProps & { readonly group: OptionGroup }) {
  const all = RUN_OPTIONS.filter((option) => option.group === group);
  const [common, rare] = [all.slice(0, COMMON[group]), all.slice(COMMON[group])];
  const isSet = rare.filter(({ name }) => (props.plan.options[name] ?? []).length > 0).length;
  const field = (option: RunOption) => <Option key={option.name} option={option} {...props} />;
  return (
    <>
      {group === 'Command' && (
        <TextField
          label="Command"
          help="Empty: what the image runs by itself. Quotes work as in a shell."
          problem={props.problems['command']}
          placeholder='sh -c "echo hello"'
          value={props.plan.command}
          onChange={(command) => props.change({ command })}
        />
      )}
      {common.map(field)}
      {group === 'Command' && <EnvFile {...props} />}
      {rare.length > 0 && (
        <details className="rare" open={isSet > 0}>
          <summary>
            {rare.length} more {isSet > 0 && <span className="muted">({isSet} set)</span>}
          </summary>
          {rare.map(field)}
        </details>
      )}
    </>
  );
}

function Option({ option, plan, change, problems }: StepProps & { readonly option: RunOption }) {
  const networks = useLive((state) => state.networks);
  const volumes = useLive((state) => state.volumes);
  const { data: info } = useAnswer(askInfo);
  const { name, label, help, placeholder } = option;
  const words = plan.options[name] ?? [];
  const set = useCallback(
    (next: readonly string[]) => {
      const { [name]: _, ...others } = plan.options;
      change({ options: next.length > 0 ? { ...others, [name]: next } : others });
    },
    [plan.options, change, name],
  );
  if (info && (name === 'memory' || name === 'cpus')) {
    const limit =
      name === 'memory'
        ? {
            most: Math.floor(info.MemTotal / MEGABYTE),
            step: 16,
            read: (value: string) => (parseBytes(value) ?? 0) / MEGABYTE,
            print: (steps: number) => `${steps}m`,
            mostText: formatBytes(info.MemTotal),
          }
        : {
            most: info.NCPU,
            step: 0.25,
            read: (value: string) => Number(value) || 0,
            print: String,
            mostText: `${info.NCPU}`,
          };
    return (
      <LimitSlider
        {...{ label, help, placeholder, ...limit }}
        problem={problems[name]}
        value={words.at(-1) ?? ''}
        onChange={(value) => set(value === '' ? [] : [value.trim()])}
      />
    );
  }
  const known =
    name === 'network'
      ? (networks ?? []).map((network) => network.Name ?? '')
      : name === 'volume'
        ? (volumes ?? []).map((volume) => volume.Name)
        : [];
  return <OptionField {...{ option, words, problems, known }} onChange={set} />;
}

/** Lines of an env file as docker reads them: comments and empty ones left out. */
const envLines = (text: string): string[] =>
  text
    .split(/\r?\n/)
    .map((line) => line.trimStart())
    .filter((line) => line !== '' && !line.startsWith('#') && line.includes('='));

function EnvFile({ plan, change }: StepProps) {
  const picker = useRef<HTMLInputElement>(null);
  const read = async (file: File | undefined): Promise<void> => {
    if (!file) return;
    const env = [...(plan.options['env'] ?? []), ...envLines(await file.text())];
    change({ options: { ...plan.options, env } });
  };
  return (
    <div className="field">
      <button type="button" className="fit" onClick={() => picker.current?.click()}>
        Add variables from a file…
      </button>
      <input
        ref={picker}
        type="file"
        hidden
        aria-label="Environment file"
        onChange={({ target }) => void read(target.files?.[0])}
      />
    </div>
  );
}

interface ReviewProps {
  readonly plan: RunPlan;
  readonly problems: PlanProblems;
  readonly isLocal: boolean;
}

export function Review({ plan, problems, isLocal }: ReviewProps) {
  const list = Object.entries(problems);
  return (
    <>
      <p>
        {isLocal
          ? 'The image is here.'
          : `${plan.image || 'The image'} is not here: it is pulled first.`}
      </p>
      <h2>The same on a command line</h2>
      <pre className="code" aria-label="Equivalent command">
        {writeRunLine(plan)}
      </pre>
      {list.length > 0 && (
        <div role="alert">
          <ul className="error-text">
            {list.map(([field, text]) => (
              <li key={field}>
                {field.replace('.', ' ')}: {text}
              </li>
            ))}
          </ul>
        </div>
      )}
    </>
  );
}
