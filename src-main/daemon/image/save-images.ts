/**
 * `docker save`: an OCI layout that is a docker-archive at the same time, as Docker writes it since
 * version 25; every version can load it. Layers are spooled one by one, because a tar entry needs
 * its size first.
 */
import { randomUUID } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import tar from 'tar-stream';
import { internal, notFound } from '../../../shared/errors.ts';
import { digestOf, hexOf } from '../distribution/digest.ts';
import { MEDIA_TYPE } from '../distribution/manifest.ts';
import {
  familiarName,
  familiarString,
  fullString,
  isNameOnly,
  parseAnyReference,
  type Reference,
} from '../distribution/reference.ts';
import type { ChainId } from '../layer/layer-store.ts';
import { chainIdsOf } from './image-config.ts';
import { findImage, type ImageContext, publishImageEvent } from './image-context.ts';
import type { Image } from './image-service.ts';

interface SavedImage {
  readonly image: Image;
  readonly references: Reference[];
}

interface OciDescriptor {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
}

/** The images behind the names, each once; a bare name stands for all its tags. */
function selectImages(context: ImageContext, names: readonly string[]): SavedImage[] {
  const selected = new Map<string, SavedImage>();
  const add = (id: string, reference?: Reference): void => {
    const image = context.images.get(id);
    if (!image) throw notFound(`No such image: ${id}`);
    const row = selected.get(id) ?? { image, references: [] };
    selected.set(id, row);
    if (reference?.tag === undefined || reference.digest !== undefined) return;
    const text = fullString(reference);
    if (!row.references.some((known) => fullString(known) === text)) row.references.push(reference);
  };
  for (const name of names) {
    const any = parseAnyReference(name);
    const rows =
      any.kind === 'named' && isNameOnly(any.reference)
        ? context.references.referencesIn(any.reference)
        : [];
    for (const { imageId, reference } of rows) add(imageId, reference);
    if (rows.length > 0) continue;
    const image = findImage(context, name);
    if (!image) {
      throw any.kind === 'named' && !isNameOnly(any.reference)
        ? notFound('reference does not exist')
        : notFound(`No such image: ${name}`);
    }
    const isName = any.kind === 'named' && context.references.get(any.reference) === image.id;
    add(image.id, isName ? any.reference : undefined);
  }
  return [...selected.values()];
}

/** Writes entries in order, waiting for the reader. */
class ArchiveWriter {
  readonly pack = tar.pack();
  readonly #directories = new Set<string>();
  readonly #blobs = new Map<string, OciDescriptor>();

  async file(name: string, content: Uint8Array, mtime = new Date(0)): Promise<void> {
    await this.#parents(name);
    await this.#entry({ name, size: content.length, mode: 0o644, mtime }, Readable.from([content]));
  }

  async blob(mediaType: string, content: Uint8Array): Promise<OciDescriptor> {
    const digest = digestOf(content);
    if (!this.#blobs.has(digest)) await this.file(`blobs/sha256/${hexOf(digest)}`, content);
    return this.#remember({ mediaType, digest, size: content.length });
  }

  /** A layer's tar, whose digest is its diffID; `spool` is a scratch file. */
  async layer(
    diffId: string,
    spool: string,
    open: () => Promise<Readable>,
  ): Promise<OciDescriptor> {
    const known = this.#blobs.get(diffId);
    if (known) return known;
    const size = await spoolTo(spool, await open());
    try {
      const name = `blobs/sha256/${hexOf(diffId)}`;
      await this.#parents(name);
      const content = createReadStream(spool, { highWaterMark: 1024 * 1024 });
      await this.#entry({ name, size, mode: 0o644, mtime: new Date(0) }, content);
    } finally {
      await rm(spool, { force: true });
    }
    return this.#remember({ mediaType: MEDIA_TYPE.ociLayer, digest: diffId, size });
  }

  #remember(descriptor: OciDescriptor): OciDescriptor {
    this.#blobs.set(descriptor.digest, descriptor);
    return descriptor;
  }

  async #parents(name: string): Promise<void> {
    const parts = name.split('/').slice(0, -1);
    for (let i = 1; i <= parts.length; i++) {
      const directory = `${parts.slice(0, i).join('/')}/`;
      if (this.#directories.has(directory)) continue;
      this.#directories.add(directory);
      const header = { name: directory, type: 'directory' as const, mode: 0o755 };
      await new Promise<void>((resolve, reject) => {
        this.pack.entry({ ...header, mtime: new Date(0) }, (error) =>
          error ? reject(error) : resolve(),
        );
      });
    }
  }

