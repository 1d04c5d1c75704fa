/**
 * Images made on this machine, without a network: busybox from Debian's static binary, layered
 * images with whiteouts, and a big one for benches. As docker-archive streams or pushed to a registry.
 */
import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { Readable } from 'node:stream';
import { promisify } from 'node:util';
import { gzipSync } from 'node:zlib';
import tar from 'tar-stream';

const run = promisify(execFile);

export interface FixtureFile {
  readonly path: string;
  readonly content?: string | Uint8Array;
  readonly mode?: number;
  readonly uid?: number;
  readonly gid?: number;
  /** A symbolic link's target. */
  readonly link?: string;
  /** A hard link's target: a path written earlier in the same layer. */
  readonly hardlink?: string;
  readonly isDirectory?: boolean;
}

export interface FixtureLayer {
  /** Uncompressed tar. */
  readonly tar: Buffer;
  readonly diffId: string;
}

export interface FixtureImage {
  readonly id: string;
  readonly config: Buffer;
  readonly layers: readonly FixtureLayer[];
}

export interface FixtureOptions {
  readonly config?: object;
  readonly created?: string;
  readonly os?: string;
  readonly architecture?: string;
  readonly variant?: string;
}

const MTIME = new Date('2024-05-06T07:08:09Z');

export const sha256 = (bytes: Uint8Array | string): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

async function collect(pack: tar.Pack): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of pack as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** A tar of the files, in their order. */
export async function makeTar(files: readonly FixtureFile[]): Promise<Buffer> {
  const pack = tar.pack();
  const collected = collect(pack);
  for (const file of files) {
    const { path: name, uid = 0, gid = 0, link, hardlink } = file;
    const common = { name, uid, gid, mtime: MTIME };
    if (file.isDirectory) pack.entry({ ...common, type: 'directory', mode: file.mode ?? 0o755 });
    else if (link !== undefined) pack.entry({ ...common, type: 'symlink', linkname: link });
    else if (hardlink !== undefined) pack.entry({ ...common, type: 'link', linkname: hardlink });
    else pack.entry({ ...common, mode: file.mode ?? 0o644 }, Buffer.from(file.content ?? ''));
  }
  pack.finalize();
  return collected;
}

export async function makeLayer(files: readonly FixtureFile[]): Promise<FixtureLayer> {
  const bytes = await makeTar(files);
  return { tar: bytes, diffId: sha256(bytes) };
}

export function makeImage(
  layers: readonly FixtureLayer[],
  options: FixtureOptions = {},
): FixtureImage {
  const created = options.created ?? MTIME.toISOString();
  const config = Buffer.from(
    JSON.stringify({
      architecture: options.architecture ?? (process.arch === 'x64' ? 'amd64' : process.arch),
      ...(options.variant ? { variant: options.variant } : {}),
      config: { Env: ['PATH=/bin'], Cmd: ['sh'], ...options.config },
      created,
      history: layers.map((_, i) => ({ created, created_by: `layer ${i}` })),
      os: options.os ?? 'linux',
      rootfs: { type: 'layers', diff_ids: layers.map(({ diffId }) => diffId) },
    }),
  );
  return { id: sha256(config), config, layers };
}

let busyboxLayer: Promise<FixtureLayer> | undefined;

async function makeBusyboxLayer(): Promise<FixtureLayer> {
  const { stdout } = await run('/bin/busybox', ['--list']);
  const applets = stdout.split('\n').filter((name) => name !== '' && name !== 'busybox');
  const directories = ['bin', 'dev', 'etc', 'home', 'proc', 'root', 'sys', 'usr', 'var', 'var/www'];
  return makeLayer([
    ...directories.map((path) => ({ path: `${path}/`, isDirectory: true })),
    { path: 'tmp/', isDirectory: true, mode: 0o1777 },
    { path: 'bin/busybox', content: await readFile('/bin/busybox'), mode: 0o755 },
    ...applets.map((name) => ({ path: `bin/${name}`, link: 'busybox' })),
    {
      path: 'etc/passwd',
      content:
        'root:x:0:0:root:/root:/bin/sh\ndaemon:x:1:1:daemon:/usr/sbin:/bin/false\nwww-data:x:33:33:www-data:/var/www:/bin/false\nnobody:x:65534:65534:nobody:/home:/bin/false\n',
    },
    {
      path: 'etc/group',
      content: 'root:x:0:\ndaemon:x:1:\nwww-data:x:33:\nusers:x:100:\nnogroup:x:65534:\n',
    },
    { path: 'etc/nsswitch.conf', content: 'hosts: files dns\n' },
    { path: 'etc/shadow', content: 'root:*:19000:0:99999:7:::\n', mode: 0o600 },
  ]);
}

/** `busybox:latest` in one layer, with every applet. */
export async function busyboxImage(options: FixtureOptions = {}): Promise<FixtureImage> {
  busyboxLayer ??= makeBusyboxLayer();
  return makeImage([await busyboxLayer], options);
}

