/** `--storage-opt` of the daemon and of containers, read as dockerd reads them (moby pkg/parsers, go-units). */
import { invalidArgument } from '../../../shared/errors.ts';

const UNITS = ['', 'k', 'm', 'g', 't', 'p'];

/** Throws invalidArgument `Unable to parse key/value option: x`. Keys are lower case. */
export function parseStorageOption(option: string): readonly [key: string, value: string] {
  const equals = option.indexOf('=');
  if (equals === -1) throw invalidArgument(`Unable to parse key/value option: ${option}`);
  return [option.slice(0, equals).trim().toLowerCase(), option.slice(equals + 1).trim()];
}

/** `10G`, `1.5 GiB`, `512`: bytes. Throws invalidArgument `invalid size: 'x'`. */
export function parseBytes(text: string): number {
  const match = /^(\d+(?:\.\d+)?) ?([kmgtp])?(i?b)?$/i.exec(text.trim());
  if (!match) throw invalidArgument(`invalid size: '${text}'`);
  return Math.floor(Number(match[1]) * 1024 ** UNITS.indexOf((match[2] ?? '').toLowerCase()));
}

/** Go's truth. Throws invalidArgument in strconv's words. */
export function parseBoolean(text: string): boolean {
  if (/^(1|t|true|T|TRUE|True)$/.test(text)) return true;
  if (/^(0|f|false|F|FALSE|False)$/.test(text)) return false;
  throw invalidArgument(`strconv.ParseBool: parsing ${JSON.stringify(text)}: invalid syntax`);
}
