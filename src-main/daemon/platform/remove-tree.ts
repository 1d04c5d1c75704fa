/** Removes a tree, whatever a container or an archive has built in it. */
import { execFile } from 'node:child_process';
import { rm } from 'node:fs/promises';
import { promisify } from 'node:util';
import { hasErrno } from './libc.ts';

const run = promisify(execFile);

/** What is gone is no error. Node's own removal names whole paths, and a deep tree's are too long for the system. */
export async function removeTree(path: string): Promise<void> {
  try {
    await rm(path, { recursive: true, force: true });
  } catch (error) {
    if (!hasErrno(error, 'ENAMETOOLONG')) throw error;
    await run('rm', ['-rf', '--', path]);
  }
}
