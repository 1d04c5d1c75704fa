/** Debian's docker-registry behind passwords, behind a token server of the test's own, or behind TLS. */
import { execFile } from 'node:child_process';
import { randomUUID, sign } from 'node:crypto';
import { once } from 'node:events';
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { promisify } from 'node:util';
import { startRegistry, type TestRegistry } from './registry.ts';

const run = promisify(execFile);

/** The one user of every guarded registry. */
export const CREDENTIALS = { username: 'user', password: 'secret' } as const;
/** bcrypt of the password. */
const HTPASSWD = 'user:$2b$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a\n';

/** A registry that wants the password with every request (Basic). */
export async function startPasswordRegistry(): Promise<TestRegistry> {
  return startRegistry({
    prepare: async (directory) => {
      await writeFile(join(directory, 'htpasswd'), HTPASSWD);
      return `auth:\n  htpasswd: {realm: test, path: ${directory}/htpasswd}\n`;
    },
  });
}

interface KeyPair {
  readonly key: string;
  /** Path of the certificate. */
  readonly certPath: string;
  readonly keyPath: string;
}

/** A certificate for this machine that is its own authority. */
async function selfSigned(directory: string, name: string): Promise<KeyPair> {
  const keyPath = join(directory, `${name}.key`);
  const certPath = join(directory, `${name}.crt`);
  await run('openssl', [
    ...['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-subj', `/CN=${name}`],
    ...['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1'],
    ...['-keyout', keyPath, '-out', certPath],
  ]);
  return { key: await readFile(keyPath, 'utf8'), keyPath, certPath };
}

export interface TlsRegistry extends TestRegistry {
  /** A `certs.d` that trusts the registry and holds the client's certificate. */
  readonly certsDirectory: string;
}

/** A registry over TLS, of an authority nobody knows, that admits only clients with a certificate. */
export async function startTlsRegistry(): Promise<TlsRegistry> {
  await using stack = new AsyncDisposableStack();
  const certsDirectory = await mkdtemp(join(tmpdir(), 'windlass-certs-'));
  stack.defer(() => rm(certsDirectory, { recursive: true, force: true }));
  const client = await selfSigned(certsDirectory, 'client');
  const server = await selfSigned(certsDirectory, 'server');
  const registry = await startRegistry({
    scheme: 'https',
    prepare: async () => '',
    http: `tls: {certificate: ${server.certPath}, key: ${server.keyPath}, clientcas: [${client.certPath}]}`,
  });
  stack.use(registry);
  const own = join(certsDirectory, registry.host);
  await mkdir(own);
  await writeFile(join(own, 'ca.crt'), await readFile(server.certPath));
  await writeFile(join(own, 'client.cert'), await readFile(client.certPath));
  await writeFile(join(own, 'client.key'), await readFile(client.keyPath));
  const owned = stack.move();
  return { ...registry, certsDirectory, [Symbol.asyncDispose]: () => owned.disposeAsync() };
}

export interface TokenRegistry extends TestRegistry {
  /** What each request for a token asked for: `GET scope,scope`, `POST …`. */
  readonly asked: string[];
  /** Seconds the next tokens live, as their answer says. */
  lifetimeSeconds: number;
  /** The next tokens are valid for nothing. */
  isForging: boolean;
}

const IDENTITY_TOKEN = 'an-identity-token';
const SERVICE = 'windlass-test';
const base64url = (value: string | object): string =>
  Buffer.from(typeof value === 'string' ? value : JSON.stringify(value)).toString('base64url');

/** `repository:a/b:pull,push` as the claim has it. */
function accessOf(scope: string): object {
  const [type = '', ...rest] = scope.split(':');
  const actions = rest.pop()?.split(',') ?? [];
  return { type, name: rest.join(':'), actions };
}

/**
 * A registry that wants tokens, and the server that gives them: to the user by password or identity
 * token, and to nobody else.
 */
export async function startTokenRegistry(): Promise<TokenRegistry> {
  await using stack = new AsyncDisposableStack();
  const directory = await mkdtemp(join(tmpdir(), 'windlass-tokens-'));
  stack.defer(() => rm(directory, { recursive: true, force: true }));
  const pair = await selfSigned(directory, 'tokens');
  const certificate = (await readFile(pair.certPath, 'utf8')).replace(/-----[^-]+-----|\s/g, '');
  const state = { asked: [] as string[], lifetimeSeconds: 300, isForging: false };
  const tokenFor = (scopes: readonly string[]): string => {
    const now = Math.floor(Date.now() / 1000);
    const header = { typ: 'JWT', alg: 'RS256', x5c: [certificate] };
    const claims = {
      iss: 'test',
      sub: CREDENTIALS.username,
      aud: SERVICE,
      exp: now + 300,
      nbf: now - 60,
      iat: now,
      jti: randomUUID(),
      access: scopes.map(accessOf),
    };
    const signed = `${base64url(header)}.${base64url(claims)}`;
    return `${signed}.${sign('RSA-SHA256', Buffer.from(signed), pair.key).toString('base64url')}`;
  };
  const server = createServer((request, response) => {
    answerToken(request, response, state, tokenFor).catch(() => response.destroy());
  }).listen(0, '127.0.0.1');
  await once(server, 'listening');
  stack.defer(async () => {
    server.closeAllConnections();
    server.close();
    await once(server, 'close');
  });
  const realm = `http://127.0.0.1:${(server.address() as AddressInfo).port}/token`;
  const registry = stack.use(
    await startRegistry({
      prepare: async () =>
        `auth:\n  token: {realm: "${realm}", service: ${SERVICE}, issuer: test, rootcertbundle: ${pair.certPath}}\n`,
    }),
  );
  const { host, url } = registry;
  const owned = stack.move();
  return Object.assign(state, { host, url, [Symbol.asyncDispose]: () => owned.disposeAsync() });
}

async function answerToken(
  request: IncomingMessage,
  response: ServerResponse,
  state: Pick<TokenRegistry, 'asked' | 'lifetimeSeconds' | 'isForging'>,
  tokenFor: (scopes: readonly string[]) => string,
): Promise<void> {
  const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
  const form = new URLSearchParams(request.method === 'POST' ? await text(request) : '');
  const scopes =
    request.method === 'POST'
      ? (form.get('scope') ?? '').split(' ').filter(Boolean)
      : searchParams.getAll('scope');
  state.asked.push(`${request.method} ${scopes.join(',')}`.trim());
  const basic = `Basic ${Buffer.from(Object.values(CREDENTIALS).join(':')).toString('base64')}`;
  const isUser =
    request.headers.authorization === basic || form.get('refresh_token') === IDENTITY_TOKEN;
  response.writeHead(isUser ? 200 : 401, { 'content-type': 'application/json' });
  if (!isUser) {
    const error = { code: 'UNAUTHORIZED', message: 'incorrect username or password' };
    response.end(JSON.stringify({ errors: [{ ...error, detail: null }] }));
    return;
  }
  response.end(
    JSON.stringify({
      token: tokenFor(state.isForging ? [] : scopes),
      expires_in: state.lifetimeSeconds,
      ...(searchParams.get('offline_token') === 'true' ? { refresh_token: IDENTITY_TOKEN } : {}),
    }),
  );
}
