/** One line of a json-file log: `{"log":"…","stream":"stdout","time":"…"}` (moby jsonfilelog/jsonlog). */
import type { LogMessage } from './log-driver.ts';

/** RFC 3339 with as many fraction digits as are not zero, as Go writes it. */
export function formatTime(timeNano: bigint): string {
  const seconds = timeNano / 1_000_000_000n;
  const fraction = String(timeNano % 1_000_000_000n)
    .padStart(9, '0')
    .replace(/0+$/, '');
  const whole = new Date(Number(seconds) * 1000).toISOString().slice(0, 19);
  return `${whole}${fraction === '' ? '' : `.${fraction}`}Z`;
}

function parseTime(text: string): bigint {
  const match = /^(.{19})(?:\.(\d{1,9}))?Z$/.exec(text);
  if (!match) return BigInt(Date.parse(text)) * 1_000_000n;
  const fraction = BigInt((match[2] ?? '').padEnd(9, '0'));
  return BigInt(Date.parse(`${match[1]}Z`)) * 1_000_000n + fraction;
}

/** All lines of a chunk have the same time; formatting it costs more than the rest of a line. */
let lastTime = { nano: -1n, text: '' };

function timeText(timeNano: bigint): string {
  if (lastTime.nano !== timeNano) lastTime = { nano: timeNano, text: formatTime(timeNano) };
  return lastTime.text;
}

export function encodeLine(message: LogMessage, attributes: string): string {
  const text = JSON.stringify(
    Buffer.from(message.line.buffer, message.line.byteOffset, message.line.length).toString('utf8'),
  );
  return `{"log":${text},"stream":"${message.source}",${attributes}"time":"${timeText(message.timeNano)}"}\n`;
}

/** The message of a line; undefined for one that was cut off by a crash. */
export function decodeLine(line: string): LogMessage | undefined {
  try {
    const { log, stream, time, attrs } = JSON.parse(line) as {
      log: string;
      stream: LogMessage['source'];
      time: string;
      attrs?: Record<string, string>;
    };
    return {
      line: Buffer.from(log),
      source: stream,
      timeNano: parseTime(time),
      ...(attrs ? { attributes: attrs } : {}),
    };
  } catch {
    // Half a line: the daemon or the machine went down while it was written.
    return undefined;
  }
}
