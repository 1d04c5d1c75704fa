/** `--storage-opt` of the daemon and of containers, read as dockerd reads them (moby pkg/parsers). */
import { invalidArgument } from '../../../shared/errors.ts';

/** Throws invalidArgument `Unable to parse key/value option: x`. Keys are lower case. */
export function parseStorageOption(option: string): readonly [key: string, value: string] {
  const equals = option.indexOf('=');
  if (equals === -1) throw invalidArgument(`Unable to parse key/value option: ${option}`);
  return [option.slice(0, equals).trim().toLowerCase(), option.slice(equals + 1).trim()];
}
