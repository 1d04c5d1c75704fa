/** The json-file log driver: one JSON object a line (moby daemon/logger/jsonfilelog). */
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import { invalidArgument } from '../../../shared/errors.ts';
import { parseBoolean, parseBytes, parseInteger } from '../platform/go-values.ts';
import { openFileLogger } from './file-logger.ts';
import { decodeLine, encodeLine } from './json-line.ts';
import { logAttributes } from './log-attributes.ts';
import type { LogContext, LogDriver, LogMessage } from './log-driver.ts';
import type { LogFormat } from './log-format.ts';
import type { LogOptions } from './log-options.ts';
import { readLog } from './read-log.ts';
import type { RotationLimits } from './rotating-log.ts';
import { tailPosition } from './tail-position.ts';

const OPTIONS = [
  'max-file',
  'max-size',
  'compress',
  'labels',
  'labels-regex',
  'env',
  'env-regex',
  'tag',
];
const NEWLINE = 10;

function limitsOf(options: LogOptions): RotationLimits {
  const size = options['max-size'];
  const maxBytes = size === undefined ? undefined : parseBytes(size, 1000);
  if (maxBytes === 0) throw invalidArgument('max-size must be a positive number');
  const maxFiles = parseInteger(options['max-file'] ?? '1');
  if (maxFiles < 1) throw invalidArgument('max-file cannot be less than 1');
  const compress = parseBoolean(options['compress'] ?? 'false');
  if (compress && (maxFiles === 1 || maxBytes === undefined))
    throw invalidArgument(
      'compress cannot be true when max-file is less than 2 or max-size is not set',
    );
  return { maxBytes, maxFiles, compress };
}

/** `"attrs":{…},` for what the options name; '' for nothing. */
function attributesOf(context: LogContext): string {
  const attributes = logAttributes(context);
  return Object.keys(attributes).length === 0 ? '' : `"attrs":${JSON.stringify(attributes)},`;
}

async function* decode(bytes: AsyncIterable<Buffer>): AsyncGenerator<LogMessage> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of bytes) {
    const all = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    let start = 0;
    for (let end = all.indexOf(NEWLINE); end >= 0; end = all.indexOf(NEWLINE, start)) {
      const message = decodeLine(all.toString('utf8', start, end));
      start = end + 1;
      if (message) yield message;
    }
    rest = all.subarray(start);
  }
}

/** A line cut off by a crash is ended, so that the next one is readable. */
async function endLastLine(file: FileHandle): Promise<void> {
  const { size } = await file.stat();
  if (size === 0) return;
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, size - 1);
  if (buffer[0] !== NEWLINE) await file.appendFile('\n');
}

const format: LogFormat = { decode, tail: tailPosition, repair: endLastLine };

const pathOf = ({ directory, containerId }: LogContext): string =>
  join(directory, `${containerId}-json.log`);

export const jsonFileDriver: LogDriver = {
  name: 'json-file',
  validate(options) {
    const unknown = Object.keys(options).find((name) => !OPTIONS.includes(name));
    if (unknown !== undefined)
      throw invalidArgument(`unknown log opt '${unknown}' for json-file log driver`);
  },
  open(context) {
    const attributes = attributesOf(context);
    return openFileLogger({
      name: 'json-file',
      path: pathOf(context),
      format,
      limits: limitsOf(context.options),
      encode: (message) => Buffer.from(encodeLine(message, attributes)),
    });
  },
  openReader: async (context) => ({
    read: (options) => readLog({ path: pathOf(context), format }, options),
  }),
};
