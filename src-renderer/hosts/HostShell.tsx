import { ArrowLeft, SquareTerminal } from 'lucide-react';
import { Link } from 'wouter';
import type { TerminalTarget } from '../../shared/shell/contract.ts';
import { TerminalArea } from '../terminal/TerminalArea.tsx';
import { hostTitle } from '../terminal/terminal-titles.ts';
import { useFirstTerminal } from '../terminal/use-first-terminal.ts';
import { tellFailure } from '../ui/toasts.ts';
import { useHosts } from './hosts-store.ts';

/** Shells of a host: its own, over SSH, and this machine's with DOCKER_HOST set to it. The first opens by itself. */
export function HostShell({ id }: { readonly id: string }) {
  const host = useHosts((state) => state.hosts).find((one) => one.id === id);
  const holds = (target: TerminalTarget): boolean => !('container' in target) && target.host === id;
  useFirstTerminal(holds, host && { kind: host.kind === 'ssh' ? 'there' : 'here', host: id });
  return (
    <>
      <header className="bar one-line">
        <Link href="/hosts" className="button icon" aria-label="Back to the hosts">
          <ArrowLeft size={18} aria-hidden />
        </Link>
        <h1>{host?.name}</h1>
      </header>
      <div className="pane">
        <TerminalArea holds={holds} titleOf={hostTitle} empty={<p>No terminal is open.</p>}>
          {(begin) => (
            <div className="inline" role="group" aria-label="Open a terminal">
              {host?.kind === 'ssh' && (
                <button
                  type="button"
                  onClick={() => tellFailure(begin({ kind: 'there', host: id }))}
                >
                  <SquareTerminal size={16} aria-hidden /> On the host
                </button>
              )}
              <button type="button" onClick={() => tellFailure(begin({ kind: 'here', host: id }))}>
                <SquareTerminal size={16} aria-hidden /> Here, docker set to it
              </button>
            </div>
          )}
        </TerminalArea>
      </div>
    </>
  );
}