/** Three small layers; the upper ones delete a file and make a directory opaque. */
export async function layeredImage(
  seed = 'one',
  options: FixtureOptions = {},
): Promise<FixtureImage> {
  return makeImage(
    [
      await makeLayer([
        { path: 'etc/', isDirectory: true },
        { path: 'etc/base', content: `base ${seed}\n` },
        { path: 'etc/doomed', content: 'gone above\n' },
        { path: 'data/', isDirectory: true },
        { path: 'data/old', content: 'hidden above\n' },
      ]),
      await makeLayer([
        { path: 'etc/', isDirectory: true },
        { path: 'etc/.wh.doomed', content: '' },
        { path: 'etc/middle', content: `middle ${seed}\n`, uid: 33, gid: 33, mode: 0o4755 },
        { path: 'etc/middle-link', hardlink: 'etc/middle' },
      ]),
      await makeLayer([
        { path: 'data/', isDirectory: true },
        { path: 'data/.wh..wh..opq', content: '' },
        { path: 'data/new', content: `new ${seed}\n` },
      ]),
    ],
    options,
  );
}

/** Bytes that compress about as well as programs do, the same for the same seed. */
export function realisticBytes(size: number, seed: number): Buffer {
  const words = Buffer.alloc(64 * 1024);
  let state = seed * 2654435761 + 1;
  for (let i = 0; i < words.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    // Half of the bytes come from a small alphabet: gzip makes it about two thirds.
    words[i] = i % 2 === 0 ? 97 + ((state >>> 24) % 16) : state >>> 24;
  }
  const bytes = Buffer.alloc(size);
  for (let offset = 0; offset < size; offset += words.length) {
    words.writeUInt32LE((seed * 31 + offset) >>> 0, 0);
    words.copy(bytes, offset);
  }
  return bytes;
}

/** Many files like a language's library tree; `megabytes` in four layers (250 for benches). */
export async function bigImage(megabytes = 250): Promise<FixtureImage> {
  const layers: FixtureLayer[] = [];
  for (let layer = 0; layer < 4; layer++) {
    const files: FixtureFile[] = [{ path: `lib${layer}/`, isDirectory: true }];
    let left = (megabytes * 1024 * 1024) / 4;
    for (let i = 0; left > 0; i++) {
      if (i % 50 === 0) files.push({ path: `lib${layer}/pkg${i / 50}/`, isDirectory: true });
      // Sizes as found in /usr: mostly small, some large.
      const size = Math.min(left, i % 97 === 0 ? 4 << 20 : i % 11 === 0 ? 200_000 : 6_000);
      const path = `lib${layer}/pkg${Math.floor(i / 50)}/file${i}`;
      files.push({ path, content: realisticBytes(size, layer * 100_000 + i) });
      left -= size;
    }
    layers.push(await makeLayer(files));
  }
  return makeImage(layers);
}

/** `docker save`'s classic form. */
export async function dockerArchive(
  images: readonly { readonly image: FixtureImage; readonly tags: readonly string[] }[],
): Promise<Buffer> {
  const files = new Map<string, FixtureFile>();
  const hex = (digest: string): string => digest.slice('sha256:'.length);
  for (const { image } of images) {
    for (const { diffId, tar: content } of image.layers) {
      const path = `${hex(diffId)}/layer.tar`;
      files.set(path, { path, content });
    }
    const path = `${hex(image.id)}.json`;
    files.set(path, { path, content: image.config });
  }
  const manifest = images.map(({ image, tags }) => ({
    Config: `${hex(image.id)}.json`,
    RepoTags: tags.length > 0 ? tags : null,
    Layers: image.layers.map(({ diffId }) => `${hex(diffId)}/layer.tar`),
  }));
  files.set('manifest.json', { path: 'manifest.json', content: JSON.stringify(manifest) });
  return makeTar([...files.values()]);
}

/** {@link dockerArchive} as a stream. */
export async function dockerArchiveStream(
  image: FixtureImage,
  ...tags: string[]
): Promise<Readable> {
  return Readable.from([await dockerArchive([{ image, tags }])], { objectMode: false });
}

/** An OCI layout without Docker's manifest.json. */
export async function ociArchive(image: FixtureImage, name?: string): Promise<Buffer> {
  const blobs = new Map<string, Buffer>();
  const add = (mediaType: string, bytes: Buffer): object => {
    const digest = sha256(bytes);
    blobs.set(digest, bytes);
    return { mediaType, digest, size: bytes.length };
  };
  const config = add('application/vnd.oci.image.config.v1+json', image.config);
  const layers = image.layers.map(({ tar: bytes }) =>
    add('application/vnd.oci.image.layer.v1.tar+gzip', gzipSync(bytes, { level: 1 })),
  );
  const mediaType = 'application/vnd.oci.image.manifest.v1+json';
  const manifest = add(
    mediaType,
    Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType, config, layers })),
  );
  const annotations = name === undefined ? {} : { 'io.containerd.image.name': name };
  const index = { schemaVersion: 2, manifests: [{ ...manifest, annotations }] };
  return makeTar([
    { path: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
    { path: 'index.json', content: JSON.stringify(index) },
    ...[...blobs].map(([digest, content]) => ({
      path: `blobs/sha256/${digest.slice('sha256:'.length)}`,
      content,
    })),
  ]);
}
