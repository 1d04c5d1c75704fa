/** Signal names and numbers as Docker takes them (moby pkg/signal): `KILL`, `SIGKILL`, `9`, `RTMIN+3`. */
import { constants } from 'node:os';
import { internal, invalidArgument } from '../../../shared/errors.ts';

const RTMIN = 34;
const RTMAX = 64;

function realTimeSignal(name: string): number | undefined {
  const match = /^RT(MIN|MAX)([+-]\d+)?$/.exec(name);
  if (!match) return undefined;
  const number = (match[1] === 'MIN' ? RTMIN : RTMAX) + Number(match[2] ?? 0);
  return number >= RTMIN && number <= RTMAX ? number : undefined;
}

/**
 * The number of a signal; throws invalidArgument `Invalid signal: X`. Any number but 0 passes: whether the
 * kernel has it is asked when it is sent, see {@link requireSupported}.
 */
export function parseSignal(text: string): number {
  if (/^[+-]?\d+$/.test(text)) {
    const number = Number(text);
    if (number !== 0) return number;
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

/** Throws internal for a number that is no signal of Linux; 32 and 33 belong to the C library. */
export function requireSupported(signal: number): void {
  const isStandard = signal >= 1 && signal <= 31;
  const isRealTime = signal >= RTMIN && signal <= RTMAX;
  if (isStandard || isRealTime) return;
  // Docker prints it as an unsigned number.
  throw internal(`The linux daemon does not support signal ${BigInt.asUintN(64, BigInt(signal))}`);
}
