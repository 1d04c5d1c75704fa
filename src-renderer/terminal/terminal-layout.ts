/** How terminals stand in tabs: a tab has one, or several beside or below each other. */

export interface TerminalTab {
  readonly key: string;
  readonly ids: readonly string[];
  readonly direction: 'row' | 'column';
}

export type TerminalLayout = readonly TerminalTab[];

const tabOf = (id: string): TerminalTab => ({ key: id, ids: [id], direction: 'row' });

/** Without the terminals that are gone, with a tab for each that has none. */
export function reconcile(layout: TerminalLayout, ids: readonly string[]): TerminalLayout {
  const kept = layout
    .map((tab) => ({ ...tab, ids: tab.ids.filter((id) => ids.includes(id)) }))
    .filter((tab) => tab.ids.length > 0);
  const placed = new Set(kept.flatMap((tab) => tab.ids));
  return [...kept, ...ids.filter((id) => !placed.has(id)).map(tabOf)];
}

/** Puts a new terminal after one that stands already. */
export function splitAt(
  layout: TerminalLayout,
  at: string,
  placed: { readonly id: string; readonly direction: TerminalTab['direction'] },
): TerminalLayout {
  return layout
    .filter((tab) => tab.key !== placed.id)
    .map((tab) =>
      tab.ids.includes(at)
        ? {
            ...tab,
            direction: placed.direction,
            ids: tab.ids.flatMap((id) => (id === at ? [id, placed.id] : [id])),
          }
        : tab,
    );
}

/** Puts a new terminal in the place of one that is over. */
export const replaceAt = (layout: TerminalLayout, old: string, id: string): TerminalLayout =>
  layout
    .filter((tab) => tab.key !== id)
    .map((tab) => ({ ...tab, ids: tab.ids.map((one) => (one === old ? id : one)) }));
