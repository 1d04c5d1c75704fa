/** Search in log lines: plain words or a regular expression; lines kept, or only marked. */
import { type LogLine, withoutAnsi } from './log-buffer.ts';

export interface LogSearch {
  readonly text: string;
  readonly isRegex: boolean;
}

const plain = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');

/** What to look for; undefined when nothing is searched, an error text when it is no regular expression. */
export function matcherOf({ text, isRegex }: LogSearch): RegExp | string | undefined {
  if (text === '') return undefined;
  try {
    return new RegExp(isRegex ? text : plain(text), 'gi');
  } catch (error) {
    return error instanceof Error ? error.message : 'Not a regular expression.';
  }
}

export type StreamChoice = 'both' | 'stdout' | 'stderr';

export const linesOf = (lines: readonly LogLine[], stream: StreamChoice): readonly LogLine[] =>
  stream === 'both' ? lines : lines.filter(({ source }) => source === stream);

/** Places of the lines that match. */
export function matchesIn(lines: readonly LogLine[], matcher: RegExp): readonly number[] {
  const places: number[] = [];
  lines.forEach((line, index) => {
    matcher.lastIndex = 0;
    if (matcher.test(withoutAnsi(line.text))) places.push(index);
  });
  return places;
}

export interface Piece {
  readonly text: string;
  readonly isMatch: boolean;
}

/** A text cut at what matches. */
export function cutAtMatches(text: string, matcher: RegExp | undefined): readonly Piece[] {
  if (!matcher) return [{ text, isMatch: false }];
  const pieces: Piece[] = [];
  let start = 0;
  for (const match of text.matchAll(matcher)) {
    if (match[0] === '') continue;
    if (match.index > start) pieces.push({ text: text.slice(start, match.index), isMatch: false });
    pieces.push({ text: match[0], isMatch: true });
    start = match.index + match[0].length;
  }
  if (start < text.length) pieces.push({ text: text.slice(start), isMatch: false });
  return pieces;
}
