/** Values in text as dockerd reads them, and its words for those it cannot (strconv, docker/go-units). */
import { invalidArgument } from '../../../shared/errors.ts';

const UNITS = ['', 'k', 'm', 'g', 't', 'p'];

/**
 * `10G`, `1.5 GiB`, `512`: bytes. Throws invalidArgument `invalid size: 'x'`.
 * @param base - 1024 where dockerd takes RAMInBytes, 1000 where FromHumanSize
 */
export function parseBytes(text: string, base: 1000 | 1024 = 1024): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp])?(i?b)?$/i.exec(text.trim());
  if (!match) throw invalidArgument(`invalid size: '${text}'`);
  return Math.floor(Number(match[1]) * base ** UNITS.indexOf((match[2] ?? '').toLowerCase()));
}

/** Go's truth. Throws invalidArgument in strconv's words. */
export function parseBoolean(text: string): boolean {
  if (/^(1|t|true|T|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|false|F|FALSE|False)$/.test(text)) return false;
  throw invalidArgument(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}

/** A whole number. Throws invalidArgument in strconv's words. */
export function parseInteger(text: string): number {
  if (/^[+-]?\d+$/.test(text)) return Number(text);
  throw invalidArgument(`strconv.Atoi: parsing ${JSON.stringify(text)}: invalid syntax`);
}
