import { describe, expect, it } from 'vitest';
import { reconcile, replaceAt, splitAt } from './terminal-layout.ts';

const tab = (key: string, ids: string[] = [key], direction: 'row' | 'column' = 'row') => ({
  key,
  ids,
  direction,
});

describe('the places of terminals', () => {
  it('gives each new terminal a tab and forgets those that are gone', () => {
    expect(reconcile([tab('a', ['a', 'b']), tab('c')], ['b', 'd'])).toEqual([
      tab('a', ['b']),
      tab('d'),
    ]);
  });

  it('puts a terminal beside another, whether its tab was there first or not', () => {
    const split = { id: 'x', direction: 'column' } as const;
    const expected = [tab('a', ['a', 'x', 'b'], 'column')];
    expect(splitAt([tab('a', ['a', 'b'])], 'a', split)).toEqual(expected);
    expect(splitAt([tab('a', ['a', 'b']), tab('x')], 'a', split)).toEqual(expected);
  });

  it('puts a terminal in the place of one that is over', () => {
    expect(replaceAt([tab('a', ['a', 'b']), tab('x')], 'b', 'x')).toEqual([tab('a', ['a', 'x'])]);
  });
});
