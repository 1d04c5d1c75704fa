/** One piece of work on the first of a registry's endpoints that answers (moby distribution/pull.go, push.go). */
import type { RegistryAuth } from '../image/image-service.ts';
import type { Log } from '../log/log.ts';
import { familiarName, familiarString, type Reference } from './reference.ts';
import { RegistryClient } from './registry-client.ts';
import type { RegistryConfig, RegistryEndpoint } from './registry-endpoints.ts';

const STALL_TIMEOUT_MS = 60_000;

/** What every verb that speaks to registries works with. */
export interface RegistryAccess {
  /** Asked each time: a reload changes mirrors and insecure registries. */
  readonly registry: () => RegistryConfig;
  readonly userAgent: string;
  readonly log: Log;
}

export interface RegistryErrand {
  readonly verb: 'pull' | 'push';
  readonly reference: Reference;
  readonly endpoints: readonly RegistryEndpoint[];
  readonly auth: RegistryAuth;
  readonly signal: AbortSignal;
}

function newClient(
  { registry, userAgent }: RegistryAccess,
  { reference, auth, verb }: RegistryErrand,
  endpoint: RegistryEndpoint,
): RegistryClient {
  return new RegistryClient({
    endpoint,
    scope: `repository:${reference.path}:${verb === 'push' ? 'push,pull' : 'pull'}`,
    repository: reference.path,
    // Credentials of docker.io are not for its mirrors.
    auth: endpoint.isMirror ? {} : auth,
    stallTimeoutMs: registry().stallTimeoutMs ?? STALL_TIMEOUT_MS,
    userAgent,
  });
}

/**
 * Tries endpoint after endpoint: one that does not answer, or a mirror that fails, gives way to the
 * next. Throws the last one's error.
 */
export async function onFirstEndpoint<T>(
  access: RegistryAccess,
  errand: RegistryErrand,
  work: (client: RegistryClient) => Promise<T>,
): Promise<T> {
  const { verb, reference, signal } = errand;
  let lastError: unknown = new Error(`no endpoints found for ${familiarString(reference)}`);
  let answersHttps = false;
  for (const endpoint of errand.endpoints) {
    if (answersHttps && endpoint.url.startsWith('http:') && !endpoint.isMirror) continue;
    access.log.debug(`Trying to ${verb} ${familiarName(reference)} from ${endpoint.url}`);
    await using client = newClient(access, errand, endpoint);
    let didAnswer = false;
    try {
      await client.ping(signal);
      didAnswer = true;
      answersHttps ||= endpoint.url.startsWith('https:') && !endpoint.isMirror;
      return await work(client);
    } catch (error) {
      signal.throwIfAborted();
      if (didAnswer && !endpoint.isMirror) throw error;
      access.log.info(`Attempting next endpoint for ${verb} after error: ${String(error)}`);
      lastError = error;
    }
  }
  throw lastError;
}
