/** Image configs (OCI image-spec config.md): parse, identify, and the chain of layers they name. */
import { createHash } from 'node:crypto';
import { z } from 'zod';
import { invalidArgument } from '../../../shared/errors.ts';
import { hostPlatform } from '../distribution/platform.ts';
import type { ChainId, DiffId } from '../layer/layer-store.ts';
import type { ImageConfigFile } from './image-service.ts';

/** Only what the daemon relies on is checked; images carry all sorts of further keys. */
const configSchema = z.looseObject({
  architecture: z.string().optional(),
  os: z.string().optional(),
  created: z.string().nullish(),
  config: z.looseObject({}).nullish(),
  rootfs: z.looseObject({
    type: z.string().optional(),
    diff_ids: z.array(z.string().regex(/^sha256:[a-f0-9]{64}$/)).nullish(),
  }),
  history: z.array(z.looseObject({ empty_layer: z.boolean().nullish() })).nullish(),
});

/** The chain ID of every layer, bottom first (config.md "Layer ChainID"). */
export function chainIdsOf(diffIds: readonly DiffId[]): ChainId[] {
  const chain: ChainId[] = [];
  for (const diffId of diffIds) {
    const parent = chain.at(-1);
    chain.push(
      parent === undefined
        ? diffId
        : `sha256:${createHash('sha256').update(`${parent} ${diffId}`).digest('hex')}`,
    );
  }
  return chain;
}

/** Reads a config. Throws invalidArgument, with Docker's words for a missing rootfs. */
export function parseImageConfig(bytes: Uint8Array): ImageConfigFile {
  let value: unknown;
  try {
    value = JSON.parse(Buffer.from(bytes).toString('utf8'));
  } catch (error) {
    throw invalidArgument('invalid image JSON', { cause: error });
  }
  if (typeof value !== 'object' || value === null || !('rootfs' in value) || !value.rootfs) {
    throw invalidArgument('invalid image JSON, no RootFS key');
  }
  const parsed = configSchema.safeParse(value);
  if (!parsed.success) {
    throw invalidArgument(`invalid image JSON: ${z.prettifyError(parsed.error)}`);
  }
  const { rootfs, history, config, created, ...rest } = parsed.data;
  const layers = rootfs.diff_ids ?? [];
  const filled = (history ?? []).filter((entry) => entry.empty_layer !== true);
  if (filled.length > layers.length) {
    throw invalidArgument('too many non-empty layers in History section');
  }
  return {
    ...rest,
    os: rest.os || 'linux',
    architecture: rest.architecture || hostPlatform().architecture,
    ...(created ? { created } : {}),
    ...(config ? { config } : {}),
    ...(history ? { history } : {}),
    rootfs: { type: 'layers', diff_ids: layers },
  } as ImageConfigFile;
}

/** The bytes of a new config: top-level keys sorted, as Docker writes them. */
export function encodeImageConfig(config: ImageConfigFile): Buffer {
  const sorted = Object.entries(config)
    .filter(([, value]) => value !== undefined)
    .sort(([a], [b]) => (a < b ? -1 : 1));
  return Buffer.from(JSON.stringify(Object.fromEntries(sorted)));
}
