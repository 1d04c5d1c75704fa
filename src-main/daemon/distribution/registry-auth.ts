/** Answers a registry's challenge: Bearer tokens (with cache) and Basic (distribution-spec auth). */
import { z } from 'zod';
import type { RegistryAuth } from '../image/image-service.ts';
import type { Challenge } from './challenge.ts';

/** Sends one request without authorization of its own. Throws RegistryError for a refusal. */
type TokenFetch = (request: {
  readonly method: 'GET' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}) => Promise<string>;

const CLIENT_ID = 'docker';
/** Older token servers sent no lifetime and meant a minute. */
const MINIMUM_LIFETIME_SECONDS = 60;

const tokenSchema = z.looseObject({
  token: z.string().optional(),
  access_token: z.string().optional(),
  refresh_token: z.string().optional(),
  expires_in: z.number().optional(),
  issued_at: z.string().optional(),
});

const basic = (auth: RegistryAuth): string =>
  `Basic ${Buffer.from(`${auth.username}:${auth.password}`).toString('base64')}`;

const hasPassword = (auth: RegistryAuth): boolean =>
  (auth.username ?? '') !== '' && (auth.password ?? '') !== '';

/** The authorization of requests to one repository on one registry. */
export interface AuthorizerOptions {
  /** What every token must allow. */
  readonly scope: string | undefined;
  readonly wantsIdentityToken: boolean;
  readonly fetch: TokenFetch;
}

export class RegistryAuthorizer {
  readonly #auth: RegistryAuth;
  readonly #options: AuthorizerOptions;
  readonly #tokens = new Map<string, { readonly value: Promise<string>; expiresAtMs: number }>();
  #identityToken: string | undefined;

  constructor(auth: RegistryAuth, options: AuthorizerOptions) {
    this.#auth = auth;
    this.#options = options;
  }

  /** The refresh token the server gave for a password, when it was asked for one. */
  get identityToken(): string | undefined {
    return this.#identityToken;
  }

  /**
   * The `Authorization` header the challenges ask for, or undefined when they ask for none. `scopes`
   * are rights this request needs beyond the usual ones.
   */
  async authorize(
    challenges: readonly Challenge[],
    scopes: readonly string[] = [],
  ): Promise<string | undefined> {
    const bearer = challenges.find(({ scheme }) => scheme === 'bearer');
    if (bearer) {
      const registryToken = this.#auth.registrytoken ?? '';
      return `Bearer ${registryToken === '' ? await this.#token(bearer, scopes) : registryToken}`;
    }
    if (challenges.some(({ scheme }) => scheme === 'basic')) {
      if (!hasPassword(this.#auth)) throw new Error('no basic auth credentials');
      return basic(this.#auth);
    }
    return undefined;
  }

  /** Forgets the tokens: the registry refused one before its time. */
  forget(): void {
    this.#tokens.clear();
  }

  #token({ parameters }: Challenge, more: readonly string[]): Promise<string> {
    const { scope } = this.#options;
    const scopes = [...(scope === undefined ? [] : [scope]), ...more];
    const key = [parameters['realm'], parameters['service'], ...scopes].join(' ');
    const known = this.#tokens.get(key);
    if (known && known.expiresAtMs > Date.now()) return known.value;
    const entry = { value: Promise.resolve(''), expiresAtMs: Number.POSITIVE_INFINITY };
    entry.value = this.#request(parameters, scopes).then(
      ({ token, expiresAtMs }) => {
        entry.expiresAtMs = expiresAtMs;
        return token;
      },
      (error: unknown) => {
        this.#tokens.delete(key);
        throw error;
      },
    );
    this.#tokens.set(key, entry);
    return entry.value;
  }

  async #request(
    parameters: Challenge['parameters'],
    scopes: readonly string[],
  ): Promise<{ token: string; expiresAtMs: number }> {
    const realm = parameters['realm'];
    if (realm === undefined) throw new Error('no realm specified for token auth challenge');
    if (!URL.canParse(realm)) throw new Error(`invalid token auth challenge realm: ${realm}`);
    const identity = this.#auth.identitytoken ?? '';
    const service = parameters['service'] ?? '';
    const text =
      identity === ''
        ? await this.#withPassword(new URL(realm), service, scopes)
        : await this.#withIdentity(new URL(realm), { service, scopes, refreshToken: identity });
    const answer = tokenSchema.safeParse(safeJson(text));
    const token = answer.data?.access_token || answer.data?.token || '';
    if (!answer.success || token === '') {
      throw new Error('authorization server did not include a token in the response');
    }
    this.#identityToken = answer.data.refresh_token || this.#identityToken;
    const lifetime = Math.max(answer.data.expires_in ?? 0, MINIMUM_LIFETIME_SECONDS);
    const issuedAtMs = Date.parse(answer.data.issued_at ?? '') || Date.now();
    return { token, expiresAtMs: issuedAtMs + lifetime * 1000 };
  }

  #withPassword(url: URL, service: string, scopes: readonly string[]): Promise<string> {
    const { fetch, wantsIdentityToken } = this.#options;
    if (service !== '') url.searchParams.set('service', service);
    for (const scope of scopes) url.searchParams.append('scope', scope);
    if (wantsIdentityToken) {
      url.searchParams.set('offline_token', 'true');
      url.searchParams.set('client_id', CLIENT_ID);
    }
    if (!hasPassword(this.#auth)) return fetch({ method: 'GET', url, headers: {} });
    url.searchParams.set('account', this.#auth.username ?? '');
    return fetch({ method: 'GET', url, headers: { authorization: basic(this.#auth) } });
  }

  #withIdentity(
    url: URL,
    request: {
      readonly service: string;
      readonly scopes: readonly string[];
      readonly refreshToken: string;
    },
  ): Promise<string> {
    const form = new URLSearchParams({
      scope: request.scopes.join(' '),
      service: request.service,
      client_id: CLIENT_ID,
      grant_type: 'refresh_token',
      refresh_token: request.refreshToken,
    });
    return this.#options.fetch({
      method: 'POST',
      url,
      headers: { 'content-type': 'application/x-www-form-urlencoded' },
      body: form.toString(),
    });
  }
}

function safeJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The caller reports an answer without a token.
    return undefined;
  }
}
