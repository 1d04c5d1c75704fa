/** A file that is either the old or the new version, whatever happens in between. */
import { randomBytes } from 'node:crypto';
import { mkdir, rename, rm, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';

/** Writes a user's own file (0600 in a 0700 directory unless they exist): temporary name, synced, renamed. */
export async function writeOwnFile(
  path: string,
  text: string,
  encoding: BufferEncoding = 'utf8',
): Promise<void> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.tmp-${randomBytes(6).toString('hex')}`;
  try {
    await writeFile(temporary, text, { mode: 0o600, flush: true, encoding });
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
}
