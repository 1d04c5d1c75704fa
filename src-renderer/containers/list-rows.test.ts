import { describe, expect, it } from 'vitest';
import { listRows } from './list-rows.ts';

const one = (Id: string, project?: string) => ({
  Id,
  Labels: project === undefined ? {} : { 'com.docker.compose.project': project },
});

describe('the rows of the list', () => {
  const containers = [one('a'), one('b', 'shop'), one('c'), one('d', 'shop')];
  const words = (closed: ReadonlySet<string>): string[] =>
    listRows(containers, closed).map((row) =>
      row.kind === 'project'
        ? `${row.project}:${row.containers.length}`
        : `${row.isInGroup ? '  ' : ''}${row.container.Id}`,
    );

  it('stand together by project, where the first of it stood', () => {
    expect(words(new Set())).toEqual(['a', 'shop:2', '  b', '  d', 'c']);
  });

  it('fold away with their project', () => {
    expect(words(new Set(['shop']))).toEqual(['a', 'shop:2', 'c']);
  });
});
