/** Command line → values by option flag. `--x v`, `--x=v`, `-x v`, `-xv` as pflag takes them. */
import { errorMessage, invalidArgument } from '../../../shared/errors.ts';
import { OPTION_TABLE, type OptionRow } from './option-table.ts';

export type OptionValue =
  | string
  | boolean
  | number
  | readonly unknown[]
  | Readonly<Record<string, unknown>>;
export type OptionValues = Map<string, OptionValue>;

const FLAGS = OPTION_TABLE.filter((option) => !option.notAFlag);
const BY_FLAG = new Map(FLAGS.map((option) => [option.flag, option]));
const BY_SHORT = new Map(
  FLAGS.flatMap((option) => (option.short ? [[option.short, option] as const] : [])),
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

function badArgument({ flag, short }: OptionRow, text: string, why: string): Error {
  const name = short ? `-${short}, --${flag}` : `--${flag}`;
  return invalidArgument(`invalid argument "${text}" for "${name}" flag: ${why}\n${usage}`);
}

function parseBoolean(option: OptionRow, text: string): boolean {
  if (['1', 't', 'T', 'true', 'TRUE', 'True'].includes(text)) return true;
  if (['0', 'f', 'F', 'false', 'FALSE', 'False'].includes(text)) return false;
  throw badArgument(option, text, `strconv.ParseBool: parsing "${text}": invalid syntax`);
}

function parseNumber(option: OptionRow, text: string): number {
  if (/^[-+]?\d+$/.test(text)) return Number(text);
  throw badArgument(option, text, `strconv.ParseInt: parsing "${text}": invalid syntax`);
}

/** Throws invalidArgument in dockerd's words. */
export function parseFlags(argv: readonly string[]): OptionValues {
  const values: OptionValues = new Map();
  for (let index = 0; index < argv.length; index++) {
    const argument = argv[index] ?? '';
    if (!argument.startsWith('-') || argument === '-')
      throw invalidArgument(`"windlassd" accepts no argument(s).\n${usage}`);
    const { option, inline } = lookup(argument);
    if (option.kind === 'boolean') {
      values.set(option.flag, inline === undefined ? true : parseBoolean(option, inline));
      continue;
    }
    const text = inline ?? argv[++index];
    if (text === undefined)
      throw invalidArgument(`flag needs an argument: --${option.flag}\n${usage}`);
    checkArgument(option, text);
    add(values, option, text);
  }
  return values;
}

function checkArgument(option: OptionRow, text: string): void {
  try {
    option.check?.(text);
  } catch (error) {
    throw badArgument(option, text, errorMessage(error));
  }
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
      const [key, value] = pairOf(option, text);
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

function pairOf(option: OptionRow, text: string): readonly [string, string] {
  const at = text.indexOf('=');
  const key = at < 0 ? text : text.slice(0, at);
  const value = at < 0 ? '' : text.slice(at + 1);
  if (option.flag !== 'add-runtime') return [key, value];
  if (key === '' || value === '')
    throw badArgument(option, text, `invalid runtime argument: ${text}`);
  if (key.trim().toLowerCase() === 'runc')
    throw badArgument(option, text, "runtime name 'runc' is reserved");
  return [key, value];
}
