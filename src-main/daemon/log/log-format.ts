/** How messages lie in a log's files; {@link RotatingLog} writes them, readLog reads them. */
import type { FileHandle } from 'node:fs/promises';
import type { LogMessage } from './log-driver.ts';

/** Where the last messages of a file begin, and how many they are. */
export interface Tail {
  readonly offset: number;
  readonly found: number;
}

export interface LogFormat {
  /** Messages of a file's bytes; what a crash cut off is left out. */
  decode(bytes: AsyncIterable<Buffer>): AsyncIterable<LogMessage>;
  /** The last `count` messages before `end`, or as many as there are. */
  tail(file: FileHandle, count: number, end: number): Promise<Tail>;
  /** Makes what a crash cut off at the end harmless to what is appended. */
  repair(file: FileHandle): Promise<void>;
}
