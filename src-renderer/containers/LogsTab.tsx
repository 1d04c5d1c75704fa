/** What containers wrote, one or several: searched, filtered, saved; bounded however much it writes. */
import { ChevronDown, ChevronUp } from 'lucide-react';
import { useMemo, useState } from 'react';
import { useApp } from '../app/context.tsx';
import { saveStream } from '../ui/save-stream.ts';
import { showToast, tellFailure } from '../ui/toasts.ts';
import { LogLegend } from './LogLegend.tsx';
import { LogPeriodField } from './LogPeriodField.tsx';
import { LogView } from './LogView.tsx';
import { textOf, wholeLog } from './log-export.ts';
import { linesOf, matcherOf, matchesIn, type StreamChoice } from './log-search.ts';
import { type LogPeriod, type LogSource, useLog } from './use-log.ts';

const STREAMS: readonly (readonly [StreamChoice, string])[] = [
  ['both', 'All'],
  ['stdout', 'Output'],
  ['stderr', 'Errors'],
];
interface LogsTabProps {
  /** What the saved file is called. */
  readonly name: string;
  readonly sources: readonly LogSource[];
}

export function LogsTab({ name, sources }: LogsTabProps) {
  const { engine } = useApp();
  const [timestamps, setTimestamps] = useState(false);
  const [wraps, setWraps] = useState(true);
  const [period, setPeriod] = useState<LogPeriod>({ back: 0 });
  const [hidden, setHidden] = useState<ReadonlySet<string>>(new Set());
  const [stream, setStream] = useState<StreamChoice>('both');
  const [search, setSearch] = useState({ text: '', isRegex: false });
  const [isFilter, setIsFilter] = useState(true);
  const [at, setAt] = useState<number>();
  const { lines, dropped, clear } = useLog({ sources, timestamps, period });

  const found = useMemo(() => matcherOf(search), [search]);
  const matcher = found instanceof RegExp ? found : undefined;
  const names = sources.length > 1 ? sources.map((source) => source.name) : undefined;
  const chosen = useMemo(() => {
    const visible = lines.filter(({ from }) => !hidden.has(sources[from]?.id ?? ''));
    return linesOf(hidden.size > 0 ? visible : lines, stream);
  }, [lines, stream, hidden, sources]);
  const matches = useMemo(() => (matcher ? matchesIn(chosen, matcher) : []), [chosen, matcher]);
  const shown = useMemo(
    () => (matcher && isFilter ? matches.flatMap((index) => chosen[index] ?? []) : chosen),
    [chosen, matcher, matches, isFilter],
  );
  const text = (): string => shown.map((line) => textOf(line, { names, timestamps })).join('\n');
  const copy = (): void => {
    void navigator.clipboard
      .writeText(text())
      .then(() => showToast('info', `${shown.length} lines copied`));
  };
  const change = (part: Partial<typeof search>): void => {
    setSearch({ ...search, ...part });
    setAt(undefined);
  };
  const step = (by: number): void => {
    if (matches.length === 0) return;
    setAt(((at ?? (by > 0 ? -1 : 0)) + by + matches.length) % matches.length);
  };
  const current = at === undefined ? undefined : isFilter ? at : matches[at];
  return (
    <div className="pane">
      <div className="tools">
        <input
          type="search"
          placeholder="Search the log…"
          aria-label="Search the log"
          aria-invalid={typeof found === 'string'}
          title={typeof found === 'string' ? found : undefined}
          value={search.text}
          onChange={(event) => change({ text: event.target.value })}
          onKeyDown={({ key, shiftKey }) => key === 'Enter' && step(shiftKey ? -1 : 1)}
        />
        <Check label="Regex" isOn={search.isRegex} onChange={(isRegex) => change({ isRegex })} />
        <Check label="Only matches" isOn={isFilter} onChange={setIsFilter} />
        {search.text !== '' && (
          <span className="inline" role="status">
            {typeof found === 'string'
              ? 'Not a regular expression'
              : `${at === undefined ? '' : `${at + 1} of `}${matches.length} matches`}
            <button
              type="button"
              className="icon"
              aria-label="Match before"
              onClick={() => step(-1)}
            >
              <ChevronUp size={15} aria-hidden />
            </button>
            <button type="button" className="icon" aria-label="Next match" onClick={() => step(1)}>
              <ChevronDown size={15} aria-hidden />
            </button>
          </span>
        )}
        <div className="spacer" />
        <span className="muted">{shown.length} lines</span>
        <button type="button" onClick={copy}>
          Copy
        </button>
        <button type="button" onClick={() => save(`${name}.log`, text())}>
          Save
        </button>
        <button
          type="button"
          title="The whole log, also what is not shown here"
          onClick={() =>
            tellFailure(saveStream(`${name}.log`, Promise.resolve(wholeLog(engine, sources))))
          }
        >
          Export
        </button>
        <button type="button" onClick={clear}>
          Clear
        </button>
      </div>
      <div className="tools">
        <div className="segments" role="group" aria-label="Streams">
          {STREAMS.map(([value, label]) => (
            <button
              key={value}
              type="button"
              aria-pressed={stream === value}
              onClick={() => setStream(value)}
            >
              {label}
            </button>
          ))}
        </div>
        <LogPeriodField period={period} onChange={setPeriod} />
        <Check label="Timestamps" isOn={timestamps} onChange={setTimestamps} />
        <Check label="Wrap" isOn={wraps} onChange={setWraps} />
        {dropped > 0 && (
          <span className="warning">{dropped} earlier lines are no longer kept here.</span>
        )}
      </div>
      {names && (
        <LogLegend
          sources={sources}
          hidden={hidden}
          onToggle={(id) => {
            const next = new Set(hidden);
            if (!next.delete(id)) next.add(id);
            setHidden(next);
          }}
        />
      )}
      <LogView {...{ lines: shown, names, timestamps, wraps, matcher, current }} />
    </div>
  );
}

interface CheckProps {
  readonly label: string;
  readonly isOn: boolean;
  readonly onChange: (isOn: boolean) => void;
}

function Check({ label, isOn, onChange }: CheckProps) {
  return (
    <label className="tick">
      <input type="checkbox" checked={isOn} onChange={({ target }) => onChange(target.checked)} />{' '}
      {label}
    </label>
  );
}

/** Hands a text to the person as a file. */
function save(name: string, text: string): void {
  const url = URL.createObjectURL(new Blob([`${text}\n`], { type: 'text/plain' }));
  const link = document.createElement('a');
  link.href = url;
  link.download = name;
  link.click();
  URL.revokeObjectURL(url);
}
