/** Lists of CPUs and memory nodes such as `0,2-3` (moby pkg/parsers ParseUintList, pkg/sysinfo). */
import { invalidArgument } from '../../../shared/errors.ts';

/** The largest number a list may name; what the machine has not is told apart from what is no list. */
const MAXIMUM = 8192;

/** Throws `invalid format: X`, or that a number is too large. */
function parseList(text: string): ReadonlySet<number> {
  const numbers = new Set<number>();
  if (text === '') return numbers;
  for (const part of text.split(',')) {
    const match = /^[+-]?(\d+)(?:-(\d+))?$/.exec(part);
    const [first, last] = [Number(match?.[1]), Number(match?.[2] ?? match?.[1])];
    if (!match || last < first) throw invalidArgument(`invalid format: ${text}`);
    if (last > MAXIMUM) throw invalidArgument(`value of out range, maximum is ${MAXIMUM}`);
    for (let number = first; number <= last; number++) numbers.add(number);
  }
  return numbers;
}

/** Whether all that is asked for is there. Throws for what is no list. */
export function isListAvailable(asked: string, available: string): boolean {
  const there = parseList(available);
  return [...parseList(asked)].every((number) => there.has(number));
}
