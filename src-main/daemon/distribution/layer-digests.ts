/**
 * Under which digests a layer is known to registries, so that a push need not send it again: `v2metadata-by-diffid`
 * in moby's form (moby distribution/metadata/v2_metadata_service.go). It is a memory aid: what is lost is sent again.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { z } from 'zod';
import type { DiffId } from '../layer/layer-store.ts';
import { readJsonFile } from '../platform/atomic-file.ts';
import { hexOf } from './digest.ts';

const MAX_KNOWN = 50;

const fileSchema = z.array(
  z.object({ Digest: z.string(), SourceRepository: z.string(), HMAC: z.string().default('') }),
);

/** A compressed blob that holds the layer, and where it was seen. */
export interface KnownDigest {
  readonly digest: string;
  /** `docker.io/library/busybox` */
  readonly repository: string;
}

export class LayerDigests {
  readonly #directory: string;

  /** `directory` is made when the first digest is kept. */
  constructor(directory: string) {
    this.#directory = join(directory, 'v2metadata-by-diffid', 'sha256');
  }

  /** Latest first. */
  async of(diffId: DiffId): Promise<readonly KnownDigest[]> {
    try {
      const rows = fileSchema.parse((await readJsonFile(this.#path(diffId))) ?? []);
      return rows
        .map(({ Digest, SourceRepository }) => ({ digest: Digest, repository: SourceRepository }))
        .reverse();
    } catch {
      // Unreadable: it is written anew with the next push or pull.
      return [];
    }
  }

  async add(diffId: DiffId, known: KnownDigest): Promise<void> {
    const before = await this.of(diffId);
    if (before[0] && isSame(before[0], known)) return;
    await this.#write(diffId, [known, ...before.filter((one) => !isSame(one, known))]);
  }

  /** The registry says it has it no longer. */
  async forget(diffId: DiffId, known: KnownDigest): Promise<void> {
    await this.#write(
      diffId,
      (await this.of(diffId)).filter((one) => !isSame(one, known)),
    );
  }

  async #write(diffId: DiffId, latestFirst: readonly KnownDigest[]): Promise<void> {
    const rows = latestFirst
      .slice(0, MAX_KNOWN)
      .reverse()
      .map(({ digest, repository }) => ({
        Digest: digest,
        SourceRepository: repository,
        HMAC: '',
      }));
    const path = this.#path(diffId);
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const temporary = `${path}.${randomUUID()}`;
    await writeFile(temporary, JSON.stringify(rows), { mode: 0o600 });
    await rename(temporary, path);
  }

  #path(diffId: DiffId): string {
    return join(this.#directory, hexOf(diffId));
  }
}

const isSame = (a: KnownDigest, b: KnownDigest): boolean =>
  a.digest === b.digest && a.repository === b.repository;
