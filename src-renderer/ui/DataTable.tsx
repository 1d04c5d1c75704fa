/** A table of any length: rows drawn as they come into view, sorted by its headings, walked by the keyboard. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ArrowUp, ChevronDown, ChevronRight } from 'lucide-react';
import { type KeyboardEvent, type ReactNode, useMemo, useRef, useState } from 'react';
import { groupedRows, type Line } from './grouped-rows.ts';

/** One line of text; a table whose cells have two asks for more. */
const ROW_HEIGHT = 44;
const NO_GROUPS = (): undefined => undefined;

export interface Column<T> {
  readonly key: string;
  readonly label: string;
  /** A track of CSS grid, e.g. `minmax(160px, 2fr)`. */
  readonly width: string;
  readonly render: (row: T) => ReactNode;
  /** What to sort by; a column without it cannot be sorted. */
  readonly sortBy?: (row: T) => string | number;
  /** A heading for screen readers only. */
  readonly isLabelHidden?: boolean;
  readonly isNumber?: boolean;
}

/** Rows that stand together below a head of their own, and fold away. */
export interface Grouping<T> {
  /** Undefined for a row of its own. */
  readonly groupOf: (row: T) => string | undefined;
  readonly nameOf: (group: string) => string;
  /** What the head shows beside the button that folds it. */
  readonly render: (group: string, rows: readonly T[]) => ReactNode;
}

interface DataTableProps<T> {
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  /** What a screen reader says of a row. */
  readonly nameOf: (row: T) => string;
  readonly onOpen?: ((row: T) => void) | undefined;
  readonly onRemove?: ((row: T) => void) | undefined;
  /** The space bar. */
  readonly onToggle?: ((row: T) => void) | undefined;
  readonly isBusy?: ((row: T) => boolean) | undefined;
  readonly grouping?: Grouping<T> | undefined;
  readonly rowHeight?: number;
}

interface Order {
  readonly key: string;
  readonly isDown: boolean;
}

function sorted<T>(rows: readonly T[], columns: readonly Column<T>[], order: Order | undefined) {
  const sortBy = columns.find(({ key }) => key === order?.key)?.sortBy;
  if (!order || !sortBy) return rows;
  const direction = order.isDown ? -1 : 1;
  return rows.toSorted((a, b) => {
    const [left, right] = [sortBy(a), sortBy(b)];
    const compared =
      typeof left === 'string' ? left.localeCompare(String(right)) : left - Number(right);
    return compared * direction;
  });
}

export function DataTable<T>(props: DataTableProps<T>) {
  const { label, columns, rows, keyOf, grouping, rowHeight = ROW_HEIGHT } = props;
  const [closed, setClosed] = useState<ReadonlySet<string>>(new Set());
  const [order, setOrder] = useState<Order>();
  const groupOf = grouping?.groupOf ?? NO_GROUPS;
  const shown = useMemo(
    () => groupedRows(sorted(rows, columns, order), groupOf, closed),
    [rows, columns, order, groupOf, closed],
  );
  const fold = (group: string): void => {
    const next = new Set(closed);
    if (!next.delete(group)) next.add(group);
    setClosed(next);
  };
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => rowHeight,
    getItemKey: (index) => {
      const line = shown[index];
      if (!line) return index;
      return line.kind === 'row' ? keyOf(line.row) : `group ${line.group}`;
    },
    overscan: 12,
  });
  const grid = { gridTemplateColumns: columns.map(({ width }) => width).join(' ') };
  return (
    <div className="table-scroll" ref={scroller}>
      <div className="table" role="table" aria-label={label} aria-rowcount={shown.length + 1}>
        <div className="row head" role="row" style={grid}>
          {columns.map((column) => (
            <Heading
              key={column.key}
              column={column}
              order={order}
              onSort={() =>
                setOrder({
                  key: column.key,
                  isDown: order?.key === column.key ? !order.isDown : false,
                })
              }
            />
          ))}
        </div>
        <div role="rowgroup" style={{ height: virtual.getTotalSize(), position: 'relative' }}>
          {virtual.getVirtualItems().map((item) => {
            const line = shown[item.index];
            const place = { position: 'absolute', top: item.start, left: 0, right: 0 } as const;
            if (line?.kind === 'row')
              return (
                <Row
                  key={item.key}
                  {...props}
                  row={line.row}
                  isInGroup={line.isInGroup}
                  index={item.index}
                  style={{ ...grid, ...place, height: rowHeight }}
                />
              );
            return !line || !grouping ? null : (
              <GroupHead
                key={item.key}
                {...{ line, grouping }}
                index={item.index}
                style={{ ...place, height: rowHeight }}
                onFold={() => fold(line.group)}
              />
            );
          })}
        </div>
      </div>
    </div>
  );
}

