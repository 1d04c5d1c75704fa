/** A plugin spoken to over http: the activation handshake, then JSON calls (moby pkg/plugins/client.go). */
import { readFileSync } from 'node:fs';
import { type IncomingMessage, type RequestOptions, request as requestHttp } from 'node:http';
import { request as requestHttps } from 'node:https';
import { setTimeout as delay } from 'node:timers/promises';
import { z } from 'zod';
import { errorMessage, internal } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import type { Plugin } from './plugin.ts';
import type { PluginAddress } from './plugin-discovery.ts';

const MEDIA_TYPE = 'application/vnd.docker.plugins.v1.2+json';
const CALL_LIMIT_MS = 120_000;
const MAX_ANSWER_BYTES = 16 * 1024 * 1024;
const FIRST_PAUSE_MS = 1_000;

const manifestSchema = z.object({ Implements: z.array(z.string()).nullish() });
const errorSchema = z.object({ Err: z.string() });

interface ActivateOptions {
  readonly log: Log;
  /** How long one that cannot be reached is asked again. */
  readonly limitMs: number;
}

interface Answer {
  readonly status: number;
  readonly text: string;
}

export class HttpPlugin implements Plugin {
  readonly name: string;
  capabilities: readonly string[] = [];
  readonly #address: PluginAddress;

  private constructor(address: PluginAddress) {
    this.name = address.name;
    this.#address = address;
  }

  /** The handshake, tried again with growing pauses while nobody listens. */
  static async activate(address: PluginAddress, options: ActivateOptions): Promise<HttpPlugin> {
    const plugin = new HttpPlugin(address);
    const deadline = performance.now() + options.limitMs;
    for (let pauseMs = FIRST_PAUSE_MS; ; pauseMs *= 2) {
      try {
        const manifest = manifestSchema.parse(await plugin.call('Plugin.Activate'));
        plugin.capabilities = manifest.Implements ?? [];
        return plugin;
      } catch (error) {
        const isUnreachable = error instanceof Error && error.cause instanceof Unreachable;
        if (!isUnreachable || performance.now() + pauseMs > deadline) throw error;
        options.log.warn('Unable to connect to plugin, retrying', {
          plugin: address.name,
          error: errorMessage(error),
          pauseMs,
        });
        await delay(pauseMs, undefined, { ref: false });
      }
    }
  }

  async call(
    method: string,
    body: unknown = {},
    options: { readonly timeoutMs?: number } = {},
  ): Promise<unknown> {
    const { status, text } = await this.#post(method, JSON.stringify(body), options.timeoutMs);
    const parsed = parseJson(text);
    if (status === 200) return parsed;
    const told = errorSchema.safeParse(parsed);
    throw internal(`${method}: ${told.success ? told.data.Err : text.trim()}`);
  }

  async #post(method: string, payload: string, timeoutMs = CALL_LIMIT_MS): Promise<Answer> {
    try {
      return await send(this.#address, { method, payload, timeoutMs });
    } catch (error) {
      throw internal(`Post "${urlOf(this.#address)}/${method}": ${errorMessage(error)}`, {
        cause: isConnectFailure(error) ? new Unreachable() : error,
      });
    }
  }
}

/** Marks failures that a later try may not have. */
class Unreachable extends Error {}

const isConnectFailure = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  ['ECONNREFUSED', 'ENOENT', 'ECONNRESET', 'EHOSTUNREACH', 'ENETUNREACH'].includes(
    String(error.code),
  );

function parseJson(text: string): unknown {
  if (text.trim() === '') return {};
  try {
    return JSON.parse(text);
  } catch {
    // Some plugins answer a failure in plain words.
    return undefined;
  }
}

const urlOf = ({ url }: PluginAddress): string =>
  `http://${encodeURIComponent(url.replace(/^\w+:\/\//, ''))}`;

function send(
  address: PluginAddress,
  { method, payload, timeoutMs }: { method: string; payload: string; timeoutMs: number },
): Promise<Answer> {
  const options: RequestOptions = {
    ...targetOf(address),
    method: 'POST',
    path: `/${method}`,
    headers: {
      Accept: MEDIA_TYPE,
      'Content-Type': MEDIA_TYPE,
      'Content-Length': Buffer.byteLength(payload),
    },
    signal: AbortSignal.timeout(timeoutMs),
    agent: false,
  };
  return new Promise((resolve, reject) => {
    const isTls = address.tls !== undefined || address.url.startsWith('https://');
    const make = isTls ? requestHttps : requestHttp;
    const outgoing = make(
      isTls ? { ...options, ...tlsOf(address) } : options,
      (response) => void readAnswer(response).then(resolve, reject),
    );
    outgoing.on('error', reject);
    outgoing.end(payload);
  });
}

async function readAnswer(response: IncomingMessage): Promise<Answer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of response as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_ANSWER_BYTES) throw internal('its answer is too long');
    parts.push(part);
  }
  return { status: response.statusCode ?? 0, text: Buffer.concat(parts).toString('utf8') };
}

function targetOf({ url }: PluginAddress): RequestOptions {
  if (url.startsWith('unix://'))
    return { socketPath: url.slice('unix://'.length), headers: { Host: 'plugin' } };
  const { hostname, port } = new URL(url.replace(/^tcp:/, 'http:'));
  return { host: hostname.replace(/^\[|\]$/g, ''), port };
}

function tlsOf({ tls }: PluginAddress): object {
  if (!tls) return {};
  const { InsecureSkipVerify = false, CAFile = '', CertFile = '', KeyFile = '' } = tls;
  return {
    rejectUnauthorized: !InsecureSkipVerify,
    ...(CAFile === '' ? {} : { ca: readFileSync(CAFile) }),
    ...(CertFile === '' ? {} : { cert: readFileSync(CertFile) }),
    ...(KeyFile === '' ? {} : { key: readFileSync(KeyFile) }),
  };
}
