/** An overlay's upper directory as an OCI layer tar: whiteouts as `.wh.` files, xattrs in pax headers. */
import { createReadStream, type Stats } from 'node:fs';
import { lstat, readdir, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { type Header as FullHeader, pack } from 'tar-stream';
import { isOpaque, isOpaqueMark, OPAQUE_FILE } from '../graphdriver/overlay-changes.ts';
import { deviceNumbers } from '../platform/device.ts';
import { getXattr, listXattrs } from '../platform/xattr.ts';
import type { LayerChange } from './layer-store.ts';

/** tar-stream fills the rest. */
type Header = Partial<FullHeader> & { readonly name: string };
type EntryStat = Stats;

/** Attributes that belong to the image, not to overlay's bookkeeping or this machine. */
const isKept = (name: string): boolean =>
  name === 'security.capability' ||
  (name.startsWith('user.') && !/^user\.(overlay|fuseoverlayfs)\./.test(name));

function xattrRecords(path: string): Record<string, string> {
  const records = listXattrs(path)
    .filter(isKept)
    .map((name) => [`SCHILY.xattr.${name}`, getXattr(path, name)?.toString('latin1') ?? '']);
  return Object.fromEntries(records) as Record<string, string>;
}

function headerOf(path: string, name: string, stat: EntryStat): Header {
  const pax = xattrRecords(path);
  return {
    name,
    mode: stat.mode & 0o7777,
    uid: stat.uid,
    gid: stat.gid,
    mtime: stat.mtime,
    ...(Object.keys(pax).length > 0 ? { pax } : {}),
  };
}

interface TreeWriter {
  /** One entry and, of a directory, all below it. */
  addTree(inside: string): Promise<void>;
  /** The entry alone. */
  addEntry(inside: string): Promise<void>;
  /** Sign that the entry below is gone. */
  addWhiteout(inside: string): Promise<void>;
}

/** The tar of an overlay's upper directory, entries sorted by path. Sockets are left out, as moby does. */
export function diffTar(directory: string): Readable {
  return writeTar(directory, async (writer) => {
    for (const name of (await readdir(directory)).sort())
      if (!isOpaqueMark(name)) await writer.addTree(name);
  });
}

/** The tar of what changed in a whole tree. `changes` are sorted by path. */
export function changesTar(directory: string, changes: readonly LayerChange[]): Readable {
  return writeTar(directory, async (writer) => {
    for (const { path, kind } of changes) {
      const inside = path.slice(1);
      await (kind === 2 ? writer.addWhiteout(inside) : writer.addEntry(inside));
    }
  });
}

function writeTar(directory: string, write: (writer: TreeWriter) => Promise<void>): Readable {
  const archive = pack();
  const links = new Map<number, string>();
  const add = (header: Header): Promise<void> =>
    new Promise((resolve, reject) => {
      archive.entry(header, '', (error) => (error ? reject(error) : resolve()));
    });
  const addFile = (path: string, header: Header): Promise<void> =>
    new Promise((resolve, reject) => {
      const entry = archive.entry(header, (error) => (error ? reject(error) : resolve()));
      createReadStream(path).on('error', reject).pipe(entry);
    });
  const addOne = async (inside: string, isWhole: boolean): Promise<void> => {
    const path = join(directory, inside);
    const stat = await lstat(path);
    const header = headerOf(path, inside, stat);
    if (stat.isDirectory()) {
      await add({ ...header, name: `${inside}/`, type: 'directory' });
      if (!isWhole) return;
      if (isOpaque(path)) await add({ name: `${inside}/${OPAQUE_FILE}`, size: 0 });
      for (const name of (await readdir(path)).sort()) {
        if (!isOpaqueMark(name)) await addOne(`${inside}/${name}`, true);
      }
      return;
    }
    if (stat.isSymbolicLink())
      return add({ ...header, type: 'symlink', linkname: await readlink(path) });
    if (stat.isFile()) {
      const first = stat.nlink > 1 ? links.get(stat.ino) : undefined;
      if (first !== undefined) return add({ ...header, type: 'link', linkname: first });
      links.set(stat.ino, inside);
      return addFile(path, { ...header, type: 'file', size: stat.size });
    }
    return addSpecial(inside, header, stat);
  };
  const addSpecial = async (inside: string, header: Header, stat: EntryStat): Promise<void> => {
    if (stat.isCharacterDevice() && stat.rdev === 0) return addWhiteout(inside);
    if (stat.isFIFO()) return add({ ...header, type: 'fifo' });
    if (!stat.isCharacterDevice() && !stat.isBlockDevice()) return undefined;
    const { major, minor } = deviceNumbers(stat.rdev);
    const type = stat.isBlockDevice() ? 'block-device' : 'character-device';
    return add({ ...header, type, devmajor: major, devminor: minor });
  };
  const addWhiteout = (inside: string): Promise<void> => {
    const at = inside.lastIndexOf('/') + 1;
    return add({ name: `${inside.slice(0, at)}.wh.${inside.slice(at)}`, size: 0 });
  };
  write({
    addTree: (inside) => addOne(inside, true),
    addEntry: (inside) => addOne(inside, false),
    addWhiteout,
  }).then(
    () => archive.finalize(),
    (error: Error) => archive.destroy(error),
  );
  return archive as unknown as Readable;
}
