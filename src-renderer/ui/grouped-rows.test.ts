import { describe, expect, it } from 'vitest';
import { groupedRows } from './grouped-rows.ts';

describe('the lines of a table', () => {
  const rows = ['a', 'b:shop', 'c', 'd:shop'];
  const words = (closed: ReadonlySet<string>): string[] =>
    groupedRows(rows, (row) => row.split(':')[1], closed).map((line) =>
      line.kind === 'group'
        ? `${line.group}:${line.rows.length}`
        : `${line.isInGroup ? '  ' : ''}${line.row}`,
    );

  it('stand together by group, where the first of it stood', () => {
    expect(words(new Set())).toEqual(['a', 'shop:2', '  b:shop', '  d:shop', 'c']);
  });

  it('fold away with their group', () => {
    expect(words(new Set(['shop']))).toEqual(['a', 'shop:2', 'c']);
  });
});
