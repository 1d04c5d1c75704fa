/** What V8 made of our code is kept from one start to the next (Node's module.enableCompileCache). */
import { mkdirSync, statSync } from 'node:fs';
import { enableCompileCache } from 'node:module';

const WRITABLE_BY_OTHERS = 0o022;

/** Root's: what lies there runs with our rights, so nobody else may write it. Removed with the daemon. */
const DIRECTORY = '/var/cache/windlass';

/** Turns the cache on for what is loaded from now on; without a safe directory (an ordinary user's) the start is slower, no more. */
export function keepCompiledCode(directory = DIRECTORY): boolean {
  try {
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const { uid, mode } = statSync(directory);
    if (uid !== process.geteuid?.() || (mode & WRITABLE_BY_OTHERS) !== 0) return false;
    enableCompileCache(directory);
    return true;
  } catch {
    return false;
  }
}
