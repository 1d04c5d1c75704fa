/** Words as a POSIX shell splits and quotes them. */

/** Splits a command as a shell would, quotes kept together; undefined when one is not closed. */
export function splitWords(text: string): string[] | undefined {
  const words: string[] = [];
  let word = '';
  let quote = '';
  let hasWord = false;
  for (let index = 0; index < text.length; index++) {
    const character = text[index] ?? '';
    if (quote !== '') {
      if (character === quote) quote = '';
      else if (character === '\\' && quote === '"') word += text[++index] ?? '';
      else word += character;
    } else if (character === '"' || character === "'") {
      quote = character;
      hasWord = true;
    } else if (character === '\\') {
      const escaped = text[++index] ?? '';
      // Before the end of a line it joins two lines.
      if (escaped === '\n') continue;
      word += escaped;
      hasWord = true;
    } else if (/\s/.test(character)) {
      if (hasWord) words.push(word);
      word = '';
      hasWord = false;
    } else {
      word += character;
      hasWord = true;
    }
  }
  if (quote !== '') return undefined;
  return hasWord ? [...words, word] : words;
}

/** A word as a POSIX shell takes it. */
export const quoteWord = (word: string): string =>
  /^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`;
