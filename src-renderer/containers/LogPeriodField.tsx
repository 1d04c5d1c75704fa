import type { LogPeriod } from './use-log.ts';

const BACK: readonly (readonly [seconds: number, words: string])[] = [
  [0, 'from the start'],
  [300, 'of 5 minutes'],
  [3600, 'of an hour'],
  [86_400, 'of a day'],
];
const BETWEEN = 'between';

interface LogPeriodFieldProps {
  readonly period: LogPeriod;
  readonly onChange: (period: LogPeriod) => void;
}

/** Seconds since the epoch of what a date field says, in this machine's time; undefined when it is empty. */
function secondsOf(text: string): number | undefined {
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : Math.floor(ms / 1000);
}

/** Which time a log is read of. */
export function LogPeriodField({ period, onChange }: LogPeriodFieldProps) {
  const isBetween = !('back' in period);
  return (
    <>
      <select
        aria-label="Period"
        value={isBetween ? BETWEEN : period.back}
        onChange={({ target: { value } }) =>
          onChange(
            value === BETWEEN ? { since: undefined, until: undefined } : { back: Number(value) },
          )
        }
      >
        {BACK.map(([seconds, words]) => (
          <option key={seconds} value={seconds}>
            {words}
          </option>
        ))}
        <option value={BETWEEN}>between two times</option>
      </select>
      {isBetween &&
        (['since', 'until'] as const).map((end) => (
          <label key={end} className="tick">
            {end === 'since' ? 'from' : 'until'}{' '}
            <input
              type="datetime-local"
              step={1}
              onChange={({ target }) => onChange({ ...period, [end]: secondsOf(target.value) })}
            />
          </label>
        ))}
    </>
  );
}
