/** Content digests (image-spec descriptor.md). Only sha256 is taken, as in Docker. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { invalidArgument } from '../../../shared/errors.ts';

const SHA256 = /^sha256:[a-f0-9]{64}$/;
const ANY_DIGEST = /^[A-Za-z0-9_+.-]+:[A-Fa-f0-9]+$/;

/** `sha256:…` of bytes in memory. */
export function digestOf(bytes: Uint8Array | string): string {
  return `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
}

/** `sha256:…` of a file's content. */
export async function digestOfFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  return `sha256:${hash.digest('hex')}`;
}

export function isDigest(text: string): boolean {
  return SHA256.test(text);
}

/** Answers the digest, or throws invalidArgument with go-digest's words. */
export function parseDigest(text: string): string {
  if (isDigest(text)) return text;
  if (!ANY_DIGEST.test(text)) throw invalidArgument('invalid checksum digest format');
  const [algorithm = '', hex = ''] = text.split(':');
  if (!['sha256', 'sha384', 'sha512'].includes(algorithm)) {
    throw invalidArgument('unsupported digest algorithm');
  }
  if (algorithm === 'sha256' && hex.length !== 64) {
    throw invalidArgument('invalid checksum digest length');
  }
  throw invalidArgument('invalid checksum digest format');
}

export function hexOf(digest: string): string {
  return digest.slice(digest.indexOf(':') + 1);
}

/** The twelve characters Docker prints of a digest or id. */
export function shortId(digest: string): string {
  return hexOf(digest).slice(0, 12);
}
