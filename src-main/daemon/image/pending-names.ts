/**
 * What a pull is about to name, written before its image is made and taken away when the names are
 * kept: a daemon that dies in between finishes it at its next start, and no image is left nameless.
 */
import { randomUUID } from 'node:crypto';
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errorMessage } from '../../../shared/errors.ts';
import { fullString, parseReference, type Reference } from '../distribution/reference.ts';
import type { Log } from '../log/log.ts';
import { readJsonFile, writeFileAtomic } from '../platform/atomic-file.ts';
import type { ImageStore } from './image-store.ts';
import type { ReferenceStore } from './reference-store.ts';

const schema = z.object({ image: z.string(), names: z.array(z.string()) });

export class PendingNames {
  readonly #directory: string;

  constructor(directory: string) {
    this.#directory = directory;
  }

  /** Answers what takes the note away. */
  async note(image: string, references: readonly Reference[]): Promise<() => Promise<void>> {
    await mkdir(this.#directory, { recursive: true, mode: 0o700 });
    const path = join(this.#directory, randomUUID());
    await writeFileAtomic(path, JSON.stringify({ image, names: references.map(fullString) }));
    return () => rm(path, { force: true });
  }

  /** Names what was left unnamed. An image that was not made needs none. */
  async finish(images: ImageStore, references: ReferenceStore, log: Log): Promise<void> {
    for (const name of await readdir(this.#directory).catch(() => [])) {
      const path = join(this.#directory, name);
      try {
        const { image, names } = schema.parse(await readJsonFile(path));
        if (images.get(image)) await nameAll(image, names.map(parseReference), references);
      } catch (error) {
        log.warn('names of an interrupted pull cannot be read', { error: errorMessage(error) });
      }
      await rm(path, { force: true });
    }
  }
}

async function nameAll(
  image: string,
  names: readonly Reference[],
  references: ReferenceStore,
): Promise<void> {
  for (const reference of names) {
    if (reference.digest === undefined) await references.addTag(reference, image);
    else if (references.get(reference) === undefined) await references.addDigest(reference, image);
  }
}
