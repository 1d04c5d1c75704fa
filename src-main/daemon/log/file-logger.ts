/** The logger of the drivers that write files: a format over a rotating log. */
import type { ContainerLogger, LogMessage, LogReadOptions } from './log-driver.ts';
import type { LogFormat } from './log-format.ts';
import { readLog } from './read-log.ts';
import { RotatingLog, type RotationLimits } from './rotating-log.ts';

export interface FileLoggerOptions {
  readonly name: string;
  readonly path: string;
  readonly format: LogFormat;
  readonly limits: RotationLimits;
  readonly encode: (message: LogMessage) => Uint8Array;
}

/** Opens the file and goes on at its end. */
export async function openFileLogger(
  options: FileLoggerOptions,
): Promise<Required<ContainerLogger>> {
  const { name, path, format, limits, encode } = options;
  const live = await RotatingLog.open(path, limits, format);
  return {
    name,
    write: (message) => live.append(encode(message)),
    read: (read: LogReadOptions) => readLog({ path, format, live }, read),
    close: () => live.close(),
  };
}
