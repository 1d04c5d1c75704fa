/** `POST /auth`: are these credentials good, and is there a token to keep instead (moby registry/auth.go). */
import { internal, invalidArgument } from '../../../shared/errors.ts';
import type { RegistryAuth } from '../image/image-service.ts';
import { RegistryClient } from './registry-client.ts';
import { pushEndpoints } from './registry-endpoints.ts';
import type { RegistryAccess } from './try-endpoints.ts';

const INDEX_SERVER = 'https://index.docker.io/v1/';
const STALL_TIMEOUT_MS = 15_000;

export interface LoginAnswer {
  readonly IdentityToken: string;
  readonly Status: string;
}

/** `host[:port]` of what a user names as server. */
function serverHost(address: string): string {
  const url = /^https?:\/\//.test(address) ? address : `https://${address}`;
  if (!URL.canParse(url)) {
    throw invalidArgument(
      `unable to parse server address: parse ${JSON.stringify(url)}: invalid character in host name`,
    );
  }
  const { host } = new URL(url);
  return host === 'index.docker.io' ? 'docker.io' : host;
}

/** Throws internal in Docker's words when no endpoint takes the credentials. */
export async function login(
  access: RegistryAccess,
  auth: RegistryAuth,
  signal: AbortSignal,
): Promise<LoginAnswer> {
  const host = serverHost(auth.serveraddress || INDEX_SERVER);
  let last: unknown = internal(`no endpoints found for ${host}`);
  for (const endpoint of await pushEndpoints(host, access.registry())) {
    await using client = new RegistryClient({
      endpoint,
      scope: undefined,
      repository: '',
      auth,
      wantsIdentityToken: true,
      stallTimeoutMs: access.registry().stallTimeoutMs ?? STALL_TIMEOUT_MS,
      userAgent: access.userAgent,
    });
    let isRegistry = false;
    try {
      isRegistry = await client.ping(signal);
      const url = `${endpoint.url}/v2/`;
      const response = await client.request({ method: 'GET', url, signal });
      await response.body.dump();
      if (response.statusCode === 200)
        return { IdentityToken: client.identityToken ?? '', Status: 'Login Succeeded' };
      throw internal(
        `login attempt to ${url} failed with status: ${response.statusCode} ${response.statusText}`,
      );
    } catch (error) {
      signal.throwIfAborted();
      last = error;
      if (isRegistry) break;
      access.log.info(`Error logging in to endpoint, trying next endpoint: ${String(error)}`);
    }
  }
  throw last;
}
