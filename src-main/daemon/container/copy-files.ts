/** Files into and out of a container: archive and export (moby daemon/archive.go, export.go). */
import { finished, type Readable } from 'node:stream';
import type { DirectoryListing } from '../../../shared/engine/windlass-api.ts';
import { conflict, errorMessage, internal, notFound } from '../../../shared/errors.ts';
import type { PathStat, WriteRules } from '../archive/archive-jobs.ts';
import { ArchiveError } from '../archive/archiver.ts';
import { resolveUser } from '../runtime/resolve-user.ts';
import type { Container } from './container.ts';
import { type ContainerContext, publishEvent } from './container-context.ts';
import { type HeldFileSystem, holdFileSystem } from './file-system.ts';

interface Asked {
  /** The container, as the client called it. */
  readonly name: string;
  readonly path: string;
}

/** What `docker cp` asks first. Throws notFound for a path that is not there. */
export async function archiveStat(
  context: ContainerContext,
  container: Container,
  asked: Asked,
): Promise<PathStat> {
  await using held = await holdFileSystem(context, container, { withVolumes: true });
  return await context.archiver.stat(held, asked.path).catch(rethrow(asked));
}

/** What a directory holds. Throws notFound for a path that is not there. */
export async function listFiles(
  context: ContainerContext,
  container: Container,
  asked: Asked,
): Promise<DirectoryListing> {
  await using held = await holdFileSystem(context, container, { withVolumes: true });
  return await context.archiver.list(held, asked.path).catch(rethrow(asked));
}

/** Removes a path and all below it. Throws notFound, and the reason for what must stay. */
export async function removeFile(
  context: ContainerContext,
  container: Container,
  asked: Asked,
): Promise<void> {
  await using held = await holdFileSystem(context, container, { withVolumes: true });
  await context.archiver.remove(held, asked.path, writeRules(container)).catch(rethrow(asked));
}

function writeRules({ record: { mounts, hostConfig } }: Container): WriteRules {
  return {
    isRootReadOnly: hostConfig.ReadonlyRootfs ?? false,
    volumes: mounts.map(({ Destination, RW }) => ({ destination: Destination, isReadOnly: !RW })),
  };
}

/** The tar of a path; the file system is held until it has been read or dropped. */
export async function archiveGet(
  context: ContainerContext,
  container: Container,
  asked: Asked,
): Promise<{ stat: PathStat; tar: Readable }> {
  const held = await holdFileSystem(context, container, { withVolumes: true });
  try {
    const { stat, tar } = await context.archiver.read(held, asked.path);
    releaseAfter(context, tar, held);
    publishEvent(context, container, 'archive-path');
    return { stat, tar };
  } catch (error) {
    await held[Symbol.asyncDispose]();
    return rethrow(asked)(error);
  }
}

/** Unpacks a tar at a directory of the container. */
export async function archivePut(
  context: ContainerContext,
  container: Container,
  request: Asked & {
    readonly tar: Readable;
    readonly noOverwriteDirNonDir: boolean;
    readonly copyUidGid: boolean;
  },
): Promise<void> {
  const { config } = container.record;
  await using held = await holdFileSystem(context, container, { withVolumes: true });
  const user = config.User ?? '';
  const owner =
    request.copyUidGid && user !== '' ? await resolveUser(held.root, user, []) : undefined;
  await context.archiver
    .write(held, {
      path: request.path,
      source: request.tar,
      rules: writeRules(container),
      options: {
        noOverwriteDirNonDir: request.noOverwriteDirNonDir,
        ...(owner ? { owner: { uid: owner.uid, gid: owner.gid } } : {}),
      },
    })
    .catch(rethrow(request));
  publishEvent(context, container, 'extract-to-dir');
}

/** The whole root, without volumes, as a tar. */
export async function exportTar(
  context: ContainerContext,
  container: Container,
): Promise<Readable> {
  requireKept(container, 'export');
  const held = await holdFileSystem(context, container, { withVolumes: false });
  const tar = context.archiver.export(held);
  releaseAfter(context, tar, held);
  publishEvent(context, container, 'export');
  return tar;
}

/** Docker's conflicts for a container that is going or half gone. */
export function requireKept(container: Container, verb: 'export' | 'commit'): void {
  const { kind } = container.state;
  if (kind === 'dead') throw conflict(`You cannot ${verb} container ${container.id} which is Dead`);
  if (kind === 'removing')
    throw conflict(`You cannot ${verb} container ${container.id} which is being removed`);
}

function releaseAfter(context: ContainerContext, tar: Readable, held: HeldFileSystem): void {
  finished(tar, () => {
    Promise.resolve(held[Symbol.asyncDispose]()).catch((error: unknown) =>
      context.log.warn('file system of a container could not be released', {
        error: errorMessage(error),
      }),
    );
  });
}

/** Docker's words: a path that is not there is 404, all else the system's. */
const rethrow =
  ({ name, path }: Asked) =>
  (error: unknown): never => {
    if (!(error instanceof ArchiveError)) throw error;
    if (error.step === 'decompression')
      throw internal(`Error processing tar file(${error.message}): `, { cause: error });
    if (error.step === 'archive')
      throw internal(`Error processing tar file(exit status 1): ${error.message}`, {
        cause: error,
      });
    if (error.code === 'ENOENT')
      throw notFound(`Could not find the file ${path} in container ${name}`, { cause: error });
    throw internal(error.message, { cause: error });
  };
