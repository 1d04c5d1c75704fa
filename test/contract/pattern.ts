/** Bytes both ends can make and check, and what the shell of the contract test tells of itself. */

/** Long, and of no length that chunks are cut at. */
const PERIOD = 65_521;
const period = Uint8Array.from(
  { length: PERIOD },
  (_, index) => (index * 31 + (index >> 8)) & 0xff,
);

/** `length` bytes of the endless pattern from `start`. */
export function patternAt(start: number, length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0; at < length; ) {
    const from = (start + at) % PERIOD;
    const part = period.subarray(from, Math.min(PERIOD, from + length - at));
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}

/** FNV-1a, to be continued over chunks. */
export function checksumOf(bytes: Uint8Array, before = 0): number {
  let hash = before ^ 0x811c9dc5;
  for (let index = 0; index < bytes.length; index++)
    hash = Math.imul(hash ^ (bytes[index] as number), 0x01000193);
  return (hash ^ 0x811c9dc5) >>> 0;
}

export interface ShellProbe {
  /** Items of `hosts.watch` handed out, and how often a window stopped it. */
  readonly produced: number;
  readonly streamsStopped: number;
  /** Bytes written to `/flood`. */
  readonly flooded: number;
  /** Held requests whose window left. */
  readonly aborted: number;
}
