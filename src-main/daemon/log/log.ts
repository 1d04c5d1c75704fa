/** The daemon's own log: one line a fact, with fields. Written by the sink the entry chooses. */

export type LogLevel = 'debug' | 'info' | 'warn' | 'error' | 'fatal';
type LogFields = Readonly<Record<string, unknown>>;

export interface Log {
  debug(message: string, fields?: LogFields): void;
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  isDebug(): boolean;
}

const RANK: Readonly<Record<LogLevel, number>> = { debug: 0, info: 1, warn: 2, error: 3, fatal: 4 };

const quote = (value: unknown): string => {
  const text = typeof value === 'string' ? value : JSON.stringify(value);
  return /^[\w./:@+-]+$/.test(text) ? text : JSON.stringify(text);
};

/** dockerd's (logrus') text form: `time="…" level=info msg="…" key=value`. */
function formatTextLine(level: LogLevel, message: string, fields: LogFields = {}): string {
  const parts = [
    `time=${JSON.stringify(new Date().toISOString())}`,
    `level=${level === 'warn' ? 'warning' : level}`,
    `msg=${quote(message)}`,
    ...Object.entries(fields)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]) => `${name}=${quote(value)}`),
  ];
  return `${parts.join(' ')}\n`;
}

/** The `--log-format json` form. */
function formatJsonLine(level: LogLevel, message: string, fields: LogFields = {}): string {
  const time = new Date().toISOString();
  return `${JSON.stringify({ ...fields, level: level === 'warn' ? 'warning' : level, msg: message, time })}\n`;
}

/** A log whose level can change while it runs (SIGHUP). */
export function createLog(options: {
  level: LogLevel;
  format: 'text' | 'json';
  write: (line: string) => void;
}): Log & { setLevel(level: LogLevel): void } {
  let threshold = RANK[options.level];
  const format = options.format === 'json' ? formatJsonLine : formatTextLine;
  const at =
    (level: LogLevel) =>
    (message: string, fields?: LogFields): void => {
      if (RANK[level] >= threshold) options.write(format(level, message, fields));
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    isDebug: () => threshold === 0,
    setLevel: (level) => {
      threshold = RANK[level];
    },
  };
}

/** One log to two places, each with its own level. */
export function bothLogs(one: Log, other: Log): Log {
  const at =
    (level: 'debug' | 'info' | 'warn' | 'error') =>
    (message: string, fields?: LogFields): void => {
      one[level](message, fields);
      other[level](message, fields);
    };
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    isDebug: () => one.isDebug() || other.isDebug(),
  };
}
