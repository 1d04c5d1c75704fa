/** One repository on one registry endpoint, over HTTP (OCI distribution-spec, Docker registry v2). */
import { Readable } from 'node:stream';
import type { Dispatcher } from 'undici';
import type { RegistryAuth } from '../image/image-service.ts';
import { type Challenge, parseChallenges } from './challenge.ts';
import { digestOf } from './digest.ts';
import { MANIFEST_ACCEPT } from './manifest.ts';
import { RegistryAuthorizer } from './registry-auth.ts';
import type { RegistryEndpoint } from './registry-endpoints.ts';
import { registryErrorOf } from './registry-error.ts';
import { RegistryTransport } from './registry-transport.ts';
import { TransportError } from './transport-error.ts';

export interface RegistryClientOptions {
  readonly endpoint: RegistryEndpoint;
  /** `library/busybox`; '' for questions about the registry itself. */
  readonly repository: string;
  readonly auth: RegistryAuth;
  /** `repository:library/busybox:pull`; undefined asks for a token without rights. */
  readonly scope: string | undefined;
  /** Asks the token server for a token to keep instead of the password. */
  readonly wantsIdentityToken?: boolean;
  readonly stallTimeoutMs: number;
  readonly userAgent: string;
}

interface Request {
  readonly method: 'GET' | 'HEAD' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  readonly url: string;
  readonly headers?: Readonly<Record<string, string | string[]>>;
  /** A stream is sent once: a refused token then fails the request. */
  readonly body?: string | Uint8Array | Readable;
  /** Rights beyond the client's own. */
  readonly scopes?: readonly string[];
  readonly signal?: AbortSignal | undefined;
}

type Response = Dispatcher.ResponseData;

/** Manifests and configs are small; a registry that sends more is broken or hostile. */
const DOCUMENT_BYTES_MAX = 8 * 1024 * 1024;
const REDIRECTS_MAX = 10;
const PING_TIMEOUT_MS = 15_000;

/** A manifest as received. `digest` is that of `text`. */
export interface RemoteManifest {
  readonly text: string;
  readonly digest: string;
  readonly mediaType: string;
}

/** A blob, or the rest of one. */
export interface RemoteBlob {
  readonly body: Readable;
  /** Where `body` begins: as asked, or 0 when the registry does not know ranges. */
  readonly offset: number;
}

export class RegistryClient implements AsyncDisposable {
  readonly #options: RegistryClientOptions;
  readonly #transport: RegistryTransport;
  readonly #authorizer: RegistryAuthorizer;
  #challenges: readonly Challenge[] = [];
  #users = 1;

