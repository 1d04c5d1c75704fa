/** Colours of a line as a terminal would show them: SGR codes become classes, other codes vanish. */
export interface AnsiSpan {
  readonly text: string;
  /** Classes such as `ansi-1` (red) and `ansi-bold`; '' for plain text. */
  readonly classes: string;
}

const ESCAPE = String.fromCharCode(27);
const CODE = new RegExp(`${ESCAPE}\\[([0-9;?:]*)([A-Za-z])`, 'g');

interface Look {
  colour: string;
  isBold: boolean;
  isDim: boolean;
  isUnderlined: boolean;
}

function applyCodes(look: Look, codes: readonly number[]): void {
  for (let at = 0; at < codes.length; at++) {
    const code = codes[at] ?? 0;
    if (code === 0)
      Object.assign(look, { colour: '', isBold: false, isDim: false, isUnderlined: false });
    else if (code === 1) look.isBold = true;
    else if (code === 2) look.isDim = true;
    else if (code === 4) look.isUnderlined = true;
    else if (code === 22) look.isBold = look.isDim = false;
    else if (code === 24) look.isUnderlined = false;
    else if (code >= 30 && code <= 37) look.colour = `ansi-${code - 30}`;
    else if (code >= 90 && code <= 97) look.colour = `ansi-${code - 90}`;
    else if (code === 39) look.colour = '';
    else if (code === 38 || code === 48) {
      const [kind, value = 0] = [codes[at + 1], codes[at + 2]];
      if (code === 38) look.colour = kind === 5 && value < 16 ? `ansi-${value % 8}` : '';
      at += kind === 2 ? 4 : 2;
    }
  }
}

const classesOf = ({ colour, isBold, isDim, isUnderlined }: Look): string =>
  [colour, isBold && 'ansi-bold', isDim && 'ansi-dim', isUnderlined && 'ansi-underlined']
    .filter(Boolean)
    .join(' ');

export function ansiSpans(line: string): readonly AnsiSpan[] {
  if (!line.includes(ESCAPE)) return [{ text: line, classes: '' }];
  const spans: AnsiSpan[] = [];
  const look: Look = { colour: '', isBold: false, isDim: false, isUnderlined: false };
  let start = 0;
  for (const match of line.matchAll(CODE)) {
    if (match.index > start)
      spans.push({ text: line.slice(start, match.index), classes: classesOf(look) });
    start = match.index + match[0].length;
    if (match[2] === 'm') applyCodes(look, (match[1] ?? '').split(/[;:]/).map(Number));
  }
  if (start < line.length) spans.push({ text: line.slice(start), classes: classesOf(look) });
  return spans;
}
