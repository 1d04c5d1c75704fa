/** Logs of containers as they come, in one list, drawn once a frame. */
import { useEffect, useRef, useState } from 'react';
import { errorMessage } from '../../shared/errors.ts';
import { FrameParser } from '../../shared/framing.ts';
import { useApp } from '../app/context.tsx';
import { type EngineClient, query } from '../engine/engine-client.ts';
import { showToast } from '../ui/toasts.ts';
import { LogBuffer, type LogLine, mergedLines } from './log-buffer.ts';

const TAIL = 5000;
const LEAST_TAIL = 500;

/** A container whose log is read. */
export interface LogSource {
  readonly id: string;
  readonly name: string;
  /** A start begins the stream anew. */
  readonly state: string;
}

/** The time a log is read of. */
export type LogPeriod =
  /** Seconds back from now, and all that comes; 0 for all. */
  | { readonly back: number }
  /** Seconds since the epoch, either end open. */
  | { readonly since: number | undefined; readonly until: number | undefined };

interface LogWish {
  readonly sources: readonly LogSource[];
  readonly timestamps: boolean;
  readonly period: LogPeriod;
}

const isLive = ({ state }: LogSource): boolean => state === 'running' || state === 'paused';

function rangeOf(period: LogPeriod): { since?: number | undefined; until?: number | undefined } {
  if (!('back' in period)) return period;
  return period.back === 0 ? {} : { since: Math.floor(Date.now() / 1000) - period.back };
}

/** Streams of a log told apart, from its first byte to its last. */
export async function* readLog(
  engine: EngineClient,
  id: string,
  options: Readonly<Record<string, string | number | undefined>>,
  signal?: AbortSignal,
): AsyncGenerator<{ readonly source: 'stdout' | 'stderr'; readonly bytes: Uint8Array }> {
  const { Config } = await engine.get<{ Config: { Tty: boolean } }>(`/containers/${id}/json`);
  const path = `/containers/${id}/logs${query({ stdout: 1, stderr: 1, ...options })}`;
  const parser = new FrameParser();
  for await (const chunk of await engine.bytes(path, signal)) {
    if (Config.Tty) yield { source: 'stdout', bytes: chunk };
    else
      for (const { source, bytes } of parser.push(chunk))
        yield { source: source === 'stderr' ? 'stderr' : 'stdout', bytes };
  }
}

export function useLog({ sources, timestamps, period }: LogWish) {
  const { engine } = useApp();
  const buffers = useRef<readonly LogBuffer[]>([]);
  const [shown, setShown] = useState<{ lines: readonly LogLine[]; dropped: number }>({
    lines: [],
    dropped: 0,
  });
  // What makes the reading another one; names may change without that.
  const reads = JSON.stringify(sources.map((source) => [source.id, isLive(source)]));
  const range = JSON.stringify(period);
  // Times put the lines of several containers in order.
  const hasTimes = timestamps || sources.length > 1;
  useEffect(() => {
    const abort = new AbortController();
    const wanted = JSON.parse(reads) as [string, boolean][];
    const mine = wanted.map(
      (_, index) => new LogBuffer({ from: index, count: wanted.length, hasTimes }),
    );
    const { since, until } = rangeOf(JSON.parse(range) as LogPeriod);
    buffers.current = mine;
    let frame = 0;
    const draw = (): void => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        const dropped = mine.reduce((sum, buffer) => sum + buffer.dropped, 0);
        setShown({ lines: mergedLines(mine), dropped });
      });
    };
    const read = async (id: string, live: boolean, buffer: LogBuffer): Promise<void> => {
      const options = {
        tail: Math.max(LEAST_TAIL, Math.floor(TAIL / wanted.length)),
        follow: live && until === undefined ? 1 : 0,
        timestamps: hasTimes ? 1 : 0,
        since,
        until,
      };
      for await (const { source, bytes } of readLog(engine, id, options, abort.signal)) {
        buffer.push(source, bytes);
        draw();
      }
    };
    draw();
    wanted.forEach(([id, live], index) => {
      read(id, live, mine[index] ?? new LogBuffer()).catch((error: unknown) => {
        if (!abort.signal.aborted) showToast('error', `Logs: ${errorMessage(error)}`);
      });
    });
    return () => {
      abort.abort();
      cancelAnimationFrame(frame);
    };
  }, [engine, reads, range, hasTimes]);
  const clear = (): void => {
    for (const buffer of buffers.current) buffer.clear();
    setShown({ lines: [], dropped: 0 });
  };
  return { ...shown, clear };
}
