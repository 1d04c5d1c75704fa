/** The terminals this window can show, where they stand, and their views: all of it outside the pages. */
import { useStore } from 'zustand';
import { createStore } from 'zustand/vanilla';
import type { ShellClient, TerminalRow, TerminalTarget } from '../../shared/shell/contract.ts';
import {
  reconcile,
  replaceAt,
  splitAt,
  type TerminalLayout,
  type TerminalTab,
} from './terminal-layout.ts';
import type { TerminalLook } from './terminal-look.ts';
import { TerminalView } from './terminal-view.ts';

interface TerminalsState {
  /** undefined until first told. */
  readonly rows: readonly TerminalRow[] | undefined;
  readonly layout: TerminalLayout;
}

/** Where tabs and splits are remembered when the window is loaded again. */
const LAYOUT_KEY = 'windlass.terminals';
/** Before it stands in a page nobody knows its size. */
const FIRST_SIZE = { columns: 80, rows: 24 };
const RETRY_MS = 1_000;

function storedLayout(): TerminalLayout {
  try {
    return JSON.parse(localStorage.getItem(LAYOUT_KEY) ?? '[]') as TerminalLayout;
  } catch {
    return [];
  }
}

const store = createStore<TerminalsState>(() => ({ rows: undefined, layout: storedLayout() }));
const views = new Map<string, TerminalView>();
let look: TerminalLook = {};

export const useTerminals = <T>(select: (state: TerminalsState) => T): T => useStore(store, select);

function setLayout(layout: TerminalLayout): void {
  localStorage.setItem(LAYOUT_KEY, JSON.stringify(layout));
  store.setState({ layout });
}

function setRows(rows: readonly TerminalRow[]): void {
  const ids = rows.map(({ id }) => id);
  store.setState({ rows });
  setLayout(reconcile(store.getState().layout, ids));
  for (const [id, view] of views)
    if (!ids.includes(id)) {
      view.dispose();
      views.delete(id);
    }
}

/** Follows the shell's list until the signal. */
export async function followTerminals(shell: ShellClient, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      for await (const rows of shell.stream('terminals.watch', {}, signal)) setRows(rows);
    } catch {
      // The shell is gone; the window says so.
    }
    await new Promise((resolve) => setTimeout(resolve, RETRY_MS));
  }
}

/** The look of every terminal, those to come included. */
export function setTerminalLook(next: TerminalLook): void {
  look = next;
  for (const view of views.values()) view.look = next;
}

/** The view of a terminal, made when there is none. */
export function viewOf(shell: ShellClient, id: string): TerminalView {
  const view = views.get(id) ?? new TerminalView(shell, id, look);
  views.set(id, view);
  return view;
}

export interface Place {
  /** The terminal it stands beside, or instead of. */
  readonly at: string;
  readonly direction: TerminalTab['direction'] | 'instead';
}

/** Begins a terminal, in a tab of its own or where `place` says. Throws the refusal. */
export async function beginTerminal(
  shell: ShellClient,
  target: TerminalTarget,
  place?: Place,
): Promise<string> {
  const { id } = await shell.call('terminals.begin', { target, ...FIRST_SIZE });
  // The list may tell of it later: whoever asked sees it now.
  const { rows = [] } = store.getState();
  if (!rows.some((row) => row.id === id)) setRows([...rows, { id, target }]);
  const { layout } = store.getState();
  if (place?.direction === 'instead') {
    setLayout(replaceAt(layout, place.at, id));
    await endTerminal(shell, place.at);
  } else if (place) setLayout(splitAt(layout, place.at, { id, direction: place.direction }));
  return id;
}

/** Hangs up; its place goes with it. */
export async function endTerminal(shell: ShellClient, id: string): Promise<void> {
  await shell.call('terminals.end', { id });
}
