/** A table of any length: rows drawn as they come into view, sorted by its headings, walked by the keyboard. */
import { useVirtualizer } from '@tanstack/react-virtual';
import { ArrowDown, ArrowUp } from 'lucide-react';
import { type KeyboardEvent, type ReactNode, useMemo, useRef, useState } from 'react';

const ROW_HEIGHT = 44;

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

interface DataTableProps<T> {
  readonly label: string;
  readonly columns: readonly Column<T>[];
  readonly rows: readonly T[];
  readonly keyOf: (row: T) => string;
  /** What a screen reader says of a row. */
  readonly nameOf: (row: T) => string;
  readonly onOpen?: ((row: T) => void) | undefined;
  readonly onRemove?: ((row: T) => void) | undefined;
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
  const { label, columns, rows, keyOf } = props;
  const [order, setOrder] = useState<Order>();
  const shown = useMemo(() => sorted(rows, columns, order), [rows, columns, order]);
  const scroller = useRef<HTMLDivElement>(null);
  const virtual = useVirtualizer({
    count: shown.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => ROW_HEIGHT,
    getItemKey: (index) => {
      const row = shown[index];
      return row === undefined ? index : keyOf(row);
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
            const row = shown[item.index];
            return row === undefined ? null : (
              <Row
                key={item.key}
                {...props}
                row={row}
                index={item.index}
                style={{ ...grid, position: 'absolute', top: item.start, left: 0, right: 0 }}
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

interface RowProps<T> extends DataTableProps<T> {
  readonly row: T;
  readonly index: number;
  readonly style: React.CSSProperties;
}

function Row<T>({ row, index, columns, nameOf, onOpen, onRemove, style }: RowProps<T>) {
  const onKeyDown = (event: KeyboardEvent<HTMLDivElement>): void => {
    if (event.target !== event.currentTarget) return;
    const sibling = event.key === 'ArrowDown' ? 'nextElementSibling' : 'previousElementSibling';
    switch (event.key) {
      case 'Enter':
        return onOpen?.(row);
      case 'Delete':
        return onRemove?.(row);
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
      className={`row body${onOpen ? '' : ' still'}`}
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
