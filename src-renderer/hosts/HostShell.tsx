import { ArrowLeft } from 'lucide-react';
import { useEffect, useRef, useState } from 'react';
import { Link } from 'wouter';
import { useApp } from '../app/context.tsx';
import { dropShell, openShell, type ShellPlace } from '../terminal/shell-sessions.ts';
import { useHosts } from './hosts-store.ts';

/** A shell on a host, or on this machine with DOCKER_HOST set to it; it goes on when the page is left. */
export function HostShell({ id }: { readonly id: string }) {
  const { shell, settings } = useApp();
  const host = useHosts((state) => state.hosts).find((one) => one.id === id);
  const [chosen, setChosen] = useState<ShellPlace>();
  const [round, setRound] = useState(0);
  const [isEnded, setIsEnded] = useState(false);
  const place = useRef<HTMLDivElement>(null);
  const where = chosen ?? (host?.kind === 'ssh' ? 'there' : 'here');
  useEffect(() => {
    if (!place.current) return undefined;
    const session = openShell(shell, id, where);
    session.terminal.options.fontSize = settings.terminalFontSize;
    setIsEnded(session.isEnded);
    const unsubscribe = session.onChange(() => setIsEnded(session.isEnded));
    const hide = session.show(place.current);
    return () => {
      unsubscribe();
      hide();
    };
  }, [shell, id, where, round, settings.terminalFontSize]);
  return (
    <>
      <header className="bar one-line">
        <Link href="/hosts" className="button icon" aria-label="Back to the hosts">
          <ArrowLeft size={18} aria-hidden />
        </Link>
        <h1>{host?.name}</h1>
        {host?.kind === 'ssh' && (
          <div className="segments" role="group" aria-label="Where the shell runs">
            <button
              type="button"
              aria-pressed={where === 'there'}
              onClick={() => setChosen('there')}
            >
              On the host
            </button>
            <button type="button" aria-pressed={where === 'here'} onClick={() => setChosen('here')}>
              Here, docker set to it
            </button>
          </div>
        )}
        <div className="spacer" />
        {isEnded && (
          <button
            type="button"
            onClick={() => {
              dropShell(id, where);
              setRound(round + 1);
            }}
          >
            Open again
          </button>
        )}
      </header>
      <div className="pane">
        <div className="terminal-place" ref={place} />
      </div>
    </>
  );
}
