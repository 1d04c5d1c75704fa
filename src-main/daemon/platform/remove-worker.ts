/** Worker thread: removes whole trees, which takes as long as the disk likes. */
import { execFileSync } from 'node:child_process';
import { rmSync } from 'node:fs';
import { hasErrno } from './libc.ts';
import type { RemoveCalls } from './remove-tree.ts';
import { serveCalls } from './worker-server.ts';

serveCalls<RemoveCalls>({
  remove(path) {
    try {
      rmSync(path, { recursive: true, force: true });
    } catch (error) {
      // Node names whole paths, and a deep tree's are too long for the system.
      if (!hasErrno(error, 'ENAMETOOLONG')) throw error;
      execFileSync('rm', ['-rf', '--', path]);
    }
  },
});
