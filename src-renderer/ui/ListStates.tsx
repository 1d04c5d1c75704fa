/** What a list shows when it has no rows: still loading, nothing there, nothing found, or why it cannot be had. */
import type { ReactNode } from 'react';

interface ListStatesProps {
  /** undefined while loading. */
  readonly rows: readonly unknown[] | undefined;
  /** How many there are without the filter. */
  readonly total: number;
  readonly problem?: string | undefined;
  readonly empty: ReactNode;
  readonly children: ReactNode;
}

export function ListStates({ rows, total, problem, empty, children }: ListStatesProps) {
  if (rows === undefined)
    return problem === undefined ? (
      <div className="skeleton" role="status" aria-label="Loading" />
    ) : (
      <p className="empty" role="alert">
        {problem}
      </p>
    );
  if (total === 0) return <div className="empty">{empty}</div>;
  if (rows.length === 0) return <p className="empty">Nothing matches the search.</p>;
  return children;
}
