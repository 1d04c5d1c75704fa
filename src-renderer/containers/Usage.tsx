/** What a container uses now. The stream lives as long as the row is drawn, so only rows in view have one. */
import { useEffect, useState } from 'react';
import { useApp } from '../app/context.tsx';
import { formatBytes } from '../ui/format.ts';
import { type Figures, figuresOf, type StatsMessage } from './stats-figures.ts';

interface UsageProps {
  readonly id: string;
  readonly isRunning: boolean;
}

function useUsage({ id, isRunning }: UsageProps): Figures | undefined {
  const { engine } = useApp();
  const [figures, setFigures] = useState<Figures>();
  useEffect(() => {
    setFigures(undefined);
    if (!isRunning) return undefined;
    const stop = new AbortController();
    const follow = async (): Promise<void> => {
      const path = `/containers/${id}/stats?stream=1`;
      for await (const message of engine.lines<StatsMessage>('GET', path, stop.signal))
        setFigures(figuresOf(message));
    };
    // It ended, or the engine is away: the row says so by itself.
    follow().catch(() => undefined);
    return () => stop.abort();
  }, [engine, id, isRunning]);
  return figures;
}

export function Usage(props: UsageProps) {
  const figures = useUsage(props);
  if (!props.isRunning) return <span className="muted">–</span>;
  if (!figures) return <span className="muted">…</span>;
  return (
    <span className="two-lines">
      <span>{figures.cpuPercent.toFixed(1)} %</span>
      <span className="muted">{formatBytes(figures.memory)}</span>
    </span>
  );
}
