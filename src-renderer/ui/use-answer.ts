/** An answer of the engine for a page: asked for when the page opens and whenever what it depends on changes. */
import { useCallback, useEffect, useState } from 'react';
import { errorMessage } from '../../shared/errors.ts';
import { useApp } from '../app/context.tsx';
import type { EngineClient } from '../engine/engine-client.ts';

export interface Answer<T> {
  /** The last one that came; undefined before the first. */
  readonly data: T | undefined;
  readonly problem: string | undefined;
  readonly reload: () => void;
}

/** `ask` must be stable (useCallback); `changes` are what makes an earlier answer stale. */
export function useAnswer<T>(
  ask: (engine: EngineClient) => Promise<T>,
  changes?: unknown,
): Answer<T> {
  const { engine } = useApp();
  const [data, setData] = useState<T>();
  const [problem, setProblem] = useState<string>();
  const [round, setRound] = useState(0);
  useEffect(() => {
    let isCurrent = true;
    ask(engine).then(
      (answer) => {
        if (!isCurrent) return;
        setData(answer);
        setProblem(undefined);
      },
      (error: unknown) => isCurrent && setProblem(errorMessage(error)),
    );
    return () => {
      isCurrent = false;
    };
  }, [ask, engine, round, changes]);
  const reload = useCallback(() => setRound((before) => before + 1), []);
  return { data, problem, reload };
}
