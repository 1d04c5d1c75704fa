/** A limit as a slider between nothing and all this host has; typed values count too. */
import { useId } from 'react';
import { TextField } from '../ui/TextField.tsx';

interface LimitSliderProps {
  readonly label: string;
  readonly help: string;
  readonly problem?: string | undefined;
  readonly placeholder?: string | undefined;
  readonly value: string;
  /** All the host has, in the slider's steps. */
  readonly most: number;
  readonly step: number;
  /** The slider's number of a text, and back; 0 is no limit. */
  readonly read: (value: string) => number;
  readonly print: (steps: number) => string;
  /** What all the host has is called. */
  readonly mostText: string;
  readonly onChange: (value: string) => void;
}

export function LimitSlider(props: LimitSliderProps) {
  const { label, help, problem, placeholder, value, most, step, read, print, mostText, onChange } =
    props;
  const id = useId();
  return (
    <div className="limit">
      <TextField
        label={label}
        help={`${help} This host has ${mostText}.`}
        problem={problem}
        placeholder={placeholder}
        value={value}
        onChange={onChange}
      />
      <input
        id={id}
        type="range"
        aria-label={`${label}, slider`}
        min={0}
        max={most}
        step={step}
        value={read(value)}
        aria-valuetext={value === '' ? 'no limit' : value}
        onChange={({ target }) =>
          onChange(target.valueAsNumber === 0 ? '' : print(target.valueAsNumber))
        }
      />
    </div>
  );
}
