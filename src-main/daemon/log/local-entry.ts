/**
 * One message of the `local` driver's file: its length, a protobuf LogEntry, its length again, so that a file
 * can be walked from either end (moby api/types/plugins/logdriver/entry.proto, daemon/logger/local).
 */
import protobuf from 'protobufjs';
import type { LogMessage } from './log-driver.ts';

/** Of the length before and after an entry, big endian. */
export const LENGTH_BYTES = 4;
/** moby's bound; what claims to be more is no entry. */
export const MAX_ENTRY_BYTES = 1_000_000;
const NEWLINE = 10;

const { root } = protobuf.parse(
  `syntax = "proto3";
message LogEntry {
  string source = 1;
  int64 time_nano = 2;
  bytes line = 3;
  bool partial = 4;
  PartialLogEntryMetadata partial_log_metadata = 5;
}
message PartialLogEntryMetadata {
  bool last = 1;
  string id = 2;
  int32 ordinal = 3;
}`,
  { keepCase: true },
);
const LogEntry = root.lookupType('LogEntry');

interface Entry {
  readonly source?: LogMessage['source'];
  readonly time_nano?: string;
  readonly line?: Uint8Array;
  readonly partial?: boolean;
  readonly partial_log_metadata?: { last?: boolean; id?: string; ordinal?: number };
}

/** The lower and upper 32 bits, as protobufjs writes an int64. */
const wide = (value: bigint): { low: number; high: number; unsigned: boolean } => ({
  low: Number(BigInt.asIntN(32, value)),
  high: Number(BigInt.asIntN(32, value >> 32n)),
  unsigned: false,
});

/** The entry with both lengths; the newline is left to the reader. */
export function encodeEntry({ source, timeNano, line, part }: LogMessage): Uint8Array {
  const text = line.at(-1) === NEWLINE ? line.subarray(0, -1) : line;
  const entry = LogEntry.encode({
    source,
    time_nano: wide(timeNano),
    ...(text.length > 0 ? { line: text } : {}),
    ...(part
      ? {
          partial: true,
          partial_log_metadata: {
            ...(part.last ? { last: true } : {}),
            id: part.id,
            ordinal: part.ordinal,
          },
        }
      : {}),
  }).finish();
  const bytes = Buffer.allocUnsafe(entry.length + 2 * LENGTH_BYTES);
  bytes.writeUInt32BE(entry.length, 0);
  bytes.set(entry, LENGTH_BYTES);
  bytes.writeUInt32BE(entry.length, LENGTH_BYTES + entry.length);
  return bytes;
}

/** The message of an entry without its lengths. Throws for what is none. */
export function decodeEntry(bytes: Uint8Array): LogMessage {
  const entry = LogEntry.toObject(LogEntry.decode(bytes), { longs: String }) as Entry;
  const metadata = entry.partial_log_metadata;
  const part = entry.partial
    ? {
        id: metadata?.id ?? '',
        ordinal: metadata?.ordinal ?? 0,
        last: metadata?.last ?? false,
      }
    : undefined;
  const text = entry.line ?? new Uint8Array();
  return {
    line: !part || part.last ? Buffer.concat([text, Buffer.from([NEWLINE])]) : text,
    source: entry.source ?? 'stdout',
    timeNano: BigInt(entry.time_nano ?? 0),
    ...(part ? { part } : {}),
  };
}
