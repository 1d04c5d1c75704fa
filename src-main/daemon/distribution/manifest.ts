/** Manifests of both families: Docker schema 2 and OCI, single images and indexes. */
import { z } from 'zod';
import { invalidArgument } from '../../../shared/errors.ts';
import { isDigest } from './digest.ts';

export const MEDIA_TYPE = {
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerPlugin: 'application/vnd.docker.plugin.v1+json',
  schema1: 'application/vnd.docker.distribution.manifest.v1+json',
  schema1Signed: 'application/vnd.docker.distribution.manifest.v1+prettyjws',
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
} as const;

/** What a manifest request accepts. */
export const MANIFEST_ACCEPT: readonly string[] = [
  MEDIA_TYPE.dockerManifest,
  MEDIA_TYPE.dockerList,
  MEDIA_TYPE.ociManifest,
  MEDIA_TYPE.ociIndex,
  MEDIA_TYPE.schema1Signed,
  MEDIA_TYPE.schema1,
];

/** Config types that are images; registries have stored odd ones for images since early days. */
const IMAGE_CONFIG_TYPES: readonly string[] = [
  MEDIA_TYPE.dockerConfig,
  MEDIA_TYPE.ociConfig,
  'application/octet-stream',
  'application/json',
  'text/html',
  '',
];

const descriptorSchema = z.object({
  mediaType: z.string().default(''),
  digest: z.string().refine(isDigest, 'invalid digest'),
  size: z.number().int().nonnegative().default(0),
});
const platformSchema = z.object({
  os: z.string().default(''),
  architecture: z.string().default(''),
  variant: z.string().exactOptional(),
});
const imageSchema = z.object({
  config: descriptorSchema,
  layers: z.array(descriptorSchema).default([]),
});
const rowSchema = descriptorSchema.extend({
  platform: platformSchema.optional(),
  annotations: z.record(z.string(), z.string()).optional(),
});
const indexSchema = z.object({ manifests: z.array(rowSchema).default([]) });

export type Descriptor = z.infer<typeof descriptorSchema>;
export type IndexRow = z.infer<typeof rowSchema>;

export type Manifest =
  | {
      readonly kind: 'image';
      readonly config: Descriptor;
      readonly layers: readonly Descriptor[];
    }
  | { readonly kind: 'index'; readonly manifests: readonly IndexRow[] }
  | { readonly kind: 'schema1' };

function kindOf(mediaType: string, fields: Record<string, unknown>): Manifest['kind'] | undefined {
  switch (mediaType) {
    case MEDIA_TYPE.dockerManifest:
    case MEDIA_TYPE.ociManifest:
      return 'image';
    case MEDIA_TYPE.dockerList:
    case MEDIA_TYPE.ociIndex:
      return 'index';
    case MEDIA_TYPE.schema1:
    case MEDIA_TYPE.schema1Signed:
      return 'schema1';
    default:
      break;
  }
  if ('manifests' in fields) return 'index';
  if ('config' in fields) return 'image';
  return 'fsLayers' in fields ? 'schema1' : undefined;
}

/** Reads a manifest; `mediaType` is the Content-Type or the descriptor's, the text's own wins. */
export function parseManifest(text: string, mediaType: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw invalidArgument('unsupported manifest format', { cause: error });
  }
  const fields = z.looseObject({ mediaType: z.string().optional() }).safeParse(value);
  if (!fields.success) throw invalidArgument('unsupported manifest format');
  const declared = fields.data.mediaType ?? mediaType.split(';')[0]?.trim() ?? '';
  const kind = kindOf(declared, fields.data);
  if (kind === undefined) throw invalidArgument('unsupported manifest format');
  if (kind === 'schema1') return { kind };
  if (kind === 'index') {
    const parsed = indexSchema.safeParse(value);
    if (!parsed.success) throw invalidArgument('unsupported manifest format');
    return { kind, ...parsed.data };
  }
  const parsed = imageSchema.safeParse(value);
  if (!parsed.success) throw invalidArgument('unsupported manifest format');
  return { kind, ...parsed.data };
}

/** Refuses what is stored like an image but is none (plugins, charts). */
export function checkImageConfigType(mediaType: string): void {
  if (IMAGE_CONFIG_TYPES.includes(mediaType)) return;
  const kind = mediaType === MEDIA_TYPE.dockerPlugin ? 'plugin' : 'unknown';
  throw invalidArgument(`Encountered remote ${JSON.stringify(mediaType)}(${kind}) when fetching`);
}
