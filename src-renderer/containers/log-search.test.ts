import { describe, expect, it } from 'vitest';
import { ansiSpans } from './ansi.ts';
import { KEPT_LINES, LogBuffer, mergedLines } from './log-buffer.ts';
import { cutAtMatches, linesOf, matcherOf, matchesIn } from './log-search.ts';

const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);
const red = '\u001b[31m';
const reset = '\u001b[0m';

describe('a log', () => {
  it('joins pieces of a line, also in the middle of a character, and keeps streams apart', () => {
    const buffer = new LogBuffer();
    const wave = bytes('a🌊b\n');
    buffer.push('stdout', wave.slice(0, 3));
    buffer.push('stdout', wave.slice(3));
    buffer.push('stderr', bytes('oh'));
    expect(buffer.lines().map(({ source, text }) => [source, text])).toEqual([
      ['stdout', 'a🌊b'],
      ['stderr', 'oh'],
    ]);
    expect(linesOf(buffer.lines(), 'stderr')).toHaveLength(1);
  });

  it('puts the lines of several containers in the order of their times, and each keeps its number', () => {
    const buffers = [0, 1].map((from) => new LogBuffer({ from, count: 2, hasTimes: true }));
    buffers[0]?.push(
      'stdout',
      bytes('2026-01-01T00:00:01.000000000Z a\n2026-01-01T00:00:03.000000000Z c\n'),
    );
    buffers[1]?.push('stdout', bytes('2026-01-01T00:00:02.000000000Z b\n'));
    expect(mergedLines(buffers).map(({ text, from, number }) => [text, from, number])).toEqual([
      ['a', 0, 1],
      ['b', 1, 2],
      ['c', 0, 3],
    ]);
    const plain = new LogBuffer();
    plain.push('stdout', bytes('2026-01-01T00:00:01.000000000Z mine\n'));
    expect(plain.lines()[0]?.text).toBe('2026-01-01T00:00:01.000000000Z mine');
  });

  it('keeps so many lines and says how many it let go', () => {
    const buffer = new LogBuffer();
    for (let round = 0; round < 30; round++) buffer.push('stdout', bytes('x\n'.repeat(1000)));
    expect(buffer.lines()).toHaveLength(KEPT_LINES);
    expect(buffer.dropped).toBe(30_000 - KEPT_LINES);
    expect(buffer.lines().at(-1)?.number).toBe(30_000);
  });

  it('cuts a line that never ends', () => {
    const buffer = new LogBuffer();
    for (let round = 0; round < 10; round++) buffer.push('stdout', bytes('y'.repeat(20_000)));
    expect(Math.max(...buffer.lines().map(({ text }) => text.length))).toBeLessThan(100_000);
  });

  it('is searched by words and by regular expressions', () => {
    const lines = ['one (1)', `${red}two${reset} 2`, 'three'].map((text, number) => ({
      number,
      source: 'stdout' as const,
      text,
    }));
    const find = (text: string, isRegex: boolean) => {
      const matcher = matcherOf({ text, isRegex });
      return matcher instanceof RegExp ? matchesIn(lines, matcher) : matcher;
    };
    expect(find('(1)', false)).toEqual([0]);
    expect(find('T(wo|hree)', true)).toEqual([1, 2]);
    expect(find('two 2', false)).toEqual([1]);
    expect(find('(', true)).toMatch(/group/i);
    expect(find('', true)).toBeUndefined();
    expect(cutAtMatches('a1b22', /\d+/g)).toEqual([
      { text: 'a', isMatch: false },
      { text: '1', isMatch: true },
      { text: 'b', isMatch: false },
      { text: '22', isMatch: true },
    ]);
  });

  it('has the colours of a terminal', () => {
    expect(ansiSpans(`${red}a\u001b[1mb${reset}c\u001b[38;5;2md\u001b[2Ke`)).toEqual([
      { text: 'a', classes: 'ansi-1' },
      { text: 'b', classes: 'ansi-1 ansi-bold' },
      { text: 'c', classes: '' },
      { text: 'd', classes: 'ansi-2' },
      { text: 'e', classes: 'ansi-2' },
    ]);
  });
});
