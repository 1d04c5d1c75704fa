/**
 * windlassd as one file that needs nothing of Node on the machine it goes to: Node's program, the built daemon
 * and the native part it opens. Made once for each state of what goes in, and kept.
 */
import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { mkdir, readdir, rename, rm, stat } from 'node:fs/promises';
import { dirname, join, relative } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { pack } from 'tar-stream';
import { unavailable } from '../../../shared/errors.ts';

/** Packages that are not in the built files, those with native parts; koffi's by Node's names of system and processor. */
const PACKAGES = ['koffi', `@koromix/koffi-linux-${process.arch}`];
/** What packages bring along and no program reads. */
const UNREAD =
  /\.(map|md|markdown|d\.[cm]?ts|tsx?|h|hh|c|cc|cpp)$|(^|\/)(docs?|tests?|examples?)\//i;

export interface BundleSource {
  /** With `dist/` and `node_modules/` below it. */
  readonly root: string;
  /** Node's program. */
  readonly node: string;
}

export interface DaemonBundle {
  readonly path: string;
  readonly sizeBytes: number;
  readonly sha256: string;
  /** Short name of this very content. */
  readonly id: string;
}

interface Entry {
  /** Inside the bundle. */
  readonly name: string;
  readonly path: string;
  readonly sizeBytes: number;
  readonly mtimeMs: number;
  readonly mode: number;
}

async function entryOf(name: string, path: string, mode = 0o644): Promise<Entry> {
  const { size, mtimeMs } = await stat(path);
  return { name, path, sizeBytes: size, mtimeMs, mode };
}

async function entriesBelow(directory: string, name: string, wants: RegExp): Promise<Entry[]> {
  const found = await readdir(directory, { recursive: true, withFileTypes: true });
  const paths = found
    .filter((one) => one.isFile())
    .map((one) => join(one.parentPath, one.name))
    .filter((path) => {
      const inside = relative(directory, path);
      // Packages inside packages are those of another version.
      return wants.test(inside) && (!UNREAD.test(inside) || inside.includes('node_modules/'));
    });
  return Promise.all(paths.map((path) => entryOf(join(name, relative(directory, path)), path)));
}

async function listEntries({ root, node }: BundleSource): Promise<Entry[]> {
  const daemon = join(root, 'dist/src-main/windlassd.js');
  if (!existsSync(daemon)) throw unavailable('windlassd is not built: run "npm run build" first');
  if (!existsSync(node)) throw unavailable('this Windlass has no Node to send along');
  const modules = join(root, 'node_modules');
  const parts = await Promise.all([
    Promise.all([
      entryOf('bin/node', node, 0o755),
      entryOf('package.json', join(root, 'package.json')),
    ]),
    entriesBelow(dirname(daemon), 'dist/src-main', /^(?!main\.)[^/]+\.js$/),
    ...PACKAGES.map((name) => entriesBelow(join(modules, name), join('node_modules', name), /./)),
  ]);
  return parts.flat().toSorted((a, b) => (a.name < b.name ? -1 : 1));
}

async function write(entries: readonly Entry[], path: string): Promise<void> {
  const tar = pack();
  const written = pipeline(tar, createGzip({ level: 1 }), createWriteStream(path, { flush: true }));
  for (const { name, path: from, sizeBytes, mode } of entries) {
    // Times of their own would make every bundle another one.
    const entry = tar.entry({ name, size: sizeBytes, mode, mtime: new Date(0) });
    await pipeline(createReadStream(from), entry);
  }
  tar.finalize();
  await written;
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

/**
 * Makes the bundle, or finds the one that was made of the same files, in `directory`; older ones there are
 * removed. Throws unavailable when the daemon is not built.
 */
export async function makeDaemonBundle(
  source: BundleSource,
  directory: string,
): Promise<DaemonBundle> {
  const entries = await listEntries(source);
  const print = createHash('sha256');
  for (const { name, sizeBytes, mtimeMs } of entries)
    print.update(`${name} ${sizeBytes} ${mtimeMs}\n`);
  const id = print.digest('hex').slice(0, 12);
  const path = join(directory, `windlassd-${process.arch}-${id}.tar.gz`);
  if (!existsSync(path)) {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    for (const old of await readdir(directory))
      if (old.startsWith('windlassd-')) await rm(join(directory, old), { force: true });
    const partial = `${path}.${process.pid}`;
    try {
      await write(entries, partial);
      await rename(partial, path);
    } catch (error) {
      await rm(partial, { force: true });
      throw error;
    }
  }
  const { size } = await stat(path);
  return { path, sizeBytes: size, sha256: await hashOf(path), id };
}
