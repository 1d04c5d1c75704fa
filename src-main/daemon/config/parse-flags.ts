/** Command line → values by option flag. `--x v`, `--x=v`, `-x v`, `-xv` as pflag takes them. */
import { invalidArgument } from '../../../shared/errors.ts';
import { OPTION_TABLE, type OptionRow } from './option-table.ts';

export type OptionValue =
  | string
  | boolean
  | number
  | readonly string[]
  | Readonly<Record<string, string>>;
export type OptionValues = Map<string, OptionValue>;

const BY_FLAG = new Map(OPTION_TABLE.map((option) => [option.flag, option]));
const BY_SHORT = new Map(
  OPTION_TABLE.flatMap((option) => (option.short ? [[option.short, option] as const] : [])),
);

const usage = "See 'windlassd --help'.";

function lookup(argument: string): { option: OptionRow; inline: string | undefined } {
  if (argument.startsWith('--')) {
    const [name = '', ...rest] = argument.slice(2).split('=');
    const option = BY_FLAG.get(name);
    if (!option) throw invalidArgument(`unknown flag: --${name}\n${usage}`);
    return { option, inline: rest.length > 0 ? rest.join('=') : undefined };
  }
  const letter = argument.slice(1, 2);
  const option = BY_SHORT.get(letter);
  if (!option)
    throw invalidArgument(`unknown shorthand flag: '${letter}' in ${argument}\n${usage}`);
  const inline = argument.slice(2).replace(/^=/, '');
  return { option, inline: inline === '' ? undefined : inline };
}

function parseBoolean(option: OptionRow, text: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  throw invalidArgument(`invalid argument "${text}" for "--${option.flag}" flag: parse error`);
}

function parseNumber(option: OptionRow, text: string): number {
  if (/^-?\d+$/.test(text)) return Number(text);
  throw invalidArgument(`invalid argument "${text}" for "--${option.flag}" flag: not a number`);
}

function parsePair(option: OptionRow, text: string): readonly [string, string] {
  const at = text.indexOf('=');
  if (at < 1)
    throw invalidArgument(
      `invalid argument "${text}" for "--${option.flag}" flag: must be key=value`,
    );
  return [text.slice(0, at), text.slice(at + 1)];
}

/** Throws invalidArgument in dockerd's words. */
export function parseFlags(argv: readonly string[]): OptionValues {
  const values: OptionValues = new Map();
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? '';
    if (!argument.startsWith('-') || argument === '-')
      throw invalidArgument(`"windlassd" accepts no arguments.\n${usage}`);
    const { option, inline } = lookup(argument);
    if (option.kind === 'boolean') {
      values.set(option.flag, inline === undefined ? true : parseBoolean(option, inline));
      continue;
    }
    const text = inline ?? argv[++index];
    if (text === undefined)
      throw invalidArgument(`flag needs an argument: --${option.flag}\n${usage}`);
    add(values, option, text);
  }
  return values;
}

function add(values: OptionValues, option: OptionRow, text: string): void {
  const present = values.get(option.flag);
  switch (option.kind) {
    case 'number':
      values.set(option.flag, parseNumber(option, text));
      return;
    case 'list':
      values.set(option.flag, [...((present as readonly string[] | undefined) ?? []), text]);
      return;
    case 'map': {
      const [key, value] = parsePair(option, text);
      values.set(option.flag, {
        ...(present as Readonly<Record<string, string>> | undefined),
        [key]: value,
      });
      return;
    }
    case 'string':
    case 'boolean':
      values.set(option.flag, text);
  }
}
