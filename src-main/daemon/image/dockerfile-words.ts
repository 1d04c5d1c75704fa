/** The little of Dockerfile syntax that `--change` uses (moby buildkit frontend/dockerfile/parser). */
import { invalidArgument } from '../../../shared/errors.ts';

/** Splits at blanks outside quotes; a backslash takes the next character as it is. Quotes go. */
export function splitWords(text: string): string[] {
  const words: string[] = [];
  let word = '';
  let isOpen = false;
  let quote = '';
  for (let i = 0; i < text.length; i++) {
    const char = text[i] ?? '';
    if (char === '\\' && quote !== "'" && i + 1 < text.length) {
      word += text[++i] ?? '';
      isOpen = true;
    } else if (quote !== '') {
      if (char === quote) quote = '';
      else word += char;
    } else if (char === '"' || char === "'") {
      quote = char;
      isOpen = true;
    } else if (/\s/.test(char)) {
      if (isOpen) words.push(word);
      word = '';
      isOpen = false;
    } else {
      word += char;
      isOpen = true;
    }
  }
  if (isOpen) words.push(word);
  return words;
}

/** `a=b c="d e"`, or the old `a b c` with one pair. Throws in Docker's words. */
export function parsePairs(instruction: string, text: string): [string, string][] {
  const words = splitWords(text);
  const first = words[0];
  if (first === undefined) {
    throw invalidArgument(`${instruction} requires at least one argument`);
  }
  if (!first.includes('=')) {
    if (words.length < 2) throw invalidArgument(`${instruction} must have two arguments`);
    const rest = text.trimStart().replace(/^\S+\s+/, '');
    return [[first, splitWords(rest).join(' ')]];
  }
  return words.map((word) => {
    const equals = word.indexOf('=');
    if (equals === -1) {
      throw invalidArgument(
        `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
      );
    }
    if (equals === 0) throw invalidArgument(`${instruction} names can not be blank`);
    return [word.slice(0, equals), word.slice(equals + 1)];
  });
}

/** The words of `["a", "b"]`, or undefined when it is no array of strings. */
export function parseJsonWords(text: string): string[] | undefined {
  if (!text.trimStart().startsWith('[')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return Array.isArray(value) && value.every((word) => typeof word === 'string')
      ? value
      : undefined;
  } catch {
    // Docker takes what is no JSON for a shell command.
    return undefined;
  }
}
