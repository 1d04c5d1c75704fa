/** Log messages to a client: framed or raw, with timestamps and details (moby httputils/write_log_stream.go). */
import { encodeFrame } from '../../../shared/framing.ts';
import { formatTime } from '../log/json-line.ts';
import type { LogMessage } from '../log/log-driver.ts';
import { writeAll } from './json-stream.ts';
import type { ApiRequest } from './request.ts';

export interface LogStreamOptions {
  readonly isTty: boolean;
  readonly timestamps: boolean;
  readonly details: boolean;
}

/** Lines go out together up to this size. */
const BATCH_BYTES = 64 * 1024;

/** Go's RFC3339Nano with all nine digits, so that columns line up. */
const fixedTime = (timeNano: bigint): string => {
  const text = formatTime(timeNano).slice(0, -1);
  const [whole = '', fraction = ''] = text.split('.');
  return `${whole}.${fraction.padEnd(9, '0')}Z`;
};

/** Go's url.QueryEscape. */
const queryEscape = (text: string): string =>
  encodeURIComponent(text)
    .replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll('%20', '+');

function prefixOf(message: LogMessage, options: LogStreamOptions): string {
  const details = options.details
    ? `${Object.entries(message.attributes ?? {})
        .map(([key, value]) => `${queryEscape(key)}=${queryEscape(value)}`)
        .sort()
        .join(',')} `
    : '';
  return `${options.timestamps ? `${fixedTime(message.timeNano)} ` : ''}${details}`;
}

function encode(message: LogMessage, options: LogStreamOptions): Uint8Array {
  const prefix = prefixOf(message, options);
  const bytes = prefix === '' ? message.line : Buffer.concat([Buffer.from(prefix), message.line]);
  return options.isTty ? bytes : encodeFrame(message.source, bytes);
}

/** Writes all, at the client's speed; a pause in the messages sends what is collected. */
export async function writeLogs(
  request: ApiRequest,
  messages: AsyncIterable<LogMessage>,
  options: LogStreamOptions,
): Promise<void> {
  let batch: Uint8Array[] = [];
  let batchBytes = 0;
  let timer: NodeJS.Immediate | undefined;
  const flush = (): Promise<void> => {
    if (timer) clearImmediate(timer);
    timer = undefined;
    if (batchBytes === 0) return Promise.resolve();
    const bytes = Buffer.concat(batch);
    batch = [];
    batchBytes = 0;
    return writeAll(request, bytes);
  };
  try {
    for await (const message of messages) {
      const bytes = encode(message, options);
      batch.push(bytes);
      batchBytes += bytes.length;
      if (batchBytes >= BATCH_BYTES) await flush();
      // The client may be gone when the pause comes; the next write tells.
      else timer ??= setImmediate(() => void flush().catch(() => undefined));
    }
    await flush();
    request.response.end();
  } catch (error) {
    if (!request.signal.aborted) throw error;
  }
}
