/** One API request as handlers see it: path parameters, query, body, and the ways to answer. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { z } from 'zod';
import type { EngineError } from '../../../shared/errors.ts';
import { invalidArgument, toEngineError } from '../../../shared/errors.ts';
import { asServerError, checkedBody, parseBody, parseJson, readText } from './json-body.ts';

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
      const parsed = parseJson(value) as Record<string, string[] | Record<string, boolean>>;
      return Object.fromEntries(
        Object.entries(parsed).map(([name, values]) => [
          name,
          Array.isArray(values) ? values : Object.keys(values),
        ]),
      );
    } catch (error) {
      throw this.isAtLeast(42) ? error : asServerError(error);
    }
  }

  /** True for API versions from `minor` of 1.x on. */
  isAtLeast(minor: number): boolean {
    return Number(this.version.split('.')[1] ?? 0) >= minor;
  }

  /**
   * The JSON body, checked. An absent one is read as `{}` when `isOptional`. `goType` is what Docker's
   * messages call it.
   */
  async body<T extends z.ZodType>(
    schema: T,
    options: { isOptional?: boolean; goType?: string } = {},
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
    try {
      const text = this.#body?.toString('utf8') ?? (await readText(this.incoming));
      return checkedBody(schema, parseBody(text), options.goType ?? '');
    } catch (error) {
      // Docker calls this an error of its own before API 1.42.
      throw this.isAtLeast(42) ? error : asServerError(error);
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

  /** Clients before 1.24 take an error for plain text. */
  #plain({ message, status }: EngineError): void {
    const bytes = Buffer.from(`${message}\n`);
    this.response.writeHead(status, {
      'Content-Type': 'text/plain; charset=utf-8',
      'Content-Length': bytes.length,
    });
    this.response.end(bytes);
  }

  /** Answers `{"message"}` with the error's status. */
  fail(thrown: unknown): EngineError {
    const error = toEngineError(thrown);
    if (this.response.headersSent) {
      this.response.destroy();
      return error;
    }
    if (this.isAtLeast(24)) this.json({ message: error.message }, error.status);
    else this.#plain(error);
    return error;
  }
}
