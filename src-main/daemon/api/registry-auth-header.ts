/** Credentials that come with a request (moby api/types/registry). */
import { z } from 'zod';
import { errorMessage, invalidArgument } from '../../../shared/errors.ts';
import type { RegistryAuth } from '../image/image-service.ts';
import { checkedBody, parseBody, readText } from './json-body.ts';
import type { ApiRequest } from './request.ts';

/** AuthConfig of the API; keys we do not use are let through. */
export const authSchema = z.looseObject({
  username: z.string().exactOptional(),
  password: z.string().exactOptional(),
  identitytoken: z.string().exactOptional(),
  registrytoken: z.string().exactOptional(),
  serveraddress: z.string().exactOptional(),
});

/** X-Registry-Auth: base64url JSON; undefined when it is not there. A broken one is empty, as in Docker. */
export function authOf(request: ApiRequest): RegistryAuth | undefined {
  const header = request.incoming.headers['x-registry-auth'];
  if (typeof header !== 'string' || header === '') return undefined;
  try {
    return authSchema.parse(JSON.parse(Buffer.from(header, 'base64url').toString('utf8')));
  } catch {
    return {};
  }
}

/** Old clients send them as the body of a push. Throws invalidArgument when there are none. */
export async function authInBody(request: ApiRequest): Promise<RegistryAuth> {
  try {
    const text = await readText(request.incoming);
    return checkedBody(authSchema, parseBody(text), 'AuthConfig');
  } catch (error) {
    throw invalidArgument(`Bad parameters and missing X-Registry-Auth: ${errorMessage(error)}`, {
      cause: error,
    });
  }
}
