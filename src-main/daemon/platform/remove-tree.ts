/** Removes a tree, whatever a container or an archive has built in it. */
import { lstatSync, readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { WorkerClient } from './worker-client.ts';

export interface RemoveCalls {
  remove(path: string): void;
}

/** What is done at once, sooner than a thread could be asked: the directories of a short-lived container. */
const SMALL = { entries: 32, bytes: 1024 * 1024 };
/** The worker ends, with what it holds, when nothing was removed for so long. */
const IDLE_MS = 1_000;

const worker = new WorkerClient<RemoveCalls>('remove-worker', import.meta.url);
let underWay = 0;
let idleTimer: NodeJS.Timeout | undefined;

/** What is gone is no error. Throws Node's error, whose `code` is the errno's name. */
export async function removeTree(path: string): Promise<void> {
  if (isSmall(path)) {
    rmSync(path, { recursive: true, force: true });
    return;
  }
  clearTimeout(idleTimer);
  underWay++;
  try {
    await worker.call('remove', path);
  } finally {
    if (--underWay === 0) {
      idleTimer = setTimeout(() => void worker[Symbol.asyncDispose](), IDLE_MS);
      idleTimer.unref();
    }
  }
}

function isSmall(path: string): boolean {
  const left = { ...SMALL };
  const fits = (at: string): boolean => {
    const stat = lstatSync(at);
    left.entries--;
    left.bytes -= stat.size;
    if (left.entries < 0 || left.bytes < 0) return false;
    return !stat.isDirectory() || readdirSync(at).every((name) => fits(join(at, name)));
  };
  try {
    return fits(path);
  } catch {
    // A name that is no text, or somebody else removes it too: left to the worker.
    return false;
  }
}
