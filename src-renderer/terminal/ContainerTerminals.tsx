import { Settings2, SquareTerminal } from 'lucide-react';
import { useState } from 'react';
import type { ContainerSummary } from '../../shared/engine/engine-api.ts';
import type { TerminalTarget } from '../../shared/shell/contract.ts';
import { useApp } from '../app/context.tsx';
import { act } from '../containers/container-actions.ts';
import { tellFailure } from '../ui/toasts.ts';
import { ExecDialog } from './ExecDialog.tsx';
import { TerminalArea } from './TerminalArea.tsx';
import { containerTitle } from './terminal-titles.ts';
import { useFirstTerminal } from './use-first-terminal.ts';

/** The terminals of one container; the first shell opens by itself. */
export function ContainerTerminals({ container }: { readonly container: ContainerSummary }) {
  const { engine } = useApp();
  const [asks, setAsks] = useState(false);
  const id = container.Id ?? '';
  const isRunning = container.State === 'running';
  const here = { host: engine.host, container: id } as const;
  const holds = (target: TerminalTarget): boolean =>
    'container' in target && target.host === here.host && target.container === id;
  useFirstTerminal(holds, isRunning ? { kind: 'exec', ...here } : undefined);
  const wake = container.State === 'paused' ? 'unpause' : 'start';
  return (
    <div className="pane">
      <TerminalArea
        holds={holds}
        titleOf={containerTitle}
        empty={
          isRunning ? (
            <p>No terminal is open.</p>
          ) : (
            <>
              <h2>The container is not running</h2>
              <p>A terminal needs a running container.</p>
              <button
                type="button"
                className="primary"
                onClick={() => void act(engine, wake, [container])}
              >
                {wake === 'start' ? 'Start it' : 'Unpause it'}
              </button>
            </>
          )
        }
      >
        {(begin) =>
          isRunning && (
            <div className="inline" role="group" aria-label="Open a terminal">
              <button type="button" onClick={() => tellFailure(begin({ kind: 'exec', ...here }))}>
                <SquareTerminal size={16} aria-hidden /> New shell
              </button>
              <button
                type="button"
                className="icon"
                aria-label="New, with user, directory or command"
                title="New, with user, directory or command"
                onClick={() => setAsks(true)}
              >
                <Settings2 size={16} aria-hidden />
              </button>
              <button type="button" onClick={() => tellFailure(begin({ kind: 'attach', ...here }))}>
                Main process
              </button>
              {asks && (
                <ExecDialog
                  onOpen={(choice) => begin({ kind: 'exec', ...here, ...choice })}
                  onClose={() => setAsks(false)}
                />
              )}
            </div>
          )
        }
      </TerminalArea>
    </div>
  );
}