  constructor(options: RegistryClientOptions) {
    this.#options = options;
    this.#transport = new RegistryTransport(options.endpoint.tls, options.stallTimeoutMs);
    this.#authorizer = new RegistryAuthorizer(options.auth, {
      scope: options.scope,
      wantsIdentityToken: options.wantsIdentityToken ?? false,
      fetch: async (request) => {
        const response = await this.#send({ ...request, url: request.url.href });
        return readDocument(await succeed(response));
      },
    });
  }

  /** What the token server gave to keep, once it was asked. */
  get identityToken(): string | undefined {
    return this.#authorizer.identityToken;
  }

  /**
   * Asks `/v2/` and keeps its challenges; true when it says it is a registry. Throws TransportError
   * when nobody answers.
   */
  async ping(signal?: AbortSignal): Promise<boolean> {
    const timeout = AbortSignal.timeout(PING_TIMEOUT_MS);
    const response = await this.#send({
      method: 'GET',
      url: `${this.#options.endpoint.url}/v2/`,
      signal: signal ? AbortSignal.any([signal, timeout]) : timeout,
    });
    await response.body.dump();
    if (response.statusCode === 401) {
      this.#challenges = parseChallenges(response.headers['www-authenticate']);
    }
    return response.headers['docker-distribution-api-version'] === 'registry/2.0';
  }

  /**
   * Follows a tag to its manifest: HEAD for the digest (which registries do not count as a pull),
   * then the manifest by that digest.
   */
  async manifestByTag(tag: string, signal?: AbortSignal): Promise<RemoteManifest> {
    const url = this.url(`manifests/${tag}`);
    const headers = { accept: [...MANIFEST_ACCEPT] };
    const head = await this.request({ method: 'HEAD', url, headers, signal });
    await head.body.dump();
    const digest = head.headers['docker-content-digest'];
    if (head.statusCode >= 200 && head.statusCode < 400 && typeof digest === 'string') {
      return this.manifestByDigest(digest, signal);
    }
    const response = await succeed(await this.request({ method: 'GET', url, headers, signal }));
    return toManifest(response);
  }

  /** Throws when the answer is not what the digest promises. */
  async manifestByDigest(digest: string, signal?: AbortSignal): Promise<RemoteManifest> {
    const url = this.url(`manifests/${digest}`);
    const headers = { accept: [...MANIFEST_ACCEPT] };
    const response = await succeed(await this.request({ method: 'GET', url, headers, signal }));
    const manifest = await toManifest(response);
    if (manifest.digest !== digest) {
      throw new Error(`manifest verification failed for digest ${digest}`);
    }
    return manifest;
  }

  /** A small blob (the image config), verified. */
  async config(digest: string, signal?: AbortSignal): Promise<Buffer> {
    const { body } = await this.blob(digest, 0, signal);
    const bytes = await readBytes(body);
    if (digestOf(bytes) !== digest) {
      throw new Error(`image config verification failed for digest ${digest}`);
    }
    return bytes;
  }

  /** Streams a blob from `offset` on. The consumer verifies. */
  async blob(digest: string, offset: number, signal?: AbortSignal): Promise<RemoteBlob> {
    const headers: Record<string, string> = { 'accept-encoding': 'identity' };
    if (offset > 0) headers['range'] = `bytes=${offset}-`;
    const url = this.url(`blobs/${digest}`);
    const response = await succeed(await this.request({ method: 'GET', url, headers, signal }));
    if (response.statusCode !== 206) return { body: response.body, offset: 0 };
    const start = /^bytes (\d+)-/.exec(String(response.headers['content-range']))?.[1];
    return { body: response.body, offset: Number(start ?? offset) };
  }

  /** Every tag of the repository, page by page. */
  async tags(signal?: AbortSignal): Promise<readonly string[]> {
    const tags: string[] = [];
    let url: string | undefined = this.url('tags/list');
    while (url !== undefined) {
      const response: Response = await succeed(await this.request({ method: 'GET', url, signal }));
      const page = JSON.parse(await readDocument(response)) as { tags?: string[] | null };
      tags.push(...(page.tags ?? []));
      const next = /<([^>]+)>\s*;\s*rel="?next"?/.exec(String(response.headers['link'] ?? ''))?.[1];
      url = next === undefined ? undefined : new URL(next, url).href;
    }
    return tags;
  }

  /** Counts another user of the connection: it is closed when the last user lets go. */
  retain(): () => Promise<void> {
    this.#users++;
    return () => this[Symbol.asyncDispose]();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#users--;
    if (this.#users === 0) await this.#transport.destroy();
  }

  /** Of something in the repository (`manifests/latest`), or of the registry itself when there is none. */
  url(rest: string): string {
    const { endpoint, repository } = this.#options;
    return `${endpoint.url}/${repository === '' ? '' : `v2/${repository}/`}${rest}`;
  }

  /** With authorization; a token refused before its time is renewed once. */
  async request(request: Request): Promise<Response> {
    const response = await this.#authorized(request);
    if (response.statusCode !== 401) return response;
    const challenges = parseChallenges(response.headers['www-authenticate']);
    const isExpired = challenges.some(({ parameters }) => parameters['error'] === 'invalid_token');
    if (challenges.length === 0 || (this.#challenges.length > 0 && !isExpired)) return response;
    this.#challenges = challenges;
    this.#authorizer.forget();
    if (request.body instanceof Readable) return response;
    await response.body.dump();
    return this.#authorized(request);
  }

  async #authorized(request: Request): Promise<Response> {
    let authorization: string | undefined;
    try {
      authorization = await this.#authorizer.authorize(this.#challenges, request.scopes);
    } catch (error) {
      request.signal?.throwIfAborted();
      const isFinal = !(error instanceof TransportError) || error.isFinal;
      throw new TransportError(request.method, request.url, error, { isFinal });
    }
    return this.#follow(request, authorization);
  }

  /** Follows redirects; credentials stay with the host they were meant for. */
  async #follow(request: Request, authorization: string | undefined): Promise<Response> {
    let url = request.url;
    for (let hop = 0; hop <= REDIRECTS_MAX; hop++) {
      const isHome = new URL(url).origin === new URL(request.url).origin;
      const headers = { ...request.headers, ...(authorization && isHome ? { authorization } : {}) };
      const response = await this.#send({ ...request, url, headers });
      const location = response.headers['location'];
      const isRedirect = [301, 302, 303, 307, 308].includes(response.statusCode);
      if (!isRedirect || typeof location !== 'string') return response;
      await response.body.dump();
      url = new URL(location, url).href;
    }
    throw new TransportError(request.method, url, new Error('stopped after 10 redirects'));
  }

  async #send(request: Request): Promise<Response> {
    try {
      return await this.#transport.request(new URL(request.url), {
        method: request.method,
        headers: { 'user-agent': this.#options.userAgent, ...request.headers },
        body: request.body ?? null,
        ...(request.signal ? { signal: request.signal } : {}),
      });
    } catch (error) {
      request.signal?.throwIfAborted();
      throw new TransportError(request.method, request.url, error);
    }
  }
}

/** The response, or its error thrown as RegistryError. */
export async function succeed(response: Response): Promise<Response> {
  if (response.statusCode >= 200 && response.statusCode < 400) return response;
  const body = await readDocument(response).catch(() => '');
  throw registryErrorOf(response.statusCode, response.statusText, response.headers, body);
}

async function readBytes(body: Readable): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > DOCUMENT_BYTES_MAX) throw new Error('registry document exceeds the size limit');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** A small body as text. */
export async function readDocument(response: Response): Promise<string> {
  return (await readBytes(response.body)).toString('utf8');
}

async function toManifest(response: Response): Promise<RemoteManifest> {
  const bytes = await readBytes(response.body);
  const mediaType = String(response.headers['content-type'] ?? '');
  return { text: bytes.toString('utf8'), digest: digestOf(bytes), mediaType };
}
