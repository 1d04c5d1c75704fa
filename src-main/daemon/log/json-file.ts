/** The json-file log driver: append, rotate, read back (moby daemon/logger/jsonfilelog, loggerutils/logfile.go). */
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip } from 'node:zlib';
import { invalidArgument } from '../../../shared/errors.ts';
import { parseByteSize } from './byte-size.ts';
import { decodeLine, encodeLine } from './json-line.ts';
import { logAttributes } from './log-attributes.ts';
import type {
  ContainerLogger,
  LogContext,
  LogDriver,
  LogMessage,
  LogReadOptions,
} from './log-driver.ts';
import { tailPosition } from './tail-position.ts';

const KNOWN_OPTIONS = [
  'max-file',
  'max-size',
  'compress',
  'labels',
  'labels-regex',
  'env',
  'env-regex',
  'tag',
  'mode',
  'max-buffer-size',
];
function parseSize(text: string): number {
  const size = parseByteSize(text);
  if (size === undefined) throw invalidArgument(`invalid size: '${text}'`);
  return size;
}

interface Limits {
  readonly maxBytes: number;
  readonly maxFiles: number;
  readonly compress: boolean;
}

function limitsOf(options: Readonly<Record<string, string>>): Limits {
  const maxBytes = options['max-size'] === undefined ? 0 : parseSize(options['max-size']);
  const maxFiles = Number(options['max-file'] ?? 1);
  if (!Number.isInteger(maxFiles) || maxFiles < 1)
    throw invalidArgument('max-file cannot be less than 1');
  const compress = options['compress'] === 'true';
  if (compress && (maxFiles === 1 || maxBytes === 0))
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

export const jsonFileDriver: LogDriver = {
  name: 'json-file',
  validate(options) {
    const unknown = Object.keys(options).find((name) => !KNOWN_OPTIONS.includes(name));
    if (unknown !== undefined)
      throw invalidArgument(`unknown log opt '${unknown}' for json-file log driver`);
  },
  open: (context) => JsonFileLogger.open(context),
  openReader: async (context) => ({
    read: (options) => readFiles(context.logPath, options, undefined),
  }),
};

/** What followers wait for. */
class Growth {
  #waiters: (() => void)[] = [];
  isClosed = false;

  tell(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }

  close(): void {
    this.isClosed = true;
    this.tell();
  }

  wait(signal: AbortSignal): Promise<void> {
    if (this.isClosed || signal.aborted) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiters.push(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }
}

class JsonFileLogger implements ContainerLogger {
  readonly name = 'json-file';
  readonly #path: string;
  readonly #limits: Limits;
  readonly #attributes: string;
  readonly #growth = new Growth();
  #file: FileHandle;
  #size: number;
  #pending: string[] = [];
  #writing: Promise<void> | undefined;
  /** Rotations so far: followers see that the file under them changed. */
  #generation = 0;

  private constructor(
    context: LogContext,
    limits: Limits,
    opened: { readonly file: FileHandle; readonly size: number },
  ) {
    const { file, size } = opened;
    this.#path = context.logPath;
    this.#limits = limits;
    this.#attributes = attributesOf(context);
    this.#file = file;
    this.#size = size;
  }

  static async open(context: LogContext): Promise<JsonFileLogger> {
    const limits = limitsOf(context.options);
    const file = await open(context.logPath, 'a+', 0o640);
    const { size } = await file.stat();
    if (size > 0) await endLastLine(file, size);
    return new JsonFileLogger(context, limits, { file, size: (await file.stat()).size });
  }

  /** Messages that come while a write is under way go out together with the next one. */
  write(message: LogMessage): Promise<void> {
    this.#pending.push(encodeLine(message, this.#attributes));
    this.#writing ??= this.#flush();
    return this.#writing;
  }

  async #flush(): Promise<void> {
    try {
      // Lines of the same turn of the loop join this write.
      await Promise.resolve();
      while (this.#pending.length > 0) {
        const bytes = Buffer.from(this.#pending.splice(0).join(''));
        if (
          this.#limits.maxBytes > 0 &&
          this.#size > 0 &&
          this.#size + bytes.length > this.#limits.maxBytes
        )
          await this.#rotate();
        await this.#file.appendFile(bytes);
        this.#size += bytes.length;
        this.#growth.tell();
      }
    } finally {
      this.#writing = undefined;
    }
  }

  async #rotate(): Promise<void> {
    const { maxFiles, compress } = this.#limits;
    const suffix = compress ? '.gz' : '';
    await this.#file.close();
    if (maxFiles > 1) {
      for (let number = maxFiles - 1; number > 1; number--) {
        const older = `${this.#path}.${number - 1}${suffix}`;
        if (existsSync(older)) await rename(older, `${this.#path}.${number}${suffix}`);
      }
      await rename(this.#path, `${this.#path}.1`);
      if (compress) await compressFile(`${this.#path}.1`);
    } else {
      await rm(this.#path, { force: true });
    }
    this.#file = await open(this.#path, 'a+', 0o640);
    this.#size = 0;
    this.#generation++;
  }

  read(options: LogReadOptions): AsyncIterable<LogMessage> {
    return readFiles(this.#path, options, {
      growth: this.#growth,
      generation: () => this.#generation,
    });
  }

  async close(): Promise<void> {
    await this.#writing;
    this.#growth.close();
    await this.#file.close();
  }
}

/** A line cut off by a crash is ended, so that the next one is readable. */
async function endLastLine(file: FileHandle, size: number): Promise<void> {
  const last = Buffer.alloc(1);
  await file.read(last, 0, 1, size - 1);
  if (last[0] !== 10) await file.appendFile('\n');
}

async function compressFile(path: string): Promise<void> {
  await pipeline(
    createReadStream(path),
    createGzip(),
    createWriteStream(`${path}.gz`, { mode: 0o640 }),
  );
  await rm(path);
}

interface Live {
  readonly growth: Growth;
  generation(): number;
}

/** Rotated files, oldest first, then the current one. */
function filesOf(path: string): string[] {
  const rotated: string[] = [];
  for (let number = 1; ; number++) {
    const name = [`${path}.${number}`, `${path}.${number}.gz`].find((one) => existsSync(one));
    if (name === undefined) break;
    rotated.unshift(name);
  }
  return rotated;
}

const isWanted = (message: LogMessage, options: LogReadOptions): boolean =>
  (options.sinceNano === undefined || message.timeNano >= options.sinceNano) &&
  (options.untilNano === undefined || message.timeNano <= options.untilNano);

async function* readFiles(
  path: string,
  options: LogReadOptions,
  live: Live | undefined,
): AsyncGenerator<LogMessage> {
  const generation = live?.generation() ?? 0;
  const end = await currentSize(path);
  yield* readPast(path, options, end);
  if (!options.follow || !live) return;
  yield* follow(path, options, { live, from: end, generation });
}

async function currentSize(path: string): Promise<number> {
  return existsSync(path) ? (await stat(path)).size : 0;
}

async function* readPast(
  path: string,
  options: LogReadOptions,
  end: number,
): AsyncGenerator<LogMessage> {
  if (options.tail === 0) return;
  const rotated = filesOf(path);
  // Filters by time look at every line; a plain tail starts where it is.
  const isPlainTail = options.tail !== undefined && rotated.length === 0;
  const start = isPlainTail ? await tailPosition(path, options.tail ?? 0, end) : 0;
  const lines = async function* (): AsyncGenerator<LogMessage> {
    for (const file of rotated) yield* readLines(file, {});
    if (end > start) yield* readLines(path, { start, end: end - 1 });
  };
  if (options.tail === undefined || isPlainTail) {
    for await (const message of lines()) if (isWanted(message, options)) yield message;
    return;
  }
  const last: LogMessage[] = [];
  for await (const message of lines()) {
    if (!isWanted(message, options)) continue;
    last.push(message);
    if (last.length > options.tail) last.shift();
  }
  yield* last;
}

async function* readLines(
  path: string,
  range: { start?: number; end?: number },
): AsyncGenerator<LogMessage> {
  const file = createReadStream(path, { ...range, highWaterMark: 256 * 1024 });
  const input = path.endsWith('.gz') ? file.pipe(createGunzip()) : file;
  for await (const line of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    const message = decodeLine(line);
    if (message) yield message;
  }
}

async function* follow(
  path: string,
  options: LogReadOptions,
  state: { live: Live; from: number; generation: number },
): AsyncGenerator<LogMessage> {
  const { live } = state;
  let { from, generation } = state;
  while (!options.signal.aborted) {
    if (live.generation() !== generation) {
      // The rest of the file we were in is the newest rotated one now.
      if (existsSync(`${path}.1`)) yield* readLines(`${path}.1`, { start: from });
      generation = live.generation();
      from = 0;
    }
    const end = await currentSize(path);
    if (end > from) {
      for await (const message of readLines(path, { start: from, end: end - 1 })) {
        if (options.untilNano !== undefined && message.timeNano > options.untilNano) return;
        yield message;
      }
      from = end;
      continue;
    }
    if (live.growth.isClosed) return;
    await live.growth.wait(options.signal);
  }
}
