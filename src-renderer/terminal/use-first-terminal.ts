/** Opens the first terminal of a page by itself. */
import { useEffect, useRef } from 'react';
import type { TerminalTarget } from '../../shared/shell/contract.ts';
import { useApp } from '../app/context.tsx';
import { tellFailure } from '../ui/toasts.ts';
import { beginTerminal, useTerminals } from './terminals-store.ts';

/** Once a visit, when no terminal is held here yet: what a person closes stays closed. No target: not now. */
export function useFirstTerminal(
  holds: (target: TerminalTarget) => boolean,
  target: TerminalTarget | undefined,
): void {
  const { shell } = useApp();
  const isNeeded = useTerminals(
    ({ rows }) =>
      target !== undefined && rows !== undefined && !rows.some((row) => holds(row.target)),
  );
  const hasOpened = useRef(false);
  const first = useRef(target);
  first.current = target;
  useEffect(() => {
    if (!isNeeded || hasOpened.current || !first.current) return;
    hasOpened.current = true;
    tellFailure(beginTerminal(shell, first.current));
  }, [shell, isNeeded]);
}
