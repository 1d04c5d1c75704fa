/** Which names point to which images: `repositories.json` in moby's form (moby reference/store.go). */
import { dirname } from 'node:path';
import { z } from 'zod';
import { conflict, errorMessage, invalidArgument } from '../../../shared/errors.ts';
import {
  familiarName,
  familiarString,
  fullString,
  parseReference,
  type Reference,
  trimReference,
  withDefaultTag,
} from '../distribution/reference.ts';
import type { Log } from '../log/log.ts';
import {
  readJsonFile,
  setAside,
  sweepTemporaryFiles,
  writeFileAtomic,
} from '../platform/atomic-file.ts';
import { failpoint } from '../platform/failpoint.ts';

const fileSchema = z.object({
  Repositories: z.record(z.string(), z.record(z.string(), z.string())),
});

/** A digest decides over a tag beside it. */
function storedForm(reference: Reference): Reference {
  const { digest } = reference;
  return digest === undefined ? withDefaultTag(reference) : { ...trimReference(reference), digest };
}

export class ReferenceStore {
  readonly #path: string;
  /** Familiar name → familiar string → image id. */
  readonly #repositories = new Map<string, Map<string, string>>();
  readonly #byImage = new Map<string, Map<string, Reference>>();
  #saving: Promise<void> = Promise.resolve();

  private constructor(path: string) {
    this.#path = path;
  }

  /** A file that cannot be read is put aside; the images stay, without names. */
  static async open(path: string, log: Log): Promise<ReferenceStore> {
    const store = new ReferenceStore(path);
    await sweepTemporaryFiles(dirname(path));
    try {
      const content = await readJsonFile(path);
      if (content !== undefined) store.#fill(fileSchema.parse(content).Repositories);
    } catch (error) {
      log.error(
        'repositories.json cannot be read and was set aside, images have lost their names',
        {
          movedTo: await setAside(path),
          error: errorMessage(error),
        },
      );
    }
    return store;
  }

  /** The image's id. */
  get(reference: Reference): string | undefined {
    const key = storedForm(reference);
    return this.#repositories.get(familiarName(key))?.get(familiarString(key));
  }

  /** Every name of an image, sorted. */
  referencesOf(imageId: string): Reference[] {
    return [...(this.#byImage.get(imageId)?.values() ?? [])].sort((a, b) =>
      fullString(a) < fullString(b) ? -1 : 1,
    );
  }

  /** Every reference of a repository with its image, sorted. */
  referencesIn(name: Reference): { reference: Reference; imageId: string }[] {
    return [...(this.#repositories.get(familiarName(name)) ?? [])]
      .map(([text, imageId]) => ({ reference: parseReference(text), imageId }))
      .sort((a, b) => (fullString(a.reference) < fullString(b.reference) ? -1 : 1));
  }

  /** Moves the tag when it points elsewhere. */
  async addTag(reference: Reference, imageId: string): Promise<void> {
    if (reference.digest !== undefined) {
      throw invalidArgument('refusing to create a tag with a digest reference');
    }
    await this.#add(storedForm(reference), imageId);
  }

  async addDigest(reference: Reference, imageId: string): Promise<void> {
    await this.#add(storedForm(reference), imageId);
  }

  /** Answers false when there was no such reference. */
  async delete(reference: Reference): Promise<boolean> {
    const key = storedForm(reference);
    const imageId = this.get(key);
    if (imageId === undefined) return false;
    this.#unlink(key, imageId);
    await this.#save();
    return true;
  }

  #fill(repositories: Readonly<Record<string, Readonly<Record<string, string>>>>): void {
    for (const repository of Object.values(repositories)) {
      for (const [text, imageId] of Object.entries(repository)) {
        this.#link(parseReference(text), imageId);
      }
    }
  }

  async #add(reference: Reference, imageId: string): Promise<void> {
    if (familiarName(reference) === 'sha256') {
      throw invalidArgument('refusing to create an ambiguous tag using digest algorithm as name');
    }
    const before = this.get(reference);
    if (before === imageId) return;
    if (before !== undefined) {
      if (reference.digest !== undefined) {
        throw conflict(`Cannot overwrite digest ${reference.digest}`);
      }
      this.#unlink(reference, before);
    }
    this.#link(reference, imageId);
    try {
      await this.#save();
    } catch (error) {
      // What is not on disk is not promised.
      if (this.get(reference) === imageId) {
        this.#unlink(reference, imageId);
        if (before !== undefined) this.#link(reference, before);
      }
      throw error;
    }
    failpoint('reference: saved');
  }

  #link(reference: Reference, imageId: string): void {
    const name = familiarName(reference);
    const text = familiarString(reference);
    const repository = this.#repositories.get(name) ?? new Map<string, string>();
    this.#repositories.set(name, repository.set(text, imageId));
    const names = this.#byImage.get(imageId) ?? new Map<string, Reference>();
    this.#byImage.set(imageId, names.set(text, reference));
  }

  #unlink(reference: Reference, imageId: string): void {
    const name = familiarName(reference);
    const text = familiarString(reference);
    const repository = this.#repositories.get(name);
    repository?.delete(text);
    if (repository?.size === 0) this.#repositories.delete(name);
    const names = this.#byImage.get(imageId);
    names?.delete(text);
    if (names?.size === 0) this.#byImage.delete(imageId);
  }

  /** One write after the other, each with the state of its turn. */
  #save(): Promise<void> {
    const write = (): Promise<void> => {
      const Repositories = Object.fromEntries(
        [...this.#repositories].map(([name, rows]) => [name, Object.fromEntries(rows)]),
      );
      return writeFileAtomic(this.#path, JSON.stringify({ Repositories }));
    };
    const saved = this.#saving.then(write);
    // A failed write is its caller's error; the next one still gets its turn.
    this.#saving = saved.catch(() => undefined);
    return saved;
  }
}
