/** Files that are either the old or the new version, whatever happens in between. */
import { randomBytes } from 'node:crypto';
import { renameSync, rmSync, writeFileSync } from 'node:fs';
import { open, readdir, readFile, rename, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';

export interface WriteFileOptions {
  readonly mode?: number;
  /** Wait for the disk (default true). */
  readonly sync?: boolean;
}

/** Writes to a temporary name in the same directory, syncs, renames. */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  options: WriteFileOptions = {},
): Promise<void> {
  const temporary = `${path}.tmp-${randomBytes(6).toString('hex')}`;
  // The disk is not waited for: a few microseconds here, against four waits for a thread of the pool.
  if (options.sync === false) return replaceNow(path, { temporary, data, mode: options.mode });
  try {
    const file = await open(temporary, 'wx', options.mode ?? 0o600);
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  await syncDirectory(dirname(path));
}

function replaceNow(
  path: string,
  {
    temporary,
    data,
    mode,
  }: { temporary: string; data: string | Uint8Array; mode?: number | undefined },
): void {
  try {
    writeFileSync(temporary, data, { flag: 'wx', mode: mode ?? 0o600 });
    renameSync(temporary, path);
  } catch (error) {
    rmSync(temporary, { force: true });
    throw error;
  }
}

const TEMPORARY = /\.tmp-[0-9a-f]{12}$/;

/** Removes what writes left that were cut off by the process's death. Nobody may be writing there. */
export async function sweepTemporaryFiles(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (TEMPORARY.test(name)) await rm(join(directory, name), { force: true });
  }
}

/** Gives a file that cannot be used another name beside its own, and answers it. */
export async function setAside(path: string): Promise<string> {
  const aside = `${path}.broken-${Date.now()}`;
  await rename(path, aside);
  return aside;
}

/** Makes a rename in the directory durable. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

/** The parsed file, or undefined when there is none. Throws SyntaxError for broken JSON. */
export async function readJsonFile(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, 'utf8'));
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}
