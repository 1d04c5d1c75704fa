/**
 * What a container changed, as an OCI layer tar: whiteouts as `.wh.` files, xattrs in pax headers. Read as it is
 * asked for, synchronously: it runs in a worker thread. Names and values are bytes; what vanishes meanwhile is
 * left out, a file that shrinks is filled up. Follows moby pkg/archive (TarWithOptions, ExportChanges).
 */
import { type BigIntStats, lstatSync, readdirSync } from 'node:fs';
import { isOpaque, isOpaqueMark, OPAQUE_FILE } from '../graphdriver/overlay-changes.ts';
import { bytePath, cPath, nativePath } from '../platform/byte-path.ts';
import { hasErrno } from '../platform/libc.ts';
import { contentOf, entryOf } from './file-entry.ts';
import type { ChangedTree, LayerChange } from './layer-store.ts';
import type { TarEntry } from './tar-reader.ts';
import { END_OF_ARCHIVE, encodeEntry } from './tar-writer.ts';

/** The archive in pieces; each is gone when the next is asked for. */
export function* diffTar(tree: ChangedTree): Generator<Buffer> {
  const writer = new DiffWriter(bytePath(tree.directory));
  if (tree.changes) yield* writer.changes(tree.changes);
  else yield* writer.below('');
  yield END_OF_ARCHIVE;
}

class DiffWriter {
  readonly #root: string;
  /** Device and inode → first name. */
  readonly #links = new Map<string, string>();

  constructor(root: string) {
    this.#root = root;
  }

  *changes(changes: readonly LayerChange[]): Generator<Buffer> {
    for (const { path, kind } of changes) {
      const name = bytePath(path.slice(1));
      if (kind === 2) yield whiteout(name, Date.now());
      else yield* this.#add(name, { isWhole: false });
    }
  }

  /** Of a directory: names sorted by their bytes. `prefix` is '' or ends with a slash. */
  *below(prefix: string): Generator<Buffer> {
    const names = readdirSync(nativePath(`${this.#root}/${prefix}`), 'latin1').sort(byBytes);
    for (const name of names)
      if (!isOpaqueMark(name)) yield* this.#add(`${prefix}${name}`, { isWhole: true });
  }

  /** An entry and, when it is whole, all below it. Sockets are left out, as moby does. */
  *#add(name: string, { isWhole }: { isWhole: boolean }): Generator<Buffer> {
    const path = `${this.#root}/${name}`;
    const found = unlessGone(() => {
      const stat = lstatSync(nativePath(path), { bigint: true });
      return { stat, entry: entryOf(path, name, stat) };
    });
    if (!found || found.stat.isSocket()) return;
    const { stat, entry } = found;
    if (stat.isCharacterDevice() && stat.rdev === 0n) {
      yield whiteout(name, Number(stat.mtimeMs));
    } else if (stat.isDirectory()) {
      yield encodeEntry({ ...entry, name: `${name}/` });
      if (!isWhole) return;
      if (isOpaque(cPath(path))) yield marker(`${name}/${OPAQUE_FILE}`, Number(stat.mtimeMs));
      yield* this.below(`${name}/`);
    } else {
      yield* this.#addFile(path, entry, stat);
    }
  }

  *#addFile(path: string, entry: TarEntry, stat: BigIntStats): Generator<Buffer> {
    const id = `${stat.dev}:${stat.ino}`;
    const first = stat.nlink > 1n ? this.#links.get(id) : undefined;
    if (first !== undefined) {
      yield encodeEntry({ ...entry, type: 'hardlink', linkName: first, size: 0 });
      return;
    }
    const isFile = entry.type === 'file';
    using content = isFile ? unlessGone(() => contentOf(path, entry.size)) : undefined;
    if (isFile && !content) return;
    yield encodeEntry(entry);
    if (content) yield* content;
    if (stat.nlink > 1n) this.#links.set(id, entry.name);
  }
}

/** Sign that the entry below is gone. */
function whiteout(name: string, mtimeMs: number): Buffer {
  const at = name.lastIndexOf('/') + 1;
  return marker(`${name.slice(0, at)}.wh.${name.slice(at)}`, mtimeMs);
}

const marker = (name: string, mtimeMs: number): Buffer =>
  encodeEntry({
    ...{ name, type: 'file', mode: 0o600, uid: 0, gid: 0, size: 0, linkName: '' },
    ...{ mtimeSeconds: Math.floor(mtimeMs / 1000), mtimeNanoseconds: 0, major: 0, minor: 0 },
    xattrs: new Map(),
  });

const byBytes = (a: string, b: string): number => (a < b ? -1 : 1);

function unlessGone<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return undefined;
    throw error;
  }
}
