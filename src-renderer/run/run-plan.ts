/** What a container is to be: as a form holds it, as a `docker run` line says it. */
import { LINE_ONLY, LINE_ONLY_SHORT, OTHER_NAMES } from './line-words.ts';
import { isSingle, type RunOption } from './option.ts';
import { RUN_OPTIONS } from './run-options.ts';
import { quoteWord, splitWords } from './words.ts';

export interface RunPlan {
  readonly name: string;
  readonly image: string;
  /** Words as typed, quotes and all. */
  readonly command: string;
  /** Option name → its words; a switch has `true`. */
  readonly options: Readonly<Record<string, readonly string[]>>;
}

export const EMPTY_PLAN: RunPlan = {
  name: '',
  image: '',
  command: '',
  options: { tty: ['true'], interactive: ['true'] },
};

const BY_NAME = new Map(RUN_OPTIONS.map((option) => [option.name, option]));
const BY_SHORT = new Map(RUN_OPTIONS.map((option) => [option.short, option]));

/** A plan from a pasted line, and what of the line was not understood. */
interface ReadLine {
  readonly plan: RunPlan;
  readonly problems: readonly string[];
}

interface Found {
  readonly option: RunOption | undefined;
  readonly takesValue: boolean;
}

function find(name: string): Found | undefined {
  const option = BY_NAME.get(OTHER_NAMES[name] ?? name);
  if (option) return { option, takesValue: option.kind !== 'switch' };
  const line = LINE_ONLY.get(name);
  return line && { option: undefined, takesValue: line === 'value' };
}

function findShort(letter: string): Found | undefined {
  const option = BY_SHORT.get(letter);
  if (option) return { option, takesValue: option.kind !== 'switch' };
  const name = LINE_ONLY_SHORT[letter];
  return name === undefined ? undefined : find(name);
}

/** Reads `docker run …` or `docker create …`; line breaks with a backslash are fine. */
export function readRunLine(line: string): ReadLine {
  const words = splitWords(line.trim());
  if (!words) return { plan: EMPTY_PLAN, problems: ['A quote is not closed.'] };
  const rest = words.slice();
  while (/^(sudo|docker|podman|container|run|create)$/.test(rest[0] ?? '')) rest.shift();
  const options: Record<string, string[]> = {};
  const problems: string[] = [];
  let name = '';
  const add = (found: Found, value: string): void => {
    if (!found.option) return;
    const before = isSingle(found.option) ? [] : (options[found.option.name] ?? []);
    options[found.option.name] = [...before, value];
  };
  while (rest[0]?.startsWith('-') && rest[0] !== '-') {
    const word = rest.shift() ?? '';
    if (word === '--') break;
    if (word.startsWith('--')) {
      const at = word.indexOf('=');
      const long = word.slice(2, at < 0 ? undefined : at);
      const given = at < 0 ? undefined : word.slice(at + 1);
      if (long === 'name') {
        name = given ?? rest.shift() ?? '';
        continue;
      }
      const found = find(long);
      if (!found) problems.push(unknown(`--${long}`));
      else add(found, given ?? (found.takesValue ? (rest.shift() ?? '') : 'true'));
      continue;
    }
    let letters = word.slice(1);
    while (letters !== '') {
      const found = findShort(letters[0] ?? '');
      letters = letters.slice(1);
      if (!found) {
        problems.push(unknown(word));
        break;
      }
      if (!found.takesValue) add(found, 'true');
      else {
        add(found, letters === '' ? (rest.shift() ?? '') : letters.replace(/^=/, ''));
        letters = '';
      }
    }
  }
  for (const [key, values] of Object.entries(options))
    if (values.every((value) => value === 'false') && BY_NAME.get(key)?.kind === 'switch')
      delete options[key];
  const [image = '', ...command] = rest;
  if (image === '') problems.push('The line names no image.');
  return { plan: { name, image, command: command.map(quoteWord).join(' '), options }, problems };
}

function unknown(word: string): string {
  return /^--(env|label)-file/.test(word)
    ? `${word}: choose the file on the Command page, the window cannot read it by its name.`
    : `${word} is not an option this form knows.`;
}

/** The equivalent command line. */
export function writeRunLine({ name, image, command, options }: RunPlan): string {
  const words = ['docker', 'run', '-d'];
  const isOn = (key: string): boolean => options[key]?.at(-1) === 'true';
  const letters = `${isOn('interactive') ? 'i' : ''}${isOn('tty') ? 't' : ''}`;
  if (letters !== '') words.push(`-${letters}`);
  if (isOn('rm')) words.push('--rm');
  if (name !== '') words.push('--name', name);
  for (const option of RUN_OPTIONS) {
    if (['interactive', 'tty', 'rm'].includes(option.name)) continue;
    const flag = option.short ? `-${option.short}` : `--${option.name}`;
    for (const value of options[option.name] ?? [])
      if (option.kind !== 'switch') words.push(flag, value);
      else if (value === 'true') words.push(flag);
  }
  return [...words, image, ...(splitWords(command) ?? [])].map(quoteWord).join(' ');
}
