/** The `local` log driver: protobuf entries in files that rotate and are compressed (moby daemon/logger/local). */
import { type FileHandle, mkdir } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errorMessage, invalidArgument } from '../../../shared/errors.ts';
import { parseBoolean, parseBytes, parseInteger } from '../platform/go-values.ts';
import { openFileLogger } from './file-logger.ts';
import { decodeEntry, encodeEntry, LENGTH_BYTES, MAX_ENTRY_BYTES } from './local-entry.ts';
import type { LogContext, LogDriver, LogMessage } from './log-driver.ts';
import type { LogFormat, Tail } from './log-format.ts';
import type { LogOptions } from './log-options.ts';
import { readLog } from './read-log.ts';
import type { RotationLimits } from './rotating-log.ts';

const OPTIONS = ['max-file', 'max-size', 'compress'];
const DEFAULT_MAX_BYTES = 20 * 1024 * 1024;
const DEFAULT_MAX_FILES = 5;

/** The value of an option, with `words` before the reason when it has none. */
function read<T>(text: string, words: string, parse: (text: string) => T): T {
  try {
    return parse(text);
  } catch (error) {
    throw invalidArgument(`${words}: ${errorMessage(error)}`);
  }
}

function limitsOf(options: LogOptions): RotationLimits {
  const { 'max-size': size, 'max-file': files, compress: flag = 'true' } = options;
  const maxBytes =
    size === undefined
      ? DEFAULT_MAX_BYTES
      : read(size, `invalid value for max-size: ${size}`, (text) => parseBytes(text, 1000));
  const maxFiles =
    files === undefined
      ? DEFAULT_MAX_FILES
      : read(files, `invalid value for max-file: ${files}`, parseInteger);
  const compress = read(flag, 'error reading compress log option', parseBoolean);
  if (maxFiles < 0) throw invalidArgument('max file count cannot be less than 0');
  if (compress && maxFiles <= 1)
    throw invalidArgument('compression cannot be enabled when max file count is 1');
  return { maxBytes, maxFiles, compress };
}

/** Ends at the first bytes that are no entry: a crash cut the rest off. */
async function* decode(bytes: AsyncIterable<Buffer>): AsyncGenerator<LogMessage> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of bytes) {
    const all = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    while (all.length - start >= LENGTH_BYTES) {
      const length = all.readUInt32BE(start);
      if (length > MAX_ENTRY_BYTES) return;
      const end = start + length + 2 * LENGTH_BYTES;
      if (end > all.length) break;
      yield decodeEntry(all.subarray(start + LENGTH_BYTES, end - LENGTH_BYTES));
      start = end;
    }
    rest = all.subarray(start);
  }
}

async function lengthAt(file: FileHandle, position: number): Promise<number | undefined> {
  const { bytesRead, buffer } = await file.read(
    Buffer.alloc(LENGTH_BYTES),
    0,
    LENGTH_BYTES,
    position,
  );
  return bytesRead < LENGTH_BYTES ? undefined : buffer.readUInt32BE(0);
}

/** Walks back from length to length. */
async function tail(file: FileHandle, count: number, end: number): Promise<Tail> {
  let offset = end;
  for (let found = 0; ; found++) {
    if (found === count || offset < 2 * LENGTH_BYTES) return { offset, found };
    const length = await lengthAt(file, offset - LENGTH_BYTES);
    const start = offset - (length ?? 0) - 2 * LENGTH_BYTES;
    // What does not lead to the start of an entry is not its end.
    if (length === undefined || start < 0 || (await lengthAt(file, start)) !== length)
      return { offset, found };
    offset = start;
  }
}

/** Cuts off an entry that a crash left without its end. */
async function cutLastEntry(file: FileHandle): Promise<void> {
  const { size } = await file.stat();
  let end = 0;
  if ((await tail(file, 1, size)).found === 1) return;
  for (;;) {
    const length = await lengthAt(file, end);
    if (length === undefined || length > MAX_ENTRY_BYTES) break;
    const next = end + length + 2 * LENGTH_BYTES;
    if (next > size) break;
    end = next;
  }
  if (end < size) await file.truncate(end);
}

const format: LogFormat = { decode, tail, repair: cutLastEntry };

const pathOf = ({ directory }: LogContext): string =>
  join(directory, 'local-logs', 'container.log');

export const localDriver: LogDriver = {
  name: 'local',
  validate(options) {
    const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
    if (unknown !== undefined)
      throw invalidArgument(`unknown log opt '${unknown}' for log driver local`);
  },
  async open(context) {
    const limits = limitsOf(context.options);
    const path = pathOf(context);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    return openFileLogger({ name: 'local', path, format, limits, encode: encodeEntry });
  },
  openReader: async (context) => ({
    read: (options) => readLog({ path: pathOf(context), format }, options),
  }),
};
