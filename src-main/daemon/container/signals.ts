/** Signal names and numbers as Docker takes them (moby pkg/signal): `KILL`, `SIGKILL`, `9`, `RTMIN+3`. */
import { constants } from 'node:os';
import { invalidArgument } from '../../../shared/errors.ts';

const RTMIN = 34;
const RTMAX = 64;

function realTimeSignal(name: string): number | undefined {
  const match = /^RT(MIN|MAX)([+-]\d+)?$/.exec(name);
  if (!match) return undefined;
  const number = (match[1] === 'MIN' ? RTMIN : RTMAX) + Number(match[2] ?? 0);
  return number >= RTMIN && number <= RTMAX ? number : undefined;
}

/** The number of a signal; throws invalidArgument `Invalid signal: X`. */
export function parseSignal(text: string): number {
  if (/^\d+$/.test(text)) {
    const number = Number(text);
    if (number >= 1 && number <= RTMAX) return number;
    throw invalidArgument(`Invalid signal: ${text}`);
  }
  const name = text.toUpperCase().replace(/^SIG/, '');
  const number =
    realTimeSignal(name) ??
    (constants.signals as Readonly<Record<string, number>>)[`SIG${name}`] ??
    { CLD: 17 }[name];
  if (number === undefined) throw invalidArgument(`Invalid signal: ${text}`);
  return number;
}