interface HeadingProps<T> {
  readonly column: Column<T>;
  readonly order: Order | undefined;
  readonly onSort: () => void;
}

function Heading<T>({ column, order, onSort }: HeadingProps<T>) {
  const { key, label, sortBy, isLabelHidden = false, isNumber = false } = column;
  const text = isLabelHidden ? <span className="sr-only">{label}</span> : label;
  const isSorted = order?.key === key;
  const Arrow = order?.isDown ? ArrowDown : ArrowUp;
  return (
    <span
      role="columnheader"
      className={isNumber ? 'number' : undefined}
      aria-sort={isSorted ? (order.isDown ? 'descending' : 'ascending') : undefined}
    >
      {sortBy ? (
        <button type="button" className="heading" onClick={onSort}>
          {text} {isSorted && <Arrow size={13} aria-hidden />}
        </button>
      ) : (
        text
      )}
    </span>
  );
}

interface GroupHeadProps<T> {
  readonly line: Extract<Line<T>, { kind: 'group' }>;
  readonly grouping: Grouping<T>;
  readonly index: number;
  readonly style: React.CSSProperties;
  readonly onFold: () => void;
}

function GroupHead<T>({ line, grouping, index, style, onFold }: GroupHeadProps<T>) {
  const { group, rows, isOpen } = line;
  const Arrow = isOpen ? ChevronDown : ChevronRight;
  return (
    <div
      role="row"
      aria-rowindex={index + 2}
      aria-label={grouping.nameOf(group)}
      className="row body group"
      style={style}
    >
      <span role="cell">
        <button type="button" className="heading" aria-expanded={isOpen} onClick={onFold}>
          <Arrow size={15} aria-hidden /> <b>{group}</b>
        </button>
      </span>
      {grouping.render(group, rows)}
    </div>
  );
}

interface RowProps<T> extends DataTableProps<T> {
  readonly row: T;
  readonly isInGroup: boolean;
  readonly index: number;
  readonly style: React.CSSProperties;
}

function Row<T>(props: RowProps<T>) {
  const { row, isInGroup, index, columns, nameOf, onOpen, onRemove, onToggle, style } = props;
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>): void => {
    if (event.target !== event.currentTarget) return;
    const sibling = event.key === 'ArrowDown' ? 'nextElementSibling' : 'previousElementSibling';
    switch (event.key) {
      case 'Enter':
        return onOpen?.(row);
      case 'Delete':
        return onRemove?.(row);
      case ' ':
        if (!onToggle) return;
        event.preventDefault();
        return onToggle(row);
      case 'ArrowDown':
      case 'ArrowUp':
        event.preventDefault();
        (event.currentTarget[sibling] as HTMLElement | null)?.focus();
    }
  };
  return (
    <div
      role="row"
      tabIndex={0}
      aria-rowindex={index + 2}
      aria-label={nameOf(row)}
      className={`row body${onOpen ? '' : ' still'}${isInGroup ? ' in-group' : ''}${props.isBusy?.(row) ? ' busy' : ''}`}
      style={style}
      onClick={() => onOpen?.(row)}
      onKeyDown={onKeyDown}
    >
      {columns.map(({ key, render, isNumber = false }) => (
        <span key={key} role="cell" className={isNumber ? 'number' : 'clip'}>
          {render(row)}
        </span>
      ))}
    </div>
  );
}
