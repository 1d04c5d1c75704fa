import { useEffect, useRef, useState } from 'react';
import type { ContainerSummary } from '../../shared/engine/engine-api.ts';
import { useApp } from '../app/context.tsx';
import { act } from '../containers/container-actions.ts';
import { dropSession, openSession, type SessionKind } from './terminal-sessions.ts';

export function TerminalTab({ container }: { readonly container: ContainerSummary }) {
  const { engine, settings } = useApp();
  const [kind, setKind] = useState<SessionKind>('exec');
  const [round, setRound] = useState(0);
  const place = useRef<HTMLDivElement>(null);
  const [isEnded, setIsEnded] = useState(false);
  const id = container.Id ?? '';
  const isRunning = container.State === 'running';

  useEffect(() => {
    if (!isRunning || !place.current) return undefined;
    const session = openSession(engine, id, kind);
    session.terminal.options.fontSize = settings.terminalFontSize;
    setIsEnded(session.isEnded);
    const unsubscribe = session.onChange(() => setIsEnded(session.isEnded));
    const hide = session.show(place.current);
    return () => {
      unsubscribe();
      hide();
    };
  }, [engine, id, kind, isRunning, round, settings.terminalFontSize]);

  const again = (): void => {
    dropSession(engine, id, kind);
    setRound(round + 1);
  };
  return (
    <div className="pane">
      <div className="tools">
        <div className="segments" role="group" aria-label="Terminal">
          <button type="button" aria-pressed={kind === 'exec'} onClick={() => setKind('exec')}>
            New shell
          </button>
          <button type="button" aria-pressed={kind === 'attach'} onClick={() => setKind('attach')}>
            Main process
          </button>
        </div>
        <div className="spacer" />
        {isEnded && isRunning && (
          <button type="button" onClick={again}>
            Open again
          </button>
        )}
      </div>
      {isRunning ? (
        <div className="terminal-place" ref={place} />
      ) : (
        <div className="empty">
          <h2>The container is not running</h2>
          <p>A terminal needs a running container.</p>
          <button
            type="button"
            className="primary"
            onClick={() => {
              dropSession(engine, id, kind);
              void act(engine, container.State === 'paused' ? 'unpause' : 'start', [container]);
            }}
          >
            {container.State === 'paused' ? 'Unpause' : 'Start'} it
          </button>
        </div>
      )}
    </div>
  );
}
