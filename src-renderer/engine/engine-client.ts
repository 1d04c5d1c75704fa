/** A Docker Engine client over the shell: JSON, JSON lines, raw connections. Failures are EngineErrors in the engine's words. */
import { codeForStatus, EngineError } from '../../shared/errors.ts';
import { JsonLineParser } from '../../shared/json-lines.ts';
import type { DuplexChannel, HeadOf, ShellClient } from '../../shared/shell/contract.ts';

const PUSH = /^\/images\/.+\/push(\?|$)/;

type Channel = DuplexChannel<HeadOf<'engine.request'>>;
type Method = 'GET' | 'POST' | 'PUT' | 'DELETE';

export interface RawConnection {
  readonly readable: AsyncIterable<Uint8Array>;
  write(bytes: Uint8Array): Promise<void>;
  close(): void;
}

async function collect(readable: AsyncIterable<Uint8Array>): Promise<string> {
  const parts: string[] = [];
  const text = new TextDecoder();
  for await (const bytes of readable) parts.push(text.decode(bytes, { stream: true }));
  return parts.join('');
}

function failure(status: number, body: string): EngineError {
  let message = body.trim() || `the engine answered ${status}`;
  try {
    message = (JSON.parse(body) as { message?: string }).message ?? message;
  } catch {
    // Not JSON: the text is the message.
  }
  return new EngineError(codeForStatus(status), message, { status });
}

/** Query text; undefined values are left out. */
export function query(
  values: Readonly<Record<string, string | number | boolean | undefined>>,
): string {
  const parts = Object.entries(values).filter(([, value]) => value !== undefined);
  if (parts.length === 0) return '';
  return `?${parts.map(([name, value]) => `${name}=${encodeURIComponent(String(value))}`).join('&')}`;
}

export class EngineClient {
  readonly #shell: ShellClient;
  readonly host: string;

  constructor(shell: ShellClient, host: string) {
    this.#shell = shell;
    this.host = host;
  }

  async #open(method: Method, path: string, body: unknown, signal?: AbortSignal): Promise<Channel> {
    const headers: Record<string, string> = {
      ...(body !== undefined && { 'Content-Type': 'application/json' }),
      // Docker asks for it, be it empty.
      ...(PUSH.test(path) && { 'X-Registry-Auth': btoa('{}') }),
    };
    const channel = this.#shell.duplex(
      'engine.request',
      { host: this.host, method, path, headers },
      signal,
    );
    if (body !== undefined) await channel.write(new TextEncoder().encode(JSON.stringify(body)));
    await channel.end();
    const { status } = await channel.head;
    if (status >= 400) throw failure(status, await collect(channel.readable));
    return channel;
  }

  /** Sends JSON, answers JSON; undefined for an empty answer. */
  async json<T>(method: Method, path: string, body?: unknown): Promise<T> {
    const text = await collect((await this.#open(method, path, body)).readable);
    return (text.trim() === '' ? undefined : JSON.parse(text)) as T;
  }

  get<T>(path: string): Promise<T> {
    return this.json('GET', path);
  }

  async post(path: string, body?: unknown): Promise<void> {
    await this.json('POST', path, body);
  }

  /** Values of a stream; an error line inside a 200 is thrown as the error it is. */
  async *lines<T extends object>(
    method: Method,
    path: string,
    signal?: AbortSignal,
  ): AsyncGenerator<T> {
    const channel = await this.#open(method, path, undefined, signal);
    const parser = new JsonLineParser<T & { error?: string }>();
    for await (const bytes of channel.readable) {
      for (const value of parser.push(bytes)) {
        if (typeof value.error === 'string') throw new EngineError('internal', value.error);
        yield value as T;
      }
    }
  }

  /** The bytes of an answer. */
  async bytes(path: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    return (await this.#open('GET', path, undefined, signal)).readable;
  }

  /** Sends a tar, answers the text of the stream. */
  async upload(path: string, file: Blob, method: 'POST' | 'PUT' = 'POST'): Promise<string> {
    const channel = this.#shell.duplex('engine.request', {
      host: this.host,
      method,
      path,
      headers: { 'Content-Type': 'application/x-tar' },
    });
    const reader = file.stream().getReader();
    for (let part = await reader.read(); !part.done; part = await reader.read())
      await channel.write(part.value);
    await channel.end();
    const { status } = await channel.head;
    const text = await collect(channel.readable);
    if (status >= 400) throw failure(status, text);
    return text;
  }

  /** A hijacked connection, for attach and exec. */
  async hijack(path: string, body?: unknown): Promise<RawConnection> {
    const channel = this.#shell.duplex('engine.request', {
      host: this.host,
      method: 'POST',
      path,
      headers: {},
      upgrade: true,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    const { status } = await channel.head;
    if (status >= 300) throw failure(status, await collect(channel.readable));
    return {
      readable: channel.readable,
      write: (bytes) => channel.write(bytes),
      close: () => channel.abort(),
    };
  }
}
