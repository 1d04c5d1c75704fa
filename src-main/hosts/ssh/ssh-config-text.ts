/** The user's and the system's ssh_config as one text, `Include` expanded the way OpenSSH reads it. */
import { globSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { invalidArgument } from '../../../shared/errors.ts';

/** OpenSSH's own limit (readconf.c READCONF_MAX_DEPTH). */
const MOST_INCLUDES_DEEP = 16;

const BLOCK = /^\s*(host|match)[\s=]/i;
const INCLUDE = /^\s*include(?:\s*=\s*|\s+)(.+?)\s*$/i;

export interface SshConfigFiles {
  /** The user's file; its relative includes are below its directory. */
  readonly user: string;
  readonly system: string;
}

const defaultConfigFiles = (): SshConfigFiles => ({
  user: join(homedir(), '.ssh/config'),
  system: '/etc/ssh/ssh_config',
});

/** Replaces a leading `~` or `~/` by the home directory. */
export const expandHome = (path: string): string =>
  path === '~' || path.startsWith('~/') ? join(homedir(), path.slice(1)) : path;

/** Words of a directive's value: separated by spaces, quoted with double quotes. */
export function splitWords(value: string): string[] {
  return [...value.matchAll(/"([^"]*)"|(\S+)/g)].map(([, quoted, plain]) => quoted ?? plain ?? '');
}

function includedFiles(value: string, base: string): string[] {
  return splitWords(value).flatMap((word) => {
    const path = expandHome(word);
    return globSync(isAbsolute(path) ? path : join(base, path)).toSorted();
  });
}

function expand(path: string, base: string, depth: number): string[] {
  if (depth > MOST_INCLUDES_DEEP)
    throw invalidArgument(`${path}: more than ${MOST_INCLUDES_DEEP} levels of Include`);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    // ssh passes over a file that is missing or may not be read.
    return [];
  }
  let block = 'Match all';
  return text.split('\n').flatMap((line) => {
    if (BLOCK.test(line)) block = line.trim();
    const included = INCLUDE.exec(line)?.[1];
    if (included === undefined) return [line];
    const lines = includedFiles(included, base).flatMap((file) => expand(file, base, depth + 1));
    // An included file's blocks end with it; then the block around it goes on.
    return [...lines, block];
  });
}

/**
 * The whole configuration, the user's file first, as ssh_config(5) says. Files that cannot be read count as
 * empty. Throws invalidArgument when includes go round in a circle.
 */
export function readSshConfigText(files: SshConfigFiles = defaultConfigFiles()): string {
  return [
    ...expand(files.user, dirname(files.user), 0),
    'Match all',
    ...expand(files.system, dirname(files.system), 0),
  ].join('\n');
}
