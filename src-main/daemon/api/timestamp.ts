/** Times in queries: Unix seconds with fraction, RFC 3339, or a duration before now (moby api/types/time). */
import { internal } from '../../../shared/errors.ts';

const UNITS_NS: Readonly<Record<string, bigint>> = {
  h: 3_600_000_000_000n,
  m: 60_000_000_000n,
  s: 1_000_000_000n,
  ms: 1_000_000n,
};

/** Nanoseconds since the epoch; undefined for '' and 0. */
export function parseTimestamp(text: string): bigint | undefined {
  if (text === '' || text === '0') return undefined;
  const unix = /^(\d+)(?:\.(\d{1,9})\d*)?$/.exec(text);
  if (unix) return BigInt(unix[1] ?? 0) * 1_000_000_000n + BigInt((unix[2] ?? '').padEnd(9, '0'));
  if (/^(\d+(ms|h|m|s))+$/.test(text)) {
    const parts = [...text.matchAll(/(\d+)(ms|h|m|s)/g)];
    const ago = parts.reduce(
      (sum, [, count, unit]) => sum + BigInt(count ?? 0) * (UNITS_NS[unit ?? ''] ?? 0n),
      0n,
    );
    return BigInt(Date.now()) * 1_000_000n - ago;
  }
  const parsed = Date.parse(text);
  if (Number.isNaN(parsed)) throw internal(`strconv.ParseInt: parsing "${text}": invalid syntax`);
  return BigInt(parsed) * 1_000_000n;
}
