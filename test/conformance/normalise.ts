/** What is different in every run of the same command, taken out of its output. */

export interface Normalisation {
  /** Directories of the daemon, longest first, and the word that stands for each. */
  readonly paths: readonly (readonly [string, string])[];
  readonly keepAddresses?: boolean;
}

const RULES: readonly (readonly [RegExp, string])[] = [
  // Image ids and digests are the same for the same image, so they stay.
  [/(?<!sha256:)\b[0-9a-f]{64}\b/g, '<id>'],
  [/(?<![0-9a-f:])\b(?=[0-9a-f]*[a-f])(?=[0-9a-f]*\d)[0-9a-f]{12}\b/g, '<short id>'],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)/g, '<time>'],
  [/\b\d{4}-\d\d-\d\d \d\d:\d\d:\d\d(\.\d+)? [+-]\d{4} [A-Z]+/g, '<time>'],
  [/\b(Less than a second|About (a|an) (minute|hour)|\d+ (second|minute)s?)( ago)?\b/g, '<span>'],
  // The CLI waits and starts at once; which of the two answers reaches it first is a race with any daemon.
  [/^time=.*level=error msg="[Ee]rror waiting for container: .*"\n/gm, ''],
  [/\bpid \d+\b/g, 'pid <pid>'],
];

const ADDRESSES: readonly (readonly [RegExp, string])[] = [
  [/\b02:42(:[0-9a-f]{2}){4}\b/g, '<mac>'],
  [/\b(10\.\d+|172\.(1[6-9]|2\d|3[01])|192\.168)\.\d+\.\d+\b/g, '<address>'],
];

export function normalise(text: string, how: Normalisation): string {
  const withPaths = how.paths.reduce((all, [path, word]) => all.replaceAll(path, word), text);
  const rules = how.keepAddresses ? RULES : [...RULES, ...ADDRESSES];
  return rules.reduce((all, [pattern, word]) => all.replace(pattern, word), withPaths);
}
