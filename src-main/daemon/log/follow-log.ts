/** What is appended to a log, through its rotations (moby daemon/logger/loggerutils/follow.go). */
import type { LogMessage } from './log-driver.ts';
import { bytesOf, type LogFile, openLogFile, openRotated } from './log-file.ts';
import type { LogFormat } from './log-format.ts';
import type { LogPosition, RotatingLog } from './rotating-log.ts';

export interface FollowStart {
  /** The current file; its owner closes it. */
  readonly file: LogFile;
  /** What has been read. */
  readonly position: LogPosition;
}

/** Ends with the log or the signal. */
export async function* followLog(
  log: RotatingLog,
  format: LogFormat,
  start: FollowStart,
  signal: AbortSignal,
): AsyncGenerator<LogMessage> {
  let { file, position } = start;
  let owned = new AsyncDisposableStack();
  try {
    while (!signal.aborted) {
      const now = log.position;
      if (now.generation !== position.generation) {
        const before = owned;
        owned = new AsyncDisposableStack();
        // What we had not read yet lies in the file we hold, whatever its name is by now.
        yield* format.decode(bytesOf(file, position.size));
        const next = await openNext(log, position.generation, owned);
        await before.disposeAsync();
        for (const rotated of next.rotated) yield* format.decode(bytesOf(rotated));
        ({ file, position } = next);
      } else if (now.size > position.size) {
        yield* format.decode(bytesOf(file, position.size, now.size));
        position = now;
      } else if (log.isClosed) {
        return;
      } else {
        await log.grown(now, signal);
      }
    }
  } finally {
    await owned.disposeAsync();
  }
}

/** The files that came after a generation: rotated ones whole, the current one from its start. */
function openNext(
  log: RotatingLog,
  generation: number,
  files: AsyncDisposableStack,
): Promise<FollowStart & { readonly rotated: readonly LogFile[] }> {
  return log.names.run(async () => {
    const now = log.position;
    const rotated = await openRotated(log.path, files, now.generation - generation - 1);
    const file = await openLogFile(log.path, files);
    if (!file) throw new Error(`${log.path} is gone`);
    return { rotated, file, position: { generation: now.generation, size: 0 } };
  });
}
