import { Columns2, Rows2, Search, X } from 'lucide-react';
import { Tabs } from 'radix-ui';
import { type ReactNode, useRef, useState } from 'react';
import type { TerminalRow, TerminalTarget } from '../../shared/shell/contract.ts';
import { useApp } from '../app/context.tsx';
import { tellFailure } from '../ui/toasts.ts';
import { TerminalPane } from './TerminalPane.tsx';
import { KEY_NAMES } from './terminal-keys.ts';
import { beginTerminal, endTerminal, type Place, useTerminals } from './terminals-store.ts';

interface TerminalAreaProps {
  /** Which terminals belong here. */
  readonly holds: (target: TerminalTarget) => boolean;
  readonly titleOf: (target: TerminalTarget) => string;
  /** Buttons that begin one; `begin` throws the refusal. */
  readonly children: (begin: (target: TerminalTarget) => Promise<void>) => ReactNode;
  /** Shown while there is none. */
  readonly empty: ReactNode;
}

/** Terminals in tabs and splits: the same piece on every page, with the terminals that belong there. */
export function TerminalArea({ holds, titleOf, children, empty }: TerminalAreaProps) {
  const { shell } = useApp();
  const rows = useTerminals((state) => state.rows);
  const layout = useTerminals((state) => state.layout);
  const [chosen, setChosen] = useState<string>();
  const [searched, setSearched] = useState<string>();
  const tabs = useRef<HTMLDivElement>(null);
  const here = new Map(
    (rows ?? []).filter(({ target }) => holds(target)).map((row) => [row.id, row]),
  );
  const shown = layout
    .map((tab) => ({ ...tab, rows: tab.ids.flatMap((id) => here.get(id) ?? []) }))
    .filter((tab) => tab.rows.length > 0);
  const current = shown.find((tab) => tab.ids.includes(chosen ?? '')) ?? shown.at(-1);
  const row = current?.rows.find(({ id }) => id === chosen) ?? current?.rows[0];
  const begin = async (target: TerminalTarget, place?: Place): Promise<void> => {
    setChosen(await beginTerminal(shell, target, place));
  };
  const split = (direction: Place['direction']): void => {
    if (row) tellFailure(begin(row.target, { at: row.id, direction }));
  };
  const number = numberer(titleOf);
  return (
    <Tabs.Root
      className="terminals"
      value={current?.key ?? ''}
      onValueChange={(key) => setChosen(shown.find((tab) => tab.key === key)?.rows[0]?.id)}
    >
      <div className="tools">
        {shown.length > 0 && (
          <Tabs.List aria-label="Terminals" ref={tabs}>
            {shown.map((tab) => (
              <Tabs.Trigger key={tab.key} value={tab.key}>
                {tab.rows.map(number).join(' | ')}
              </Tabs.Trigger>
            ))}
          </Tabs.List>
        )}
        {children(begin)}
        <div className="spacer" />
        {row && (
          <Tools
            onSearch={() => setSearched(row.id)}
            onSplit={split}
            onClose={() => tellFailure(endTerminal(shell, row.id))}
          />
        )}
      </div>
      {current && (
        <Tabs.Content
          value={current.key}
          className="terminal-panes"
          data-direction={current.direction}
          tabIndex={-1}
        >
          {current.rows.map((one) => (
            <TerminalPane
              key={one.id}
              row={one}
              title={titleOf(one.target)}
              isChosen={one.id === row?.id}
              isSearched={one.id === searched}
              onChoose={() => setChosen(one.id)}
              onAgain={() => begin(one.target, { at: one.id, direction: 'instead' })}
              onSearch={(isSearched) => setSearched(isSearched ? one.id : undefined)}
              onLeave={() =>
                tabs.current?.querySelector<HTMLElement>('[data-state="active"]')?.focus()
              }
            />
          ))}
        </Tabs.Content>
      )}
      {rows && !current && <div className="empty">{empty}</div>}
    </Tabs.Root>
  );
}

/** Titles that are told apart: the second shell is `Shell 2`. */
function numberer(titleOf: (target: TerminalTarget) => string): (row: TerminalRow) => string {
  const seen = new Map<string, number>();
  return ({ target }) => {
    const title = titleOf(target);
    const count = (seen.get(title) ?? 0) + 1;
    seen.set(title, count);
    return count === 1 ? title : `${title} ${count}`;
  };
}

interface ToolsProps {
  readonly onSearch: () => void;
  readonly onSplit: (direction: 'row' | 'column') => void;
  readonly onClose: () => void;
}

function Tools({ onSearch, onSplit, onClose }: ToolsProps) {
  const buttons = [
    [`Search (${KEY_NAMES.find})`, Search, onSearch],
    ['Split: another beside it', Columns2, () => onSplit('row')],
    ['Split: another below it', Rows2, () => onSplit('column')],
    ['Close this terminal', X, onClose],
  ] as const;
  return (
    <div className="inline" role="toolbar" aria-label="This terminal">
      <span className="muted keys">
        copy <kbd>{KEY_NAMES.copy}</kbd> paste <kbd>{KEY_NAMES.paste}</kbd> leave <kbd>F6</kbd>
      </span>
      {buttons.map(([label, Icon, onClick]) => (
        <button
          key={label}
          type="button"
          className="icon"
          aria-label={label}
          title={label}
          onClick={onClick}
        >
          <Icon size={16} aria-hidden />
        </button>
      ))}
    </div>
  );
}
