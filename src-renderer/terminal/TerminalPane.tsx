import { useEffect, useRef, useState } from 'react';
import type { TerminalRow } from '../../shared/shell/contract.ts';
import { useApp, useLive } from '../app/context.tsx';
import { act } from '../containers/container-actions.ts';
import { tellFailure } from '../ui/toasts.ts';
import { TerminalSearch } from './TerminalSearch.tsx';
import type { TerminalView } from './terminal-view.ts';
import { endTerminal, viewOf } from './terminals-store.ts';

interface TerminalPaneProps {
  readonly row: TerminalRow;
  readonly title: string;
  readonly isChosen: boolean;
  readonly isSearched: boolean;
  readonly onChoose: () => void;
  readonly onSearch: (isSearched: boolean) => void;
  readonly onLeave: () => void;
  /** Begins another in its place; throws the refusal. */
  readonly onAgain: () => Promise<void>;
}

/** One terminal, with what there is to say about it: that it is over, or shown elsewhere. */
export function TerminalPane(props: TerminalPaneProps) {
  const { row, title, isChosen, isSearched, onChoose, onSearch, onLeave, onAgain } = props;
  const { shell } = useApp();
  const place = useRef<HTMLDivElement>(null);
  const [view, setView] = useState<TerminalView>();
  const [isHeld, setIsHeld] = useState(true);
  const keys = useRef({ onSearch, onLeave });
  keys.current = { onSearch, onLeave };
  useEffect(() => {
    if (!place.current) return undefined;
    const shown = viewOf(shell, row.id);
    shown.onRelease = () => setIsHeld(false);
    shown.onKey = (key) => (key === 'find' ? keys.current.onSearch(true) : keys.current.onLeave());
    setIsHeld(shown.isHeld);
    setView(shown);
    return shown.show(place.current);
  }, [shell, row.id]);
  useEffect(() => {
    if (isChosen && !isSearched) view?.focus();
  }, [view, isChosen, isSearched]);
  const takeBack = (): void => {
    view?.connect();
    setIsHeld(true);
    view?.focus();
  };
  return (
    <section
      className={`terminal-pane${isChosen ? ' chosen' : ''}`}
      aria-label={title}
      onFocus={onChoose}
    >
      {isSearched && view && <TerminalSearch view={view} onClose={() => onSearch(false)} />}
      <div className="terminal-place" ref={place} />
      {row.ending !== undefined && <Ending row={row} onAgain={onAgain} />}
      {row.ending === undefined && !isHeld && (
        <div className="terminal-note" role="status">
          <span>{view?.problem ?? 'Another window shows this terminal.'}</span>
          <button type="button" onClick={takeBack}>
            Show it here
          </button>
        </div>
      )}
    </section>
  );
}

/** How a terminal ended, and the way to have it again. */
function Ending({ row, onAgain }: Pick<TerminalPaneProps, 'row' | 'onAgain'>) {
  const { shell, engine } = useApp();
  const { target } = row;
  const containerId =
    'container' in target && target.host === engine.host ? target.container : undefined;
  const containers = useLive((state) => state.containers);
  const container = containers?.find(({ Id }) => Id === containerId);
  const isGone = containerId !== undefined && containers !== undefined && !container;
  const needs =
    !container || container.State === 'running'
      ? undefined
      : container.State === 'paused'
        ? 'unpause'
        : 'start';
  const again = async (): Promise<void> => {
    if (needs && container) await act(engine, needs, [container]);
    await onAgain();
  };
  const word = isGone
    ? 'The container is gone.'
    : needs
      ? `The container is not running: ${container?.Status ?? ''}.`
      : `This terminal is over: ${row.ending}.`;
  return (
    <div className="terminal-note" role="status">
      <span>{word}</span>
      {!isGone && (
        <button type="button" className="primary" onClick={() => tellFailure(again())}>
          {needs === 'start' ? 'Start it again' : needs ? 'Unpause it' : 'Open again'}
        </button>
      )}
      <button type="button" onClick={() => tellFailure(endTerminal(shell, row.id))}>
        Close
      </button>
    </div>
  );
}
