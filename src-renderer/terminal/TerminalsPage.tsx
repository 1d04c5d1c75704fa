import { SquareTerminal } from 'lucide-react';
import type { TerminalTarget } from '../../shared/shell/contract.ts';
import { useApp, useLive } from '../app/context.tsx';
import { nameOf } from '../containers/container-actions.ts';
import { useHosts } from '../hosts/hosts-store.ts';
import { tellFailure } from '../ui/toasts.ts';
import { TerminalArea } from './TerminalArea.tsx';
import { containerTitle, hostTitle } from './terminal-titles.ts';

const all = (): boolean => true;

/** Every terminal there is, whatever page it was opened on. */
export function TerminalsPage() {
  const { engine } = useApp();
  const containers = useLive((state) => state.containers);
  const hosts = useHosts((state) => state.hosts);
  const running = (containers ?? []).filter(({ State }) => State === 'running');
  const titleOf = (target: TerminalTarget): string => {
    const host = hosts.find(({ id }) => id === target.host)?.name ?? target.host;
    if (!('container' in target)) return `${host}: ${hostTitle(target)}`;
    const container = containers?.find(({ Id }) => Id === target.container);
    const name = container ? nameOf(container) : target.container.slice(0, 12);
    const title = containerTitle(target);
    return target.host === engine.host ? `${name}: ${title}` : `${host}, ${name}: ${title}`;
  };
  return (
    <>
      <header className="bar">
        <h1>Terminals</h1>
        <span className="muted">they go on when you leave the page or close the window</span>
      </header>
      <div className="pane">
        <TerminalArea
          holds={all}
          titleOf={titleOf}
          empty={
            <>
              <h2>No terminal is open</h2>
              <p>Open one here, in a container or on a host.</p>
            </>
          }
        >
          {(begin) => (
            <div className="inline" role="group" aria-label="Open a terminal">
              <button
                type="button"
                onClick={() => tellFailure(begin({ kind: 'here', host: engine.host }))}
              >
                <SquareTerminal size={16} aria-hidden /> This machine
              </button>
              {running.length > 0 && (
                <select
                  aria-label="Open a shell in a container"
                  value=""
                  onChange={({ target }) =>
                    tellFailure(begin({ kind: 'exec', host: engine.host, container: target.value }))
                  }
                >
                  <option value="" disabled>
                    In a container…
                  </option>
                  {running.map((container) => (
                    <option key={container.Id} value={container.Id}>
                      {nameOf(container)}
                    </option>
                  ))}
                </select>
              )}
            </div>
          )}
        </TerminalArea>
      </div>
    </>
  );
}
