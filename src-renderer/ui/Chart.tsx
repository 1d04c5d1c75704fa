/** A chart of one figure over time, its newest value in words for everybody. */
import { useEffect, useRef } from 'react';
import uPlot from 'uplot';
import 'uplot/dist/uPlot.min.css';

/** Seconds since 1970, and the value; null where there is none. */
export type Point = readonly [number, number | null];

interface ChartProps {
  readonly title: string;
  /** The newest value, in words. */
  readonly value: string;
  readonly format: (value: number) => string;
  readonly lines: readonly { readonly label: string; readonly points: readonly Point[] }[];
}

const HEIGHT = 130;
const COLOURS = ['--accent', '--warn'] as const;

const colour = (name: string): string =>
  getComputedStyle(document.documentElement).getPropertyValue(name).trim();

function optionsFor({ lines, format }: ChartProps, width: number): uPlot.Options {
  const grid = { stroke: colour('--line'), width: 1 };
  const axis = { stroke: colour('--muted'), grid, ticks: grid, font: '11px system-ui' };
  return {
    width,
    height: HEIGHT,
    legend: { show: false },
    cursor: { show: false },
    scales: { y: { range: (_plot, _least, most) => [0, Math.max(most * 1.1, 1)] } },
    axes: [
      {
        ...axis,
        space: 90,
        values: (_plot, times) => times.map((at) => new Date(at * 1000).toLocaleTimeString()),
      },
      { ...axis, size: 70, values: (_plot, values) => values.map((value) => format(value)) },
    ],
    series: [
      {},
      ...lines.map(({ label }, index) => ({
        label,
        stroke: colour(COLOURS[index] ?? '--accent'),
        width: 1.5,
        points: { show: false },
      })),
    ],
  };
}

export function Chart(props: ChartProps) {
  const { title, value, lines } = props;
  const place = useRef<HTMLDivElement>(null);
  const plot = useRef<uPlot>(undefined);
  const data: uPlot.AlignedData = [
    (lines[0]?.points ?? []).map(([at]) => at),
    ...lines.map(({ points }) => points.map(([, one]) => one)),
  ];
  useEffect(() => {
    const element = place.current;
    if (!element) return undefined;
    const made = new uPlot(optionsFor(props, element.clientWidth), data, element);
    plot.current = made;
    const observer = new ResizeObserver(() =>
      made.setSize({ width: element.clientWidth, height: HEIGHT }),
    );
    observer.observe(element);
    return () => {
      observer.disconnect();
      made.destroy();
      plot.current = undefined;
    };
    // Made once; data comes below.
  }, []);
  useEffect(() => plot.current?.setData(data));
  return (
    <figure className="chart">
      <figcaption>
        <b>{title}</b> <span role="status">{value}</span>
        {lines.length > 1 &&
          lines.map(({ label }, index) => (
            <span key={label} className="muted">
              <i style={{ background: `var(${COLOURS[index] ?? '--accent'})` }} aria-hidden />{' '}
              {label}
            </span>
          ))}
      </figcaption>
      <div ref={place} aria-hidden />
    </figure>
  );
}
