/** Fetches a blob into a spool and does not give up easily (moby distribution/xfer, pull_v2). */
import type { Log } from '../log/log.ts';
import type { BlobSpool } from './blob-spool.ts';
import type { Descriptor } from './manifest.ts';
import type { RemoteBlob } from './registry-client.ts';
import { RegistryError } from './registry-error.ts';
import { retrying } from './retrying.ts';

/** Where blobs come from: a registry client, seen from here. */
export interface BlobSource {
  blob(digest: string, offset: number, signal?: AbortSignal): Promise<RemoteBlob>;
  /**
   * Keeps the connection open beyond the pull it was made for: another pull may have joined the
   * download. The answer lets go.
   */
  retain(): () => Promise<void>;
}

export interface DownloadOptions {
  readonly maxAttempts: number;
  /** One "second" of the countdown between attempts. */
  readonly retryUnitMs: number;
  readonly signal: AbortSignal;
  readonly log: Log;
  readonly onBytes: (current: number) => void;
  /** `Retrying in 5 seconds` */
  readonly onRetry: (line: string) => void;
}

/** Bytes gathered before they are written: fewer trips to the disk's threads. */
const WRITE_BATCH_BYTES = 1024 * 1024;

/** Appends what is missing. Throws when the connection breaks or the blob has the wrong size. */
async function fetchRest(
  source: BlobSource,
  blob: Descriptor,
  spool: BlobSpool,
  options: DownloadOptions,
): Promise<void> {
  const { body, offset } = await source.blob(blob.digest, spool.size, options.signal);
  // A registry without ranges sends everything again; what is known is skipped.
  let skip = spool.size - offset;
  if (skip < 0) throw new Error(`received content from offset ${offset} instead of ${spool.size}`);
  let batch: Uint8Array[] = [];
  let batchBytes = 0;
  const write = async (): Promise<void> => {
    if (batchBytes === 0) return;
    await spool.append(batch);
    batch = [];
    batchBytes = 0;
    options.onBytes(spool.size);
  };
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      const fresh = chunk.subarray(Math.min(skip, chunk.length));
      skip -= chunk.length - fresh.length;
      if (fresh.length === 0) continue;
      batch.push(fresh);
      batchBytes += fresh.length;
      if (spool.size + batchBytes > blob.size && blob.size > 0) {
        throw new RegistryError('HTTP', `blob ${blob.digest} is longer than its manifest says`);
      }
      if (batchBytes >= WRITE_BATCH_BYTES || batch.length >= 64) await write();
    }
  } finally {
    // What came before the break is kept: the next attempt resumes behind it.
    await write();
  }
  if (blob.size > 0 && spool.size < blob.size) throw new Error('unexpected EOF');
}

/**
 * Tries up to `maxAttempts` times again, 5 "seconds" longer each time, resuming where the last one
 * ended. Throws the last attempt's error, or the signal's reason.
 */
export function downloadBlob(
  source: BlobSource,
  blob: Descriptor,
  spool: BlobSpool,
  options: DownloadOptions,
): Promise<void> {
  const { maxAttempts: maxRetries, ...rest } = options;
  return retrying(() => fetchRest(source, blob, spool, options), {
    what: 'Download',
    maxRetries,
    ...rest,
  });
}
