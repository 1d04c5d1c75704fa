/** Options of a tmpfs: checked, duplicates merged, the last word wins (moby sys/mount MergeTmpfsOptions). */
import { internal } from '../../../shared/errors.ts';

/** Words that speak of the same thing; of each row one stays. */
const FLAG_ROWS: readonly (readonly string[])[] = [
  ['ro', 'rw'],
  ['suid', 'nosuid'],
  ['dev', 'nodev'],
  ['exec', 'noexec'],
  ['sync', 'async'],
  ['dirsync'],
  ['remount'],
  ['mand', 'nomand'],
  ['atime', 'noatime'],
  ['diratime', 'nodiratime'],
  ['relatime', 'norelatime'],
  ['strictatime', 'nostrictatime'],
  [
    'bind',
    'rbind',
    'unbindable',
    'runbindable',
    'private',
    'rprivate',
    'shared',
    'rshared',
    'slave',
    'rslave',
  ],
];
const ROW_OF = new Map(
  FLAG_ROWS.flatMap((row) => row.map((word) => [word, row[0] ?? ''] as const)),
);
const VALUES = new Set(['size', 'mode', 'uid', 'gid', 'nr_inodes', 'nr_blocks', 'mpol']);
const DEFAULTS = ['noexec', 'nosuid', 'nodev', 'rprivate'];

/** What an option decides. Throws `invalid tmpfs option ["x"]`. */
function subjectOf(option: string): string {
  const row = ROW_OF.get(option);
  if (row !== undefined) return row;
  const [name = '', ...rest] = option.split('=');
  if (rest.length > 0 && VALUES.has(name)) return name;
  const words = rest.length > 0 ? [name, rest.join('=')] : [name];
  throw internal(`invalid tmpfs option [${words.map((word) => `"${word}"`).join(' ')}]`);
}

/** Docker's defaults with the user's options over them. */
export function tmpfsOptions(asked: readonly string[]): readonly string[] {
  const merged = new Map<string, string>();
  for (const option of [...DEFAULTS, ...asked]) {
    if (option === '' || option === 'defaults') continue;
    const subject = subjectOf(option);
    merged.delete(subject);
    merged.set(subject, option);
  }
  return [...merged.values()];
}
