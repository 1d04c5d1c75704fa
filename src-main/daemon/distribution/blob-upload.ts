/** Sends blobs and manifests to a repository (distribution-spec "Push"; one PATCH streams a blob of unknown size). */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { digestOf } from './digest.ts';
import type { Descriptor } from './manifest.ts';
import { type RegistryClient, readDocument, succeed } from './registry-client.ts';

/** Bytes of a blob in the repository; undefined when it is not there. */
export async function blobSize(
  client: RegistryClient,
  digest: string,
  signal: AbortSignal,
): Promise<number | undefined> {
  const url = client.url(`blobs/${digest}`);
  const response = await client.request({ method: 'HEAD', url, signal });
  await response.body.dump();
  if (response.statusCode === 404) return undefined;
  await succeed(response);
  return Number(response.headers['content-length'] ?? 0);
}

export type UploadStart =
  | { readonly kind: 'mounted' }
  | { readonly kind: 'session'; readonly location: string };

/** Opens an upload; with `mount` the registry may take the blob from another repository instead. */
export async function startUpload(
  client: RegistryClient,
  signal: AbortSignal,
  mount?: { readonly digest: string; readonly from: string },
): Promise<UploadStart> {
  const url = new URL(client.url('blobs/uploads/'));
  if (mount) {
    url.searchParams.set('mount', mount.digest);
    url.searchParams.set('from', mount.from);
  }
  const scopes = mount ? [`repository:${mount.from}:pull`] : [];
  const response = await succeed(
    await client.request({ method: 'POST', url: url.href, headers: EMPTY_BODY, scopes, signal }),
  );
  await response.body.dump();
  if (response.statusCode === 201) return { kind: 'mounted' };
  return { kind: 'session', location: locationOf(response.headers, url.href) };
}

/** Closes an upload that is not needed. A registry that does not know the verb forgets it by itself. */
export async function cancelUpload(client: RegistryClient, location: string): Promise<void> {
  try {
    const response = await client.request({ method: 'DELETE', url: location });
    await response.body.dump();
  } catch {
    // Nothing depends on it.
  }
}

/** Streams a blob whose digest is known when it has passed. */
export async function streamBlob(
  client: RegistryClient,
  location: string,
  content: AsyncIterable<Buffer>,
  signal: AbortSignal,
): Promise<{ readonly digest: string; readonly size: number }> {
  const hash = createHash('sha256');
  let size = 0;
  async function* measured(): AsyncGenerator<Buffer> {
    for await (const chunk of content) {
      hash.update(chunk);
      size += chunk.length;
      yield chunk;
    }
  }
  const body = Readable.from(measured(), { objectMode: false });
  const response = await succeed(
    await client.request({
      method: 'PATCH',
      url: location,
      headers: { 'content-type': 'application/octet-stream' },
      body,
      signal,
    }),
  );
  await response.body.dump();
  const digest = `sha256:${hash.digest('hex')}`;
  await finishUpload(client, locationOf(response.headers, location), digest, { signal });
  return { digest, size };
}

/** A small blob, unless the repository has it. */
export async function putBlob(
  client: RegistryClient,
  mediaType: string,
  bytes: Buffer,
  signal: AbortSignal,
): Promise<Descriptor> {
  const digest = digestOf(bytes);
  const descriptor = { mediaType, digest, size: bytes.length };
  if ((await blobSize(client, digest, signal)) !== undefined) return descriptor;
  const start = await startUpload(client, signal);
  if (start.kind === 'session')
    await finishUpload(client, start.location, digest, { signal, body: bytes });
  return descriptor;
}

/** Throws RegistryError for what the registry refuses. */
export async function putManifest(
  client: RegistryClient,
  tag: string,
  manifest: { readonly mediaType: string; readonly text: string },
  signal: AbortSignal,
): Promise<void> {
  const response = await succeed(
    await client.request({
      method: 'PUT',
      url: client.url(`manifests/${tag}`),
      headers: { 'content-type': manifest.mediaType },
      body: Buffer.from(manifest.text),
      signal,
    }),
  );
  await response.body.dump();
}

const EMPTY_BODY = { 'content-length': '0' };

async function finishUpload(
  client: RegistryClient,
  location: string,
  digest: string,
  { signal, body }: { readonly signal: AbortSignal; readonly body?: Buffer },
): Promise<void> {
  const url = new URL(location);
  url.searchParams.set('digest', digest);
  const headers = body ? { 'content-type': 'application/octet-stream' } : EMPTY_BODY;
  const response = await client.request({
    method: 'PUT',
    url: url.href,
    headers,
    ...(body ? { body } : {}),
    signal,
  });
  await readDocument(await succeed(response));
}

function locationOf(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  base: string,
): string {
  const { location } = headers;
  if (typeof location !== 'string') throw new Error('the registry did not say where to upload to');
  return new URL(location, base).href;
}
