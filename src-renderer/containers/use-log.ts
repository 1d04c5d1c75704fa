/** A container's log as it comes, drawn once a frame. */
import { useEffect, useRef, useState } from 'react';
import { errorMessage } from '../../shared/errors.ts';
import { FrameParser } from '../../shared/framing.ts';
import { useApp } from '../app/context.tsx';
import { type EngineClient, query } from '../engine/engine-client.ts';
import { showToast } from '../ui/toasts.ts';
import { LogBuffer, type LogLine } from './log-buffer.ts';

const TAIL = 5000;

interface LogWish {
  readonly id: string;
  readonly state: string;
  readonly timestamps: boolean;
  /** Seconds back from now; 0 for all. */
  readonly period: number;
}

interface Reading {
  readonly engine: EngineClient;
  readonly id: string;
  readonly path: string;
  readonly buffer: LogBuffer;
  readonly signal: AbortSignal;
  readonly onLines: () => void;
}

async function read({ engine, id, path, buffer, signal, onLines }: Reading): Promise<void> {
  const { Config } = await engine.get<{ Config: { Tty: boolean } }>(`/containers/${id}/json`);
  const parser = new FrameParser();
  for await (const chunk of await engine.bytes(path, signal)) {
    if (Config.Tty) buffer.push('stdout', chunk);
    else
      for (const piece of parser.push(chunk))
        buffer.push(piece.source === 'stderr' ? 'stderr' : 'stdout', piece.bytes);
    onLines();
  }
}

export function useLog({ id, state, timestamps, period }: LogWish) {
  const { engine } = useApp();
  const buffer = useRef(new LogBuffer());
  const [shown, setShown] = useState<{ lines: readonly LogLine[]; dropped: number }>({
    lines: [],
    dropped: 0,
  });
  const isLive = state === 'running' || state === 'paused';
  useEffect(() => {
    const abort = new AbortController();
    const mine = new LogBuffer();
    buffer.current = mine;
    let frame = 0;
    const draw = (): void => {
      frame ||= requestAnimationFrame(() => {
        frame = 0;
        setShown({ lines: mine.lines(), dropped: mine.dropped });
      });
    };
    const options = {
      stdout: 1,
      stderr: 1,
      tail: TAIL,
      follow: isLive ? 1 : 0,
      timestamps: timestamps ? 1 : 0,
      since: period === 0 ? undefined : Math.floor(Date.now() / 1000) - period,
    };
    const path = `/containers/${id}/logs${query(options)}`;
    draw();
    read({ engine, id, path, buffer: mine, signal: abort.signal, onLines: draw }).catch(
      (error: unknown) => {
        if (!abort.signal.aborted) showToast('error', `Logs: ${errorMessage(error)}`);
      },
    );
    return () => {
      abort.abort();
      cancelAnimationFrame(frame);
    };
  }, [engine, id, isLive, timestamps, period]);
  const clear = (): void => {
    buffer.current.clear();
    setShown({ lines: [], dropped: 0 });
  };
  return { ...shown, clear };
}
