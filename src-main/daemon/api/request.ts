/** One API request as handlers see it: path parameters, query, body, and the ways to answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { json as readJsonStream } from 'node:stream/consumers';
import type { z } from 'zod';
import type { EngineError } from '../../../shared/errors.ts';
import { invalidArgument, toEngineError } from '../../../shared/errors.ts';

const MAX_JSON_BYTES = 8 * 1024 * 1024;

export class ApiRequest {
  readonly incoming: IncomingMessage;
  readonly response: ServerResponse;
  readonly parameters: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  /** `1.41`: as asked, or the newest. */
  readonly version: string;
  readonly #body: Buffer | undefined;
  readonly #aborted = new AbortController();

  constructor(
    incoming: IncomingMessage,
    response: ServerResponse,
    target: {
      parameters: Readonly<Record<string, string>>;
      query: URLSearchParams;
      version: string;
      /** The body of an upgraded request, which cannot be read from `incoming`. */
      body?: Buffer;
    },
  ) {
    this.incoming = incoming;
    this.response = response;
    this.parameters = target.parameters;
    this.query = target.query;
    this.version = target.version;
    this.#body = target.body;
    response.once('close', () => {
      if (!response.writableFinished) this.#aborted.abort(new Error('client gone'));
    });
  }

  /** Aborts when the client goes before it was answered. */
  get signal(): AbortSignal {
    return this.#aborted.signal;
  }

  parameter(name: string): string {
    return this.parameters[name] ?? '';
  }

  text(name: string): string {
    return this.query.get(name) ?? '';
  }

  /** Docker's truth: everything but '', 0, no, false, none. */
  flag(name: string, fallback = false): boolean {
    const value = this.query.get(name);
    if (value === null) return fallback;
    return !['', '0', 'no', 'false', 'none'].includes(value.toLowerCase().trim());
  }

  integer(name: string): number | undefined {
    const value = this.query.get(name);
    if (value === null || value === '') return undefined;
    if (!/^-?\d+$/.test(value))
      throw invalidArgument(`strconv.Atoi: parsing "${value}": invalid syntax`);
    return Number(value);
  }

  /** `filters`: `{"name":["a"]}`, or the old `{"name":{"a":true}}`. */
  filters(): Readonly<Record<string, readonly string[]>> {
    const value = this.query.get('filters');
    if (value === null || value === '') return {};
    try {
      const parsed = JSON.parse(value) as Record<string, string[] | Record<string, boolean>>;
      return Object.fromEntries(
        Object.entries(parsed).map(([name, values]) => [
          name,
          Array.isArray(values) ? values : Object.keys(values),
        ]),
      );
    } catch (error) {
      throw invalidArgument(`invalid filter: ${value}`, { cause: error });
    }
  }

  /** True for API versions from `minor` of 1.x on. */
  isAtLeast(minor: number): boolean {
    return Number(this.version.split('.')[1] ?? 0) >= minor;
  }

  /** The JSON body, checked. An absent one is read as `{}` when `isOptional`. */
  async body<T extends z.ZodType>(
    schema: T,
    options: { isOptional?: boolean } = {},
  ): Promise<z.output<T>> {
    const length = Number(this.incoming.headers['content-length'] ?? Number.NaN);
    if (
      options.isOptional &&
      (length === 0 || (Number.isNaN(length) && !this.incoming.headers['transfer-encoding']))
    )
      return schema.parse({});
    const type = this.incoming.headers['content-type'] ?? '';
    if (type !== '' && !type.toLowerCase().startsWith('application/json'))
      throw invalidArgument(`Content-Type specified (${type}) must be 'application/json'`);
    if (length > MAX_JSON_BYTES) throw invalidArgument('request body too large', { status: 413 });
    return checked(schema, await this.#json());
  }

  async #json(): Promise<unknown> {
    try {
      return this.#body
        ? (JSON.parse(this.#body.toString('utf8')) as unknown)
        : await readJsonStream(this.incoming);
    } catch (error) {
      throw invalidArgument(jsonProblem(error), { cause: error });
    }
  }

  /** Answers JSON. */
  json(value: unknown, status = 200): void {
    const bytes = Buffer.from(`${JSON.stringify(value)}\n`);
    this.response.writeHead(status, {
      'Content-Type': 'application/json',
      'Content-Length': bytes.length,
    });
    this.response.end(bytes);
  }

  /** Answers a status alone. */
  empty(status: number): void {
    this.response.writeHead(status);
    this.response.end();
  }

  /** Answers `{"message"}` with the error's status. */
  fail(thrown: unknown): EngineError {
    const error = toEngineError(thrown);
    if (this.response.headersSent) {
      this.response.destroy();
      return error;
    }
    this.json({ message: error.message }, error.status);
    return error;
  }
}

/** Go's words for broken JSON, where they can be told. */
function jsonProblem(error: unknown): string {
  const text = String(error);
  if (/end of JSON|Unexpected end/.test(text)) return 'unexpected EOF';
  const character = /Unexpected token '?(.)'?/.exec(text)?.[1];
  return character === undefined
    ? 'invalid JSON'
    : `invalid character '${character}' looking for beginning of value`;
}

/** Checks a body; the first problem becomes Docker's kind of message. */
export function checked<T extends z.ZodType>(schema: T, value: unknown): z.output<T> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path.join('.') ?? '';
  const received = path
    .split('.')
    .reduce<unknown>((at, key) => (at as Record<string, unknown> | undefined)?.[key], value);
  throw invalidArgument(
    `json: cannot unmarshal ${goKind(received)} into Go struct field ${path} of type ${issue?.code === 'invalid_type' ? issue.expected : 'value'}`,
  );
}

const goKind = (value: unknown): string =>
  Array.isArray(value)
    ? 'array'
    : value === null
      ? 'null'
      : typeof value === 'boolean'
        ? 'bool'
        : typeof value;
