/** Lines of a table: each row, those of a group together below its head. */

export type Line<T> =
  | { readonly kind: 'row'; readonly row: T; readonly isInGroup: boolean }
  | {
      readonly kind: 'group';
      readonly group: string;
      readonly rows: readonly T[];
      readonly isOpen: boolean;
    };

/** A group stands where its first row stood; `groupOf` is undefined for a row of its own. */
export function groupedRows<T>(
  rows: readonly T[],
  groupOf: (row: T) => string | undefined,
  closed: ReadonlySet<string>,
): readonly Line<T>[] {
  const groups = new Map<string, T[]>();
  const order: ({ readonly group: string } | { readonly row: T })[] = [];
  for (const row of rows) {
    const group = groupOf(row);
    const members = group === undefined ? undefined : groups.get(group);
    if (group === undefined) order.push({ row });
    else if (members) members.push(row);
    else {
      groups.set(group, [row]);
      order.push({ group });
    }
  }
  return order.flatMap((one): Line<T>[] => {
    if ('row' in one) return [{ kind: 'row', row: one.row, isInGroup: false }];
    const members = groups.get(one.group) ?? [];
    const isOpen = !closed.has(one.group);
    const head: Line<T> = { kind: 'group', group: one.group, rows: members, isOpen };
    if (!isOpen) return [head];
    return [head, ...members.map((row): Line<T> => ({ kind: 'row', row, isInGroup: true }))];
  });
}
