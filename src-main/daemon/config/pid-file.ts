/** The pid file: one daemon a file, a stale one is replaced (moby pkg/pidfile). */
import { readFileSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { unavailable } from '../../../shared/errors.ts';
import { writeFileAtomic } from '../platform/atomic-file.ts';
import { commandLineOf, isAlive } from '../platform/process.ts';

/** Writes our pid; throws when a living daemon holds the file. Disposing removes it. */
export async function claimPidFile(path: string): Promise<Disposable> {
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  const holder = recordedPid(path);
  // A pid that came to another program is stale too.
  if (holder !== undefined && holder !== process.pid && isAlive(holder) && isDaemon(holder))
    throw unavailable(
      `pid file found, ensure windlassd is not running or delete ${path} (process ${holder} holds it)`,
    );
  await writeFileAtomic(path, String(process.pid), { mode: 0o644, sync: false });
  return { [Symbol.dispose]: () => rmSync(path, { force: true }) };
}

const isDaemon = (pid: number): boolean => /windlass|node|electron/i.test(commandLineOf(pid));

function recordedPid(path: string): number | undefined {
  try {
    const pid = Number(readFileSync(path, 'utf8').trim());
    return Number.isInteger(pid) && pid > 1 ? pid : undefined;
  } catch {
    // No file, or none that can be read: nobody to respect.
    return undefined;
  }
}
