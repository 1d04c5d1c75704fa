/** A container's files, running or not, on any engine: through the archive API, and what Windlass adds where it answers. */
import type { DirectoryEntry, DirectoryListing } from '../../shared/engine/windlass-api.ts';
import { EngineError, isEngineError } from '../../shared/errors.ts';
import { type EngineClient, query } from '../engine/engine-client.ts';
import { makeTar, readTar, type TarHeader } from './tar.ts';

/** A listing without our engine's help reads a whole tree: so much of it, and no more. */
const LISTING_BYTES = 32 * 1024 * 1024;
const MOST_ENTRIES = 5_000;
/** What can be edited in a text field without pain. */
const EDITABLE_BYTES = 1024 * 1024;
const EXIT_TRIES = 50;
const EXIT_PAUSE_MS = 100;

export interface Listing extends DirectoryListing {
  /** False when only a part was read. */
  readonly isWhole: boolean;
}

export interface FileText {
  readonly header: TarHeader;
  /** Undefined when it is no text, or too long to be edited. */
  readonly text: string | undefined;
}

export const joinPath = (directory: string, name: string): string =>
  directory === '/' ? `/${name}` : `${directory}/${name}`;

export const parentOf = (path: string): string => path.slice(0, path.lastIndexOf('/')) || '/';

export class ContainerFiles {
  readonly #engine: EngineClient;
  readonly #id: string;

  constructor(engine: EngineClient, id: string) {
    this.#engine = engine;
    this.#id = id;
  }

  /** What a directory holds. Throws the engine's refusal. */
  async list(path: string): Promise<Listing> {
    try {
      const listing = await this.#engine.get<DirectoryListing>(this.#ownPath(path));
      return { ...listing, isWhole: listing.entries.length === listing.total };
    } catch (error) {
      if (!isForeign(error)) throw error;
      return this.#listArchive(path);
    }
  }

  /** The tar of a path. */
  archive(path: string, signal?: AbortSignal): Promise<AsyncIterable<Uint8Array>> {
    return this.#engine.bytes(this.#archivePath(path), signal);
  }

  /** The bytes of one file. */
  async *bytes(path: string): AsyncGenerator<Uint8Array> {
    for await (const { body } of readTar(await this.archive(path))) yield* body;
  }

  async read(path: string): Promise<FileText> {
    const stop = new AbortController();
    try {
      for await (const entry of readTar(await this.archive(path, stop.signal))) {
        const { body, ...header } = entry;
        if (header.type !== '0' || header.size > EDITABLE_BYTES) return { header, text: undefined };
        const bytes = await new Blob(await collect(body)).arrayBuffer();
        return { header, text: textOf(bytes) };
      }
    } finally {
      stop.abort();
    }
    throw new EngineError('notFound', `${path} is gone`);
  }

