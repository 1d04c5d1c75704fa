/** The messages of a log's files, rotated ones too (moby daemon/logger/loggerutils/logfile.go). */
import { followLog } from './follow-log.ts';
import type { LogMessage, LogReadOptions } from './log-driver.ts';
import { bytesOf, type LogFile, openLogFile, openRotated } from './log-file.ts';
import type { LogFormat } from './log-format.ts';
import type { RotatingLog } from './rotating-log.ts';

/** Where a log is; `live` while it is written. */
export interface LogPlace {
  readonly path: string;
  readonly format: LogFormat;
  readonly live?: RotatingLog;
}

/** As moby: the tail is taken first, then times are looked at; the first message after `until` ends it. */
export async function* readLog(
  place: LogPlace,
  options: LogReadOptions,
): AsyncGenerator<LogMessage> {
  let since = options.sinceNano;
  for await (const message of allMessages(place, options)) {
    if (since !== undefined && message.timeNano < since) continue;
    since = undefined;
    if (options.untilNano !== undefined && message.timeNano > options.untilNano) return;
    yield message;
  }
}

async function* allMessages(
  { path, format, live }: LogPlace,
  { tail, follow, signal }: LogReadOptions,
): AsyncGenerator<LogMessage> {
  await using files = new AsyncDisposableStack();
  const open = async () => ({
    position: live?.position,
    rotated: tail === 0 ? [] : await openRotated(path, files),
    current: await openLogFile(path, files),
  });
  const { position, rotated, current } = await (live ? live.names.run(open) : open());
  const past: Stretch[] = rotated.map((file) => ({ file }));
  if (current) past.push({ file: current, ...(position ? { end: position.size } : {}) });
  yield* tail === undefined ? readAll(format, past) : readTail(format, past, tail);
  if (follow && live && position && current)
    yield* followLog(live, format, { file: current, position }, signal);
}

/** A file up to `end`, or to its own end. */
interface Stretch {
  readonly file: LogFile;
  readonly end?: number;
}

async function* readAll(
  format: LogFormat,
  stretches: readonly Stretch[],
): AsyncGenerator<LogMessage> {
  for (const { file, end } of stretches) yield* format.decode(bytesOf(file, 0, end));
}

/** The last `count` messages, looked for from the newest file back. */
async function* readTail(
  format: LogFormat,
  stretches: readonly Stretch[],
  count: number,
): AsyncGenerator<LogMessage> {
  const parts: (AsyncIterable<LogMessage> | readonly LogMessage[])[] = [];
  let missing = count;
  for (const stretch of stretches.toReversed()) {
    if (missing === 0) break;
    const { found, messages } = await tailOf(format, stretch, missing);
    parts.unshift(messages);
    missing -= found;
  }
  for (const part of parts) yield* part;
}

async function tailOf(
  format: LogFormat,
  { file, end: known }: Stretch,
  count: number,
): Promise<{ found: number; messages: AsyncIterable<LogMessage> | readonly LogMessage[] }> {
  if (file.isCompressed) {
    const messages = await lastMessages(format.decode(bytesOf(file)), count);
    return { found: messages.length, messages };
  }
  const end = known ?? (await file.handle.stat()).size;
  const { offset, found } = await format.tail(file.handle, count, end);
  return { found, messages: format.decode(bytesOf(file, offset, end)) };
}

/** A compressed file has no way back from its end. */
async function lastMessages(
  messages: AsyncIterable<LogMessage>,
  count: number,
): Promise<readonly LogMessage[]> {
  let kept: LogMessage[] = [];
  for await (const message of messages) {
    kept.push(message);
    // Cut now and then: once for each message would move the whole list each time.
    if (kept.length >= 2 * count + 1000) kept = kept.slice(-count);
  }
  return kept.slice(-count);
}
