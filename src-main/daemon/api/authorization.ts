/**
 * Authorization plugins: each request is put before them, and what the daemon would answer (moby
 * pkg/authorization). Whoever denies, or cannot be asked, ends it: nothing is done, or nothing is shown.
 */
import type { IncomingMessage } from 'node:http';
import type { TLSSocket } from 'node:tls';
import { z } from 'zod';
import { errorMessage, forbidden, internal, invalidArgument } from '../../../shared/errors.ts';
import type { PluginManager } from '../plugin/plugin-manager.ts';
import type { HeldAnswer } from './held-response.ts';
import { shownHeaders } from './shown-headers.ts';

/** moby's; a longer JSON body is refused, for a plugin could not look at the whole. */
const MAX_BODY_BYTES = 4 * 1024 * 1024;

const verdictSchema = z.object({
  Allow: z.boolean().optional(),
  Msg: z.string().optional(),
});

/** One request on its way; the body is there when it is JSON. */
export interface AuthorizedRequest {
  readonly body: Buffer | undefined;
  /** Throws forbidden when a plugin denies the answer. */
  checkAnswer(answer: HeldAnswer): Promise<void>;
}

export interface Authorizer {
  /** Throws forbidden when a plugin denies it. `read`: the body of an upgraded request. */
  check(incoming: IncomingMessage, read: Buffer | undefined): Promise<AuthorizedRequest>;
}

/** `names` in the order they are asked; undefined while there are none. */
export function createAuthorizer(
  plugins: PluginManager,
  names: () => readonly string[],
): () => Authorizer | undefined {
  const ask = async (method: string, facts: object): Promise<void> => {
    for (const name of names()) {
      const verdict = await verdictOf(plugins, name, method, facts);
      if (!verdict.Allow)
        throw forbidden(`authorization denied by plugin ${name}: ${verdict.Msg ?? ''}`);
    }
  };
  const authorizer: Authorizer = {
    async check(incoming, read) {
      const body = isShown(incoming.url ?? '', incoming.headers['content-type'])
        ? (read ?? (await readBody(incoming)))
        : undefined;
      const facts = requestFacts(incoming, body);
      await ask('AuthZPlugin.AuthZReq', facts);
      return {
        body: body ?? read,
        checkAnswer: ({ status, headers, bytes }) =>
          ask('AuthZPlugin.AuthZRes', {
            ...facts,
            ResponseStatusCode: status,
            ResponseHeaders: headers,
            ...(isShown(incoming.url ?? '', headers['Content-Type'])
              ? { ResponseBody: bytes.toString('base64') }
              : {}),
          }),
      };
    },
  };
  return () => (names().length > 0 ? authorizer : undefined);
}

/** Throws invalidArgument when one of them is not there. */
export async function checkAuthorizationPlugins(
  plugins: PluginManager,
  names: readonly string[],
): Promise<void> {
  for (const name of names) {
    try {
      await plugins.get(name, 'authz');
    } catch (error) {
      throw invalidArgument(`Error validating authorization plugin: ${errorMessage(error)}`, {
        cause: error,
      });
    }
  }
}

async function verdictOf(
  plugins: PluginManager,
  name: string,
  method: string,
  facts: object,
): Promise<z.infer<typeof verdictSchema>> {
  try {
    const plugin = await plugins.get(name, 'authz');
    return verdictSchema.parse(await plugin.call(method, facts));
  } catch (error) {
    throw internal(`plugin ${name} failed with error: ${errorMessage(error)}`, { cause: error });
  }
}

function requestFacts(incoming: IncomingMessage, body: Buffer | undefined): object {
  const certificates = peerCertificates(incoming.socket as Partial<TLSSocket>);
  const user = certificates[0]?.name;
  return {
    ...(user === undefined ? {} : { User: user, UserAuthNMethod: 'TLS' }),
    RequestMethod: incoming.method,
    RequestUri: incoming.url,
    ...(body && body.length > 0 ? { RequestBody: body.toString('base64') } : {}),
    RequestHeaders: shownHeaders(incoming.headers),
    ...(certificates.length > 0
      ? { RequestPeerCertificates: certificates.map(({ pem }) => pem) }
      : {}),
  };
}

/** The client's own, as PEM in base64; none where it showed none. */
function peerCertificates(socket: Partial<TLSSocket>): { name: string; pem: string }[] {
  const peer = socket.getPeerCertificate?.();
  if (!peer?.raw) return [];
  const lines = peer.raw.toString('base64').replace(/(.{64})(?=.)/g, '$1\n');
  const pem = `-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----\n`;
  return [{ name: String(peer.subject.CN ?? ''), pem: Buffer.from(pem).toString('base64') }];
}

/** JSON, but not what people log in with. */
function isShown(url: string, type: string | undefined): boolean {
  if (/^\/(v[\d.]+\/)?auth/.test(url)) return false;
  return (type ?? '').split(';')[0]?.trim().toLowerCase() === 'application/json';
}

async function readBody(incoming: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const part of incoming as AsyncIterable<Buffer>) {
    bytes += part.length;
    if (bytes > MAX_BODY_BYTES)
      throw internal(
        `request body too large for authorization plugin: size exceeds ${MAX_BODY_BYTES} bytes`,
      );
    parts.push(part);
  }
  return Buffer.concat(parts);
}
