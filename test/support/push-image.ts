/** Puts fixture images into a registry by plain HTTP (distribution-spec "Push"). */
import { gzipSync } from 'node:zlib';
import { type FixtureImage, sha256 } from './fixture-images.ts';

type Flavor = 'docker' | 'oci';

const TYPES = {
  docker: {
    manifest: 'application/vnd.docker.distribution.manifest.v2+json',
    list: 'application/vnd.docker.distribution.manifest.list.v2+json',
    config: 'application/vnd.docker.container.image.v1+json',
    layer: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  },
  oci: {
    manifest: 'application/vnd.oci.image.manifest.v1+json',
    list: 'application/vnd.oci.image.index.v1+json',
    config: 'application/vnd.oci.image.config.v1+json',
    layer: 'application/vnd.oci.image.layer.v1.tar+gzip',
  },
} as const;

export interface PushedManifest {
  readonly mediaType: string;
  readonly digest: string;
  readonly size: number;
  /** The blobs of the layers, bottom first. */
  readonly layers: readonly string[];
}

async function check(response: Response): Promise<Response> {
  if (!response.ok) throw new Error(`${response.url}: ${response.status} ${await response.text()}`);
  return response;
}

async function pushBlob(base: string, bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const digest = sha256(bytes);
  const started = await check(await fetch(`${base}/blobs/uploads/`, { method: 'POST' }));
  const upload = new URL(started.headers.get('location') ?? '', base);
  upload.searchParams.set('digest', digest);
  await check(await fetch(upload, { method: 'PUT', body: bytes }));
  return digest;
}

async function putManifest(url: string, mediaType: string, body: string): Promise<void> {
  const headers = { 'content-type': mediaType };
  await check(await fetch(url, { method: 'PUT', headers, body }));
}

/** Pushes layers, config and manifest. `tag` may be left out for a member of an index. */
export async function pushImage(
  registry: string,
  repository: string,
  image: FixtureImage,
  options: { readonly tag?: string; readonly flavor?: Flavor } = {},
): Promise<PushedManifest> {
  const types = TYPES[options.flavor ?? 'docker'];
  const base = `${registry}/v2/${repository}`;
  const layers: { mediaType: string; digest: string; size: number }[] = [];
  for (const layer of image.layers) {
    const blob = gzipSync(layer.tar, { level: 1 });
    const digest = await pushBlob(base, blob);
    layers.push({ mediaType: types.layer, digest, size: blob.length });
  }
  const config = {
    mediaType: types.config,
    digest: await pushBlob(base, Buffer.from(image.config)),
    size: image.config.length,
  };
  const body = JSON.stringify({ schemaVersion: 2, mediaType: types.manifest, config, layers });
  const digest = sha256(body);
  await putManifest(`${base}/manifests/${options.tag ?? digest}`, types.manifest, body);
  return {
    mediaType: types.manifest,
    digest,
    size: body.length,
    layers: layers.map((layer) => layer.digest),
  };
}

/** Pushes an index over the images, which must carry their platform in their config. */
export async function pushIndex(
  registry: string,
  repository: string,
  images: readonly FixtureImage[],
  options: { readonly tag: string; readonly flavor?: Flavor },
): Promise<string> {
  const flavor = options.flavor ?? 'docker';
  const manifests: object[] = [];
  for (const image of images) {
    const { layers: _, ...row } = await pushImage(registry, repository, image, { flavor });
    const { os, architecture, variant } = JSON.parse(image.config.toString('utf8')) as {
      os: string;
      architecture: string;
      variant?: string;
    };
    manifests.push({ ...row, platform: { os, architecture, ...(variant ? { variant } : {}) } });
  }
  const body = JSON.stringify({ schemaVersion: 2, mediaType: TYPES[flavor].list, manifests });
  const url = `${registry}/v2/${repository}/manifests/${options.tag}`;
  await putManifest(url, TYPES[flavor].list, body);
  return sha256(body);
}
