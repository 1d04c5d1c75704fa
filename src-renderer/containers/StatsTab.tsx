import { useEffect, useState } from 'react';
import { errorMessage } from '../../shared/errors.ts';
import { useApp } from '../app/context.tsx';
import { Chart, type Point } from '../ui/Chart.tsx';
import { formatBytes } from '../ui/format.ts';
import { showToast } from '../ui/toasts.ts';
import { type Figures, figuresOf, type StatsMessage } from './stats-figures.ts';

/** Ten minutes, a reading a second. */
const KEPT = 600;

interface Reading extends Figures {
  /** Seconds since 1970. */
  readonly at: number;
}

/** Readings by container, so that coming back to the tab shows what was. */
const histories = new Map<string, readonly Reading[]>();

/** What of a counter came since the reading before, a second. */
const rate =
  (of: (reading: Reading) => number) =>
  (reading: Reading, before: Reading | undefined): number | null => {
    const seconds = before ? reading.at - before.at : 0;
    return before && seconds > 0 ? Math.max(0, (of(reading) - of(before)) / seconds) : null;
  };

const perSecond = (bytes: number): string => `${formatBytes(Math.round(bytes))}/s`;

export function StatsTab({ id, state }: { readonly id: string; readonly state: string }) {
  const { engine } = useApp();
  const key = `${engine.host}/${id}`;
  const [readings, setReadings] = useState(histories.get(key) ?? []);
  const isRunning = state === 'running' || state === 'paused';
  useEffect(() => {
    if (!isRunning) return undefined;
    const stop = new AbortController();
    const follow = async (): Promise<void> => {
      const path = `/containers/${id}/stats?stream=1`;
      for await (const message of engine.lines<StatsMessage>('GET', path, stop.signal)) {
        const at = Date.parse(message.read ?? '') / 1000;
        // A container that ends sends one last message from the year 1.
        if (!(at > 0)) continue;
        const history = [...(histories.get(key) ?? []), { at, ...figuresOf(message) }].slice(-KEPT);
        histories.set(key, history);
        setReadings(history);
      }
    };
    follow().catch((error: unknown) => {
      if (!stop.signal.aborted) showToast('error', `Stats: ${errorMessage(error)}`);
    });
    return () => stop.abort();
  }, [engine, id, key, isRunning]);

  const last = readings.at(-1);
  if (!last)
    return (
      <p className="empty">
        {isRunning ? 'The first figures come in a second.' : 'It is not running.'}
      </p>
    );
  const line = (of: (reading: Reading, before: Reading | undefined) => number | null): Point[] =>
    readings.map((reading, index) => [reading.at, of(reading, readings[index - 1])]);
  return (
    <div className="pane charts">
      <Chart
        title="Processor"
        value={`${last.cpuPercent.toFixed(1)} %`}
        format={(value) => `${value.toFixed(0)} %`}
        lines={[{ label: 'of one processor', points: line(({ cpuPercent }) => cpuPercent) }]}
      />
      <Chart
        title="Memory"
        value={`${formatBytes(last.memory)}${last.memoryLimit > 0 ? ` of ${formatBytes(last.memoryLimit)}` : ''}`}
        format={formatBytes}
        lines={[{ label: 'in use', points: line(({ memory }) => memory) }]}
      />
      <Chart
        title="Network"
        value={`${formatBytes(last.received)} in, ${formatBytes(last.sent)} out`}
        format={perSecond}
        lines={[
          { label: 'received', points: line(rate(({ received }) => received)) },
          { label: 'sent', points: line(rate(({ sent }) => sent)) },
        ]}
      />
      <Chart
        title="Disk"
        value={`${formatBytes(last.read)} read, ${formatBytes(last.written)} written`}
        format={perSecond}
        lines={[
          { label: 'read', points: line(rate(({ read }) => read)) },
          { label: 'written', points: line(rate(({ written }) => written)) },
        ]}
      />
      <p className="muted">
        {last.processes} process{last.processes === 1 ? '' : 'es'}. The figures are those of{' '}
        <code>docker stats</code>, ten minutes at most.
      </p>
    </div>
  );
}
