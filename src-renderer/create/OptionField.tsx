/** One option of the table as a field: a switch, a choice, a line, or rows. */
import { Plus, X } from 'lucide-react';
import { type ReactNode, useId } from 'react';
import type { RunOption } from '../run/option.ts';
import type { PlanProblems } from '../run/plan-problems.ts';
import { joinPublished, splitPublished } from '../run/ports.ts';
import { TextField } from '../ui/TextField.tsx';

interface OptionFieldProps {
  readonly option: RunOption;
  readonly words: readonly string[];
  readonly problems: PlanProblems;
  readonly onChange: (words: readonly string[]) => void;
  /** Known values to offer. */
  readonly known?: readonly string[];
}

const one = (text: string): readonly string[] => (text === '' ? [] : [text]);

export function OptionField(props: OptionFieldProps) {
  const { option, words, problems, onChange } = props;
  const id = useId();
  const word = words.at(-1) ?? '';
  switch (option.kind) {
    case 'switch':
      return (
        <div className="field">
          <label className="check">
            <input
              type="checkbox"
              checked={word === 'true'}
              aria-describedby={`${id}-help`}
              onChange={({ target }) => onChange(target.checked ? ['true'] : [])}
            />
            {option.label}
          </label>
          <span id={`${id}-help`} className="muted">
            {option.help}
          </span>
        </div>
      );
    case 'choice':
      return (
        <div className="field">
          <label htmlFor={id}>{option.label}</label>
          <select
            id={id}
            aria-describedby={`${id}-help`}
            value={word}
            onChange={({ target }) => onChange(one(target.value))}
          >
            {/* A value that came by a pasted line and is not in the list stays what it is. */}
            {[...(option.choices ?? []), ...extraChoice(option, word)].map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
          <span id={`${id}-help`} className={problems[option.name] ? 'error-text' : 'muted'}>
            {problems[option.name] ?? option.help}
          </span>
        </div>
      );
    case 'text':
      return (
        <TextField
          label={option.label}
          help={option.help}
          problem={problems[option.name]}
          placeholder={option.placeholder}
          value={word}
          onChange={(text) => onChange(one(text))}
        />
      );
    case 'list':
    case 'pairs':
    case 'ports':
    case 'volumes':
      return <Rows {...props} />;
  }
}

function extraChoice({ choices }: RunOption, word: string): readonly (readonly [string, string])[] {
  return choices?.some(([value]) => value === word) ? [] : [[word, word]];
}

function Rows({ option, words, problems, onChange, known }: OptionFieldProps) {
  const id = useId();
  return (
    <fieldset className="rows">
      <legend>{option.label}</legend>
      <span className="muted">{option.help}</span>
      {words.map((word, index) => (
        // Rows have no identity of their own; their place is it.
        <div key={`${option.name}${index.toString()}`}>
          <div className="inline">
            <RowInputs
              option={option}
              word={word}
              list={known && known.length > 0 ? `${id}-known` : undefined}
              onChange={(changed) => onChange(words.map((w, at) => (at === index ? changed : w)))}
            />
            <button
              type="button"
              className="icon"
              aria-label={`Remove row ${index + 1} of ${option.label}`}
              onClick={() => onChange(words.filter((_, at) => at !== index))}
            >
              <X size={15} aria-hidden />
            </button>
          </div>
          {problems[`${option.name}.${index}`] !== undefined && (
            <span className="error-text">{problems[`${option.name}.${index}`]}</span>
          )}
        </div>
      ))}
      {known && known.length > 0 && (
        <datalist id={`${id}-known`}>
          {known.map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
      )}
      <button
        type="button"
        className="quiet"
        aria-label={`Add to ${option.label}`}
        onClick={() => onChange([...words, EMPTY_ROW[option.kind] ?? ''])}
      >
        <Plus size={15} aria-hidden /> Add
      </button>
    </fieldset>
  );
}

const EMPTY_ROW: Readonly<Record<string, string>> = { pairs: '=', ports: ':', volumes: ':' };

interface RowProps {
  readonly option: RunOption;
  readonly word: string;
  readonly list: string | undefined;
  readonly onChange: (word: string) => void;
}

function RowInputs({ option, word, list, onChange }: RowProps): ReactNode {
  const input = (label: string, value: string, set: (text: string) => string, hint = label) => (
    <input
      aria-label={label}
      placeholder={hint}
      list={list}
      value={value}
      onChange={({ target }) => onChange(set(target.value))}
    />
  );
  switch (option.kind) {
    case 'pairs': {
      const at = word.indexOf('=');
      const [name, value] = at < 0 ? [word, ''] : [word.slice(0, at), word.slice(at + 1)];
      return (
        <>
          {input('Variable', name, (text) => `${text.replaceAll('=', '')}=${value}`, 'NAME')}
          {input('Value', value, (text) => `${name}=${text}`, 'value')}
        </>
      );
    }
    case 'ports': {
      const parts = splitPublished(word);
      if (!parts) return input('Ports', word, (text) => text);
      const digits = (text: string): string => text.replace(/[^\d-]/g, '');
      const join = (change: Partial<typeof parts>): string => {
        const next = { ...parts, ...change };
        return next.container === '' ? `${next.host}:${suffix(next)}` : joinPublished(next);
      };
      return (
        <>
          {input(
            'Host port',
            parts.host,
            (text) => join({ host: digits(text) }),
            'host port (any)',
          )}
          <span aria-hidden>→</span>
          {input(
            'Container port',
            parts.container,
            (text) => join({ container: digits(text) }),
            'container port',
          )}
          <select
            aria-label="Protocol"
            value={parts.protocol}
            onChange={({ target }) => onChange(join({ protocol: target.value }))}
          >
            <option value="tcp">TCP</option>
            <option value="udp">UDP</option>
            <option value="sctp">SCTP</option>
          </select>
        </>
      );
    }
    case 'volumes': {
      const isAnonymous = !word.includes(':');
      const [source = '', target = '', ...rest] = isAnonymous ? ['', word] : word.split(':');
      const flags = rest.join(':').split(',').filter(Boolean);
      const join = (from: string, to: string, options: readonly string[]): string =>
        [from, to, ...(options.length > 0 ? [options.join(',')] : [])].join(':');
      return (
        <>
          {input(
            'Source',
            source,
            (text) => join(text, target, flags),
            '/host/directory or volume',
          )}
          <span aria-hidden>→</span>
          {input(
            'Path in the container',
            target,
            (text) =>
              isAnonymous && source === '' && word !== '' ? text : join(source, text, flags),
            '/path',
          )}
          <label className="check">
            <input
              type="checkbox"
              checked={flags.includes('ro')}
              onChange={(event) => {
                const others = flags.filter((flag) => flag !== 'ro');
                onChange(join(source, target, event.target.checked ? [...others, 'ro'] : others));
              }}
            />
            read-only
          </label>
        </>
      );
    }
    case 'list':
    case 'text':
    case 'switch':
    case 'choice':
      return input(option.label, word, (text) => text, option.placeholder ?? '');
  }
}

const suffix = ({ protocol }: { protocol: string }): string =>
  protocol === 'tcp' ? '' : `/${protocol}`;