  async #entry(header: Partial<tar.Header> & { name: string }, content: Readable): Promise<void> {
    await pipeline(content, this.pack.entry(header));
  }
}

async function spoolTo(path: string, content: Readable): Promise<number> {
  await using file = await open(path, 'wx', 0o600);
  let size = 0;
  for await (const chunk of content as AsyncIterable<Buffer>) {
    await file.write(chunk);
    size += chunk.length;
  }
  return size;
}

interface WrittenImage {
  readonly manifestRow: object;
  readonly indexRows: readonly object[];
  readonly topLayer: string;
}

async function writeImage(
  context: ImageContext,
  writer: ArchiveWriter,
  { image, references }: SavedImage,
): Promise<WrittenImage> {
  const { diff_ids: diffIds } = image.config.rootfs;
  const chainIds = chainIdsOf(diffIds);
  const layers: OciDescriptor[] = [];
  for (const [i, diffId] of diffIds.entries()) {
    const spool = join(context.temporaryDirectory, `save-${randomUUID()}`);
    const chainId: ChainId = chainIds[i] ?? '';
    layers.push(await writer.layer(diffId, spool, () => context.layers.tarStream(chainId)));
  }
  const config = await writer.blob(MEDIA_TYPE.ociConfig, await context.images.readConfig(image.id));
  const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPE.ociManifest, config, layers };
  const descriptor = await writer.blob(
    MEDIA_TYPE.ociManifest,
    Buffer.from(JSON.stringify(manifest)),
  );
  const named = references.map((reference) => ({
    ...descriptor,
    annotations: {
      'io.containerd.image.name': fullString(reference),
      'org.opencontainers.image.ref.name': reference.tag ?? 'latest',
    },
  }));
  const path = (digest: string): string => `blobs/sha256/${hexOf(digest)}`;
  return {
    manifestRow: {
      Config: path(image.id),
      RepoTags: references.length > 0 ? references.map(familiarString) : null,
      Layers: diffIds.map(path),
    },
    indexRows: named.length > 0 ? named : [descriptor],
    topLayer: hexOf(diffIds.at(-1) ?? ''),
  };
}

async function writeArchive(
  context: ImageContext,
  writer: ArchiveWriter,
  selected: readonly SavedImage[],
): Promise<void> {
  const json = (value: unknown): Buffer => Buffer.from(JSON.stringify(value));
  const rows: WrittenImage[] = [];
  const repositories: Record<string, Record<string, string>> = {};
  for (const saved of selected) {
    const written = await writeImage(context, writer, saved);
    rows.push(written);
    for (const reference of saved.references) {
      const tags = (repositories[familiarName(reference)] ??= {});
      tags[reference.tag ?? 'latest'] = written.topLayer;
    }
    publishImageEvent(context, 'save', saved.image.id);
  }
  await writer.file(
    'index.json',
    json({
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.ociIndex,
      manifests: rows.flatMap(({ indexRows }) => indexRows),
    }),
  );
  await writer.file('manifest.json', json(rows.map(({ manifestRow }) => manifestRow)));
  await writer.file('oci-layout', json({ imageLayoutVersion: '1.0.0' }));
  if (Object.keys(repositories).length > 0) await writer.file('repositories', json(repositories));
  writer.pack.finalize();
}

/** Opens the archive. Unknown names fail here, before the first byte. */
export async function saveImages(
  context: ImageContext,
  names: readonly string[],
): Promise<Readable> {
  const selected = selectImages(context, names);
  if (selected.some(({ image }) => image.chainId === undefined)) {
    throw internal('empty export - not implemented');
  }
  await mkdir(context.temporaryDirectory, { recursive: true, mode: 0o700 });
  const holder = `save:${randomUUID()}`;
  const held: ChainId[] = [];
  for (const { image } of selected) {
    // Held, so that a removal meanwhile does not take the layers away under the reader.
    if (image.chainId && context.layers.acquire(image.chainId, holder)) held.push(image.chainId);
  }
  const writer = new ArchiveWriter();
  const output = Readable.from(writer.pack, { objectMode: false, highWaterMark: 1024 * 1024 });
  const write = async (): Promise<void> => {
    try {
      await writeArchive(context, writer, selected);
    } catch (error) {
      output.destroy(error as Error);
    } finally {
      for (const chainId of held) await context.layers.release(chainId, holder);
    }
  };
  void write();
  output.on('close', () => writer.pack.destroy());
  return output;
}
