import type { LogSource } from './use-log.ts';

/** As many colours as are told apart. */
const COLOURS = 6;

/** The class that gives a container its colour. */
export const colourOf = (from: number): string => `source-${from % COLOURS}`;

interface LogLegendProps {
  readonly sources: readonly LogSource[];
  readonly hidden: ReadonlySet<string>;
  readonly onToggle: (id: string) => void;
}

/** Whose lines have which colour, and whose are shown. */
export function LogLegend({ sources, hidden, onToggle }: LogLegendProps) {
  return (
    <div className="tools" role="group" aria-label="Containers">
      {sources.map(({ id, name }, from) => (
        <label key={id} className={`tick ${colourOf(from)}`}>
          <input type="checkbox" checked={!hidden.has(id)} onChange={() => onToggle(id)} /> {name}
        </label>
      ))}
    </div>
  );
}
