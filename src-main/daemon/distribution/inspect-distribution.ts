/** `GET /distribution/{name}/json`: what a registry has under a name (moby api/server/router/distribution). */
import { EngineError, internal, isEngineError, notFound } from '../../../shared/errors.ts';
import type { Platform, RegistryAuth } from '../image/image-service.ts';
import { parseManifest } from './manifest.ts';
import { parseAnyReference, withDefaultTag } from './reference.ts';
import type { RegistryClient, RemoteManifest } from './registry-client.ts';
import { pullEndpoints } from './registry-endpoints.ts';
import { codeOf, RegistryError } from './registry-error.ts';
import { onFirstEndpoint, type RegistryAccess } from './try-endpoints.ts';

export interface DistributionInspect {
  readonly Descriptor: {
    readonly mediaType: string;
    readonly digest: string;
    readonly size: number;
  };
  readonly Platforms: readonly Platform[];
}

/** Throws invalidArgument for no name, and what the registry says with its own status. */
export async function inspectDistribution(
  access: RegistryAccess,
  name: string,
  auth: RegistryAuth,
  signal: AbortSignal,
): Promise<DistributionInspect> {
  const any = parseAnyReference(name);
  if (any.kind === 'id') throw internal('no manifest found for full image ID');
  const reference = withDefaultTag(any.reference);
  const endpoints = await pullEndpoints(reference.domain, access.registry());
  try {
    return await onFirstEndpoint(
      access,
      { verb: 'pull', reference, endpoints, auth, signal },
      async (client) => {
        const remote =
          reference.digest === undefined
            ? await client.manifestByTag(reference.tag ?? 'latest', signal)
            : await client.manifestByDigest(reference.digest, signal);
        return {
          Descriptor: {
            mediaType: remote.mediaType.split(';')[0]?.trim() ?? '',
            digest: remote.digest,
            size: Buffer.byteLength(remote.text),
          },
          Platforms: await platformsOf(client, remote, signal),
        };
      },
    );
  } catch (error) {
    signal.throwIfAborted();
    throw asAnswer(error);
  }
}

function asAnswer(error: unknown): unknown {
  if (isEngineError(error) || !(error instanceof RegistryError)) return error;
  const code = codeOf(error);
  return code === 'notFound'
    ? notFound(error.message, { cause: error })
    : new EngineError(code, error.message, { cause: error });
}

async function platformsOf(
  client: RegistryClient,
  remote: RemoteManifest,
  signal: AbortSignal,
): Promise<readonly Platform[]> {
  const manifest = parseManifest(remote.text, remote.mediaType);
  if (manifest.kind === 'index')
    // In the order of Docker's fields.
    return manifest.manifests.flatMap(({ platform }) => {
      if (!platform) return [];
      const { architecture, os, ...rest } = platform;
      return [{ architecture, os, ...rest }];
    });
  if (manifest.kind === 'schema1') {
    const { architecture = '' } = JSON.parse(remote.text) as { architecture?: string };
    return [{ architecture, os: 'linux' }];
  }
  const config = await client.config(manifest.config.digest, signal);
  const { architecture, os, variant } = JSON.parse(config.toString('utf8')) as Partial<Platform>;
  if (!architecture && !os) return [];
  return [{ architecture: architecture ?? '', os: os ?? '', ...(variant ? { variant } : {}) }];
}
