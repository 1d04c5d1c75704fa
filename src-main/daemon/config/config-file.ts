/** daemon.json: read, its keys and types checked, set against the flags (moby daemon/config/config.go). */
import { readFileSync } from 'node:fs';
import { errorMessage, invalidArgument } from '../../../shared/errors.ts';
import { hasErrno } from '../platform/libc.ts';
import { rootlessPaths } from '../rootless/rootless-paths.ts';
import { keyOf, OPTION_TABLE, type OptionRow } from './option-table.ts';
import type { OptionValue, OptionValues } from './parse-flags.ts';
import { validateValues } from './validate-values.ts';

const DEFAULT_CONFIG_FILE = '/etc/windlass/daemon.json';

/** The file's values; none when it is not there and nobody named it. Throws in dockerd's words. */
export function readConfigFile(flags: OptionValues): OptionValues {
  const asked = flags.get('config-file');
  const isRootless = flags.get('rootless') === true;
  const usual = isRootless ? rootlessPaths(process.env).configFile : DEFAULT_CONFIG_FILE;
  const path = typeof asked === 'string' ? asked : usual;
  try {
    const text = textOf(path);
    if (text === undefined && asked === undefined) return new Map();
    if (text === undefined) throw invalidArgument(`open ${path}: no such file or directory`);
    const values = valuesOf(objectOf(text));
    checkConflicts(flags, values);
    wrapped('configuration validation from file failed', () => validateValues(values));
    wrapped('merged configuration validation from file and command line flags failed', () =>
      validateValues(new Map([...values, ...flags])),
    );
    return values;
  } catch (error) {
    throw invalidArgument(
      `unable to configure the Docker daemon with file ${path}: ${errorMessage(error)}`,
      { cause: error },
    );
  }
}

function wrapped(prefix: string, work: () => void): void {
  try {
    work();
  } catch (error) {
    throw invalidArgument(`${prefix}: ${errorMessage(error)}`, { cause: error });
  }
}

function textOf(path: string): string | undefined {
  try {
    // A byte order mark is no part of the text.
    return readFileSync(path, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}

const GO_KINDS: Readonly<Record<string, string>> = { boolean: 'bool', object: 'object' };

/** What Go calls the kind of a JSON value. */
function goKind(value: unknown): string {
  if (Array.isArray(value)) return 'array';
  return GO_KINDS[typeof value] ?? typeof value;
}

function objectOf(text: string): Record<string, unknown> {
  if (text.trim() === '') throw invalidArgument('EOF');
  const parsed: unknown = parseText(text);
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw invalidArgument(
      `json: cannot unmarshal ${goKind(parsed)} into Go value of type map[string]interface {}`,
    );
  return parsed as Record<string, unknown>;
}

function parseText(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (error) {
    const message = errorMessage(error);
    throw invalidArgument(
      /end of JSON|Unterminated|at position \d+ \(.*\)$/.test(message) && isCut(text)
        ? 'unexpected EOF'
        : message,
      { cause: error },
    );
  }
}

/** True when the text ends before its brackets do. */
const isCut = (text: string): boolean => !/[}\]]\s*$/.test(text);

function valuesOf(parsed: Record<string, unknown>): OptionValues {
  const byKey = new Map(
    OPTION_TABLE.filter((option) => !option.notInFile).flatMap((option) => [
      [option.flag, option] as const,
      [keyOf(option), option] as const,
    ]),
  );
  const unknown = Object.keys(parsed).filter((key) => !byKey.has(key));
  if (unknown.length > 0)
    throw invalidArgument(
      `the following directives don't match any configuration option: ${unknown.sort().join(', ')}`,
    );
  const values: OptionValues = new Map();
  for (const [key, value] of Object.entries(parsed)) {
    const option = byKey.get(key);
    // null is Go's zero value: as if it were not there.
    if (!option || value === null) continue;
    checkKind(option, key, value);
    values.set(option.flag, value as OptionValue);
  }
  return values;
}

const GO_TYPES: Readonly<Record<string, string>> = {
  boolean: 'bool',
  number: 'int',
  list: '[]string',
  map: 'map[string]string',
};

function checkKind(option: OptionRow, key: string, value: unknown): void {
  const kind = option.fileKind ?? option.kind;
  const isFine =
    kind === 'number or string'
      ? typeof value === 'number' || typeof value === 'string'
      : kind === 'objects' || kind === 'list'
        ? Array.isArray(value)
        : kind === 'map'
          ? goKind(value) === 'object'
          : typeof value === kind;
  const mismatch = (bad: unknown, type: string): Error =>
    invalidArgument(
      `json: cannot unmarshal ${goKind(bad)} into Go struct field Config.${key} of type ${type}`,
    );
  if (!isFine) throw mismatch(value, GO_TYPES[kind] ?? 'string');
  if (kind === 'list') {
    const bad = (value as readonly unknown[]).find((one) => typeof one !== 'string');
    if (bad !== undefined) throw mismatch(bad, 'string');
  }
  const itemType = { 'log-opt': 'string', features: 'boolean' }[option.flag];
  if (itemType === undefined) return;
  const bad = Object.values(value as object).find((one) => typeof one !== itemType);
  if (bad !== undefined) throw mismatch(bad, GO_TYPES[itemType] ?? itemType);
}

/** Keys in the file that are flags too, with both values as Go prints them. */
function checkConflicts(flags: OptionValues, file: OptionValues): void {
  const rows = OPTION_TABLE.filter(({ flag }) => flags.has(flag) && file.has(flag)).map(
    (option) =>
      `${keyOf(option)}: (from flag: ${flagText(option, flags)}, from file: ${goText(file.get(option.flag))})`,
  );
  if (rows.length > 0)
    throw invalidArgument(
      `the following directives are specified both as a flag and in the configuration file: ${rows.join(', ')}`,
    );
}

function flagText(option: OptionRow, flags: OptionValues): string {
  const value = flags.get(option.flag);
  if (option.flag !== 'default-ulimit' && option.flag !== 'add-runtime') return goText(value);
  return `[${Object.entries(value ?? {})
    .map(([name, text]) => `${name}=${text}`)
    .join(' ')}]`;
}

/** A value in the form of Go's %v. */
function goText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (typeof value !== 'object' || value === null) return String(value);
  const rows = Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1));
  return `map[${rows.map(([key, one]) => `${key}:${goText(one)}`).join(' ')}]`;
}
