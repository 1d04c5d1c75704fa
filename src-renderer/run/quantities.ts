/** Sizes and times as the docker command writes them: `64m`, `1m30s`. */
const FACTORS = { b: 1, k: 1024, m: 1024 ** 2, g: 1024 ** 3, t: 1024 ** 4 } as const;
const NANOSECONDS = { ns: 1, us: 1e3, ms: 1e6, s: 1e9, m: 60e9, h: 3600e9 } as const;

/** Bytes; -1 stands for no limit. undefined when it is no size. */
export function parseBytes(word: string): number | undefined {
  if (word === '-1') return -1;
  const [, number, unit = 'b'] = /^(\d+(?:\.\d+)?)([bkmgt])?(?:i?b)?$/i.exec(word) ?? [];
  if (number === undefined) return undefined;
  return Math.round(Number(number) * FACTORS[unit.toLowerCase() as keyof typeof FACTORS]);
}

export function printBytes(bytes: number): string {
  for (const unit of ['g', 'm', 'k'] as const)
    if (bytes > 0 && bytes % FACTORS[unit] === 0) return `${bytes / FACTORS[unit]}${unit}`;
  return String(bytes);
}

/** Nanoseconds. undefined when it is no time. */
export function parseDuration(word: string): number | undefined {
  if (!/^(\d+(\.\d+)?(ns|us|ms|s|m|h))+$/.test(word)) return undefined;
  const parts = word.matchAll(/(\d+(?:\.\d+)?)(ns|us|ms|s|m|h)/g);
  return [...parts].reduce(
    (sum, [, number, unit]) =>
      sum + Number(number) * NANOSECONDS[(unit ?? 's') as keyof typeof NANOSECONDS],
    0,
  );
}

export function printDuration(nanoseconds: number): string {
  for (const unit of ['h', 'm', 's', 'ms', 'us'] as const)
    if (nanoseconds % NANOSECONDS[unit] === 0) return `${nanoseconds / NANOSECONDS[unit]}${unit}`;
  return `${nanoseconds}ns`;
}