  /** Writes a text in the place of a file, its owner and rights kept. */
  write(path: string, { mode, uid, gid }: TarHeader, text: string): Promise<void> {
    return this.#put(parentOf(path), path.slice(path.lastIndexOf('/') + 1), {
      mode,
      uid,
      gid,
      body: new Blob([text]),
    });
  }

  /** Puts a file of this machine into a directory. */
  upload(directory: string, file: File): Promise<void> {
    const owner = { mode: 0o644, uid: 0, gid: 0 };
    return this.#put(directory, file.name, { ...owner, body: file, modifiedMs: file.lastModified });
  }

  makeDirectory(directory: string, name: string): Promise<void> {
    return this.#put(directory, name, { mode: 0o755, uid: 0, gid: 0 });
  }

  /** Removes a path and all below it; on other engines a running container does it itself. */
  async remove(path: string): Promise<void> {
    try {
      await this.#engine.json('DELETE', this.#ownPath(path));
    } catch (error) {
      if (!isForeign(error)) throw error;
      await this.#removeInside(path);
    }
  }

  async #put(
    directory: string,
    name: string,
    file: Pick<TarHeader, 'mode' | 'uid' | 'gid'> & { body?: Blob; modifiedMs?: number },
  ): Promise<void> {
    const { body, modifiedMs = Date.now(), ...owner } = file;
    const header: TarHeader = {
      ...owner,
      name,
      modifiedMs,
      size: body?.size ?? 0,
      type: body ? '0' : '5',
      linkTarget: '',
    };
    const tar = makeTar([body ? { header, body } : { header }]);
    await this.#engine.upload(this.#archivePath(directory), tar, 'PUT');
  }

  async #listArchive(path: string): Promise<Listing> {
    const stop = new AbortController();
    const entries = new Map<string, DirectoryEntry>();
    let isWhole = true;
    let read = 0;
    // The slash and the dot: of a link, what it leads to.
    const stream = await this.archive(path === '/' ? '/' : `${path}/.`, stop.signal);
    try {
      for await (const entry of readTar(stream)) {
        read += entry.size + 512;
        const [name = '', ...deeper] = entry.name.replace(/^\.?\/|\/$/g, '').split('/');
        if (name !== '' && name !== '.' && deeper.length === 0)
          entries.set(name, entryOf(name, entry));
        isWhole = read < LISTING_BYTES && entries.size < MOST_ENTRIES;
        if (!isWhole) break;
      }
    } finally {
      stop.abort();
    }
    return { entries: [...entries.values()], total: entries.size, isWhole };
  }

  async #removeInside(path: string): Promise<void> {
    const { Id } = await this.#engine.json<{ Id: string }>('POST', `/containers/${this.#id}/exec`, {
      Cmd: ['rm', '-rf', '--', path],
    });
    const { readable } = await this.#engine.hijack(`/exec/${Id}/start`, { Detach: false });
    for await (const _said of readable);
    const code = await this.#exitCodeOf(Id);
    if (code !== 0)
      throw new EngineError('internal', `rm in the container ended with code ${code}`);
  }

  /** Its output may end a moment before the engine has noted how it ended. */
  async #exitCodeOf(execId: string): Promise<number | null> {
    for (let tries = 0; ; tries++) {
      const { ExitCode, Running } = await this.#engine.get<{
        ExitCode: number | null;
        Running: boolean;
      }>(`/exec/${execId}/json`);
      if (!Running || tries === EXIT_TRIES) return ExitCode;
      await new Promise((resolve) => setTimeout(resolve, EXIT_PAUSE_MS));
    }
  }

  #ownPath(path: string): string {
    return `/windlass/containers/${this.#id}/files${query({ path })}`;
  }

  #archivePath(path: string): string {
    return `/containers/${this.#id}/archive${query({ path })}`;
  }
}

/** What engines that are not ours say of our additions: no such page. */
const isForeign = (error: unknown): boolean =>
  isEngineError(error) && /^(page )?not found$/i.test(error.message);

async function collect(body: AsyncIterable<Uint8Array>): Promise<BlobPart[]> {
  const parts: BlobPart[] = [];
  for await (const part of body) parts.push(part.slice());
  return parts;
}

/** Text is UTF-8 without NUL. */
function textOf(bytes: ArrayBuffer): string | undefined {
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    return text.includes('\0') ? undefined : text;
  } catch {
    return undefined;
  }
}

const TYPES: Readonly<Record<string, number>> = {
  '5': 0o040000,
  '2': 0o120000,
  '3': 0o020000,
  '4': 0o060000,
  '6': 0o010000,
};

const entryOf = (name: string, header: TarHeader): DirectoryEntry => ({
  name,
  size: header.size,
  mode: (TYPES[header.type] ?? 0o100000) + (header.mode & 0o7777),
  uid: header.uid,
  gid: header.gid,
  modifiedMs: header.modifiedMs,
  isDirectory: header.type === '5',
  ...(header.type === '2' && { linkTarget: header.linkTarget }),
});
