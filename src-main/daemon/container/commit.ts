/** A new image from what a container changed (moby daemon/commit.go, image/image.go NewChildImage). */
import { randomUUID } from 'node:crypto';
import type { ContainerConfig } from '../../../shared/engine/engine-api.ts';
import { errorMessage, notFound } from '../../../shared/errors.ts';
import { hostPlatform } from '../distribution/platform.ts';
import {
  familiarString,
  parseReference,
  trimReference,
  withTag,
} from '../distribution/reference.ts';
import { applyChanges } from '../image/changes.ts';
import type { ImageConfigFile, ImageRunConfig } from '../image/image-service.ts';
import type { Layer } from '../layer/layer-store.ts';
import type { Container } from './container.ts';
import { type ContainerContext, publishEvent, saveProgress } from './container-context.ts';
import type { CommitOptions } from './container-service.ts';
import { requireKept } from './copy-files.ts';
import { goConfig } from './go-config.ts';
import { pause, unpause } from './pause.ts';

/** DiffID of a tar without entries: such a layer is in the history only. */
const EMPTY_DIFF_ID = 'sha256:5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef';

/** Answers the image's id. Throws conflict for a container that is going, invalidArgument for a bad change. */
export async function commitContainer(
  context: ContainerContext,
  container: Container,
  options: CommitOptions,
): Promise<string> {
  requireKept(container, 'commit');
  const isPausedByUs = options.pause && (await pauseForCommit(context, container));
  try {
    return await commit(context, container, options);
  } finally {
    if (isPausedByUs) await unpauseAfterCommit(context, container);
  }
}

/** On disk before it happens: a daemon that dies meanwhile lets the container go on at its next start. */
async function pauseForCommit(context: ContainerContext, container: Container): Promise<boolean> {
  if (container.state.kind !== 'running') return false;
  container.progress.isPausedByCommit = true;
  await saveProgress(context, container);
  try {
    await pause(context, container);
    return true;
  } catch (error) {
    // It has just ended: there is nothing to hold still.
    context.log.debug('not paused for commit', { error: errorMessage(error) });
    container.progress.isPausedByCommit = false;
    return false;
  }
}

async function unpauseAfterCommit(context: ContainerContext, container: Container): Promise<void> {
  container.progress.isPausedByCommit = false;
  try {
    await unpause(context, container);
  } catch (error) {
    // Somebody else let it go on, or ended it.
    context.log.debug('not unpaused after commit', { error: errorMessage(error) });
  }
}

async function commit(
  context: ContainerContext,
  container: Container,
  options: CommitOptions,
): Promise<string> {
  const { record } = container;
  const named = options.repository === '' ? undefined : nameOf(options);
  const config = configOf(record.config, options);
  const parent = record.imageId === '' ? undefined : context.images.get(record.imageId);
  if (record.imageId !== '' && !parent) throw notFound(`No such image: ${record.imageId}`);
  await using diff = await context.layers.getReadWrite(record.id)?.diff();
  if (!diff) throw notFound(`mount ${record.id} does not exist`);
  const holder = `commit:${randomUUID()}`;
  const layer = await context.layers.register(diff, parent?.chainId, holder);
  try {
    const id = await context.images.create(
      {
        ...imageOf(parent?.config, layer, {
          container,
          config,
          options,
          dockerVersion: context.settings.dockerVersion,
        }),
        ...(parent ? { parent: parent.id } : {}),
      },
      named === undefined ? undefined : { repository: options.repository, tag: options.tag },
    );
    publishEvent(context, container, 'commit', {
      comment: options.comment,
      imageID: id,
      imageRef: named ?? '',
    });
    return id;
  } finally {
    await context.layers.release(layer.chainId, holder);
  }
}

function nameOf({ repository, tag }: CommitOptions): string {
  const reference = parseReference(repository);
  return familiarString(tag === '' ? reference : withTag(trimReference(reference), tag));
}

/** The given config (or the container's) with the changes, over the container's. */
function configOf(own: ContainerConfig, options: CommitOptions): ContainerConfig {
  const base = (options.config ?? own) as ImageRunConfig;
  const changed = applyChanges(base, options.changes) as ContainerConfig;
  if (options.config === undefined) return changed;
  return {
    ...changed,
    ...texts(own, changed),
    ...commands(own, changed),
    Env: mergedEnv(own, changed),
    Labels: { ...own.Labels, ...changed.Labels },
    ...merged('ExposedPorts', own, changed),
    ...merged('Volumes', own, changed),
  };
}

function mergedEnv(own: ContainerConfig, changed: ContainerConfig): string[] {
  const nameOf = (entry: string): string => entry.split('=', 1)[0] ?? '';
  const taken = new Set((changed.Env ?? []).map(nameOf));
  return [...(changed.Env ?? []), ...(own.Env ?? []).filter((entry) => !taken.has(nameOf(entry)))];
}

/** An entry point of its own leaves the container's command behind. */
function commands(own: ContainerConfig, changed: ContainerConfig): Partial<ContainerConfig> {
  const isOwn = (changed.Entrypoint?.length ?? 0) === 0 && (changed.Cmd?.length ?? 0) === 0;
  return {
    Cmd: (isOwn ? own.Cmd : changed.Cmd) ?? null,
    Entrypoint: changed.Entrypoint ?? own.Entrypoint ?? null,
  };
}

function texts(own: ContainerConfig, changed: ContainerConfig): Partial<ContainerConfig> {
  const health = changed.Healthcheck ?? own.Healthcheck;
  const signal = changed.StopSignal || own.StopSignal;
  return {
    User: changed.User || own.User || '',
    WorkingDir: changed.WorkingDir || own.WorkingDir || '',
    ...(health ? { Healthcheck: health } : {}),
    ...(signal ? { StopSignal: signal } : {}),
  };
}

function merged(
  key: 'ExposedPorts' | 'Volumes',
  own: ContainerConfig,
  changed: ContainerConfig,
): Partial<ContainerConfig> {
  const all = { ...own[key], ...changed[key] };
  return Object.keys(all).length === 0 ? {} : { [key]: all };
}

/** The image's config as Docker writes it, the new layer on the parent's. */
function imageOf(
  parent: ImageConfigFile | undefined,
  layer: Layer,
  made: {
    container: Container;
    config: ContainerConfig;
    options: CommitOptions;
    dockerVersion: string;
  },
): ImageConfigFile {
  const { container, config, options } = made;
  const isEmpty = layer.diffId === EMPTY_DIFF_ID;
  const created = new Date().toISOString();
  const host = hostPlatform();
  const author = options.author === '' ? {} : { author: options.author };
  const createdBy = (container.record.config.Cmd ?? []).join(' ');
  const diffIds = [...(parent?.rootfs.diff_ids ?? []), ...(isEmpty ? [] : [layer.diffId])];
  const variant = parent?.variant;
  return {
    architecture: parent?.architecture ?? host.architecture,
    ...author,
    config: goConfig(config),
    container: container.id,
    container_config: goConfig(container.record.config),
    created,
    docker_version: made.dockerVersion,
    history: [
      ...(parent?.history ?? []),
      {
        created,
        ...author,
        ...(createdBy === '' ? {} : { created_by: createdBy }),
        ...(options.comment === '' ? {} : { comment: options.comment }),
        ...(isEmpty ? { empty_layer: true } : {}),
      },
    ],
    os: 'linux',
    rootfs: { type: 'layers', diff_ids: diffIds },
    ...(variant ? { variant } : {}),
    ...(parent?.['os.version'] ? { 'os.version': parent['os.version'] } : {}),
  };
}
