/** `GET /images/{name}/json` and `/history` (moby daemon/images/image_inspect.go, image_history.go). */
import { EngineError, internal, toEngineError } from '../../../shared/errors.ts';
import { familiarString } from '../distribution/reference.ts';
import { chainIdsOf } from './image-config.ts';
import { type ImageContext, resolveImage } from './image-context.ts';
import type { Image, ImageHistoryEntry, ImageRunConfig } from './image-service.ts';

const ZERO_TIME = '0001-01-01T00:00:00Z';

/** The whole container config, absent values as Docker's zero values. */
function fullRunConfig(config: ImageRunConfig): object {
  return {
    Hostname: '',
    Domainname: '',
    User: '',
    AttachStdin: false,
    AttachStdout: false,
    AttachStderr: false,
    Tty: false,
    OpenStdin: false,
    StdinOnce: false,
    Env: null,
    Cmd: null,
    Image: '',
    Volumes: null,
    WorkingDir: '',
    Entrypoint: null,
    OnBuild: null,
    Labels: null,
    ...config,
  };
}

function resolveForInspect(context: ImageContext, reference: string): Image {
  try {
    return resolveImage(context, reference);
  } catch (error) {
    const { code, status, message } = toEngineError(error);
    throw new EngineError(code, `no such image: ${reference}: ${message}`, {
      status,
      cause: error,
    });
  }
}

/** An ImageInspect of API 1.41. */
export async function inspectImage(context: ImageContext, reference: string): Promise<object> {
  const image = resolveForInspect(context, reference);
  const { config } = image;
  const references = context.references.referencesOf(image.id);
  const layer = image.chainId === undefined ? undefined : context.layers.get(image.chainId);
  const size = layer?.size ?? 0;
  return {
    Id: image.id,
    RepoTags: references.filter(({ tag }) => tag !== undefined).map(familiarString),
    RepoDigests: references.filter(({ digest }) => digest !== undefined).map(familiarString),
    Parent: context.images.parentOf(image.id) ?? '',
    Comment: config.comment ?? config.history?.at(-1)?.comment ?? '',
    Created: config.created ?? ZERO_TIME,
    Container: config.container ?? '',
    ContainerConfig: fullRunConfig(config.container_config ?? {}),
    DockerVersion: config.docker_version ?? '',
    Author: config.author ?? '',
    Config: config.config ? fullRunConfig(config.config) : null,
    Architecture: config.architecture,
    ...(config.variant ? { Variant: config.variant } : {}),
    Os: config.os,
    ...(config['os.version'] ? { OsVersion: config['os.version'] } : {}),
    Size: size,
    VirtualSize: size,
    GraphDriver: {
      Data: image.chainId === undefined ? null : await context.layers.metadata(image.chainId),
      Name: context.layers.driverName,
    },
    RootFS: {
      Type: config.rootfs.type,
      ...(config.rootfs.diff_ids.length > 0 ? { Layers: config.rootfs.diff_ids } : {}),
    },
    Metadata: { LastTagTime: context.images.lastTaggedOf(image.id) ?? ZERO_TIME },
  };
}

interface HistoryRow {
  Id: string;
  readonly Created: number;
  readonly CreatedBy: string;
  Tags: string[] | null;
  readonly Size: number;
  readonly Comment: string;
}

const historyRow = (entry: ImageHistoryEntry, size: number): HistoryRow => ({
  Id: '<missing>',
  Created: Math.floor(Date.parse(entry.created ?? ZERO_TIME) / 1000),
  CreatedBy: entry.created_by ?? '',
  Tags: null,
  Size: size,
  Comment: entry.comment ?? '',
});

/** Newest first; ids and tags as far as the parents are known here. */
export function imageHistory(context: ImageContext, reference: string): readonly object[] {
  const image = resolveImage(context, reference);
  const chainIds = chainIdsOf(image.config.rootfs.diff_ids);
  const rows: HistoryRow[] = [];
  let next = 0;
  for (const entry of image.config.history ?? []) {
    let size = 0;
    if (entry.empty_layer !== true) {
      const layer = context.layers.get(chainIds[next++] ?? '');
      if (!layer) throw internal('layer does not exist');
      size = layer.diffSize;
    }
    rows.unshift(historyRow(entry, size));
  }
  let id: string | undefined = image.id;
  for (const row of rows) {
    if (id === undefined || !context.images.get(id)) break;
    const tags = context.references.referencesOf(id).filter(({ tag }) => tag !== undefined);
    row.Id = id;
    row.Tags = tags.length > 0 ? tags.map(familiarString) : null;
    id = context.images.parentOf(id);
  }
  return rows;
}
