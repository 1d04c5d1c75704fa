/** The user's own daemon on this machine, beside the app: it goes on when the window closes, as its containers do. */
import { spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { unavailable } from '../../shared/errors.ts';
import { isEngineAt } from './host-watch.ts';

const START_LIMIT_MS = 120_000;
const POLL_MS = 100;

export interface RootlessEngine {
  /** The daemon with its options. */
  readonly words: readonly string[];
  readonly socket: string;
  readonly logFile: string;
}

/** Starts it unless it runs; resolves when it answers. Throws unavailable with its own last words. */
export async function startRootlessEngine(engine: RootlessEngine): Promise<void> {
  const { socket, logFile, words } = engine;
  if (await isEngineAt(socket)) return;
  mkdirSync(dirname(logFile), { recursive: true, mode: 0o700 });
  const log = openSync(logFile, 'w', 0o600);
  const [program = '', ...args] = words;
  const child = spawn(program, args, { stdio: ['ignore', log, log], detached: true });
  const ended = new Promise<void>((resolve) => {
    child.once('exit', () => resolve()).once('error', () => resolve());
  });
  const hasEnded = ended.then(() => true);
  for (const limit = Date.now() + START_LIMIT_MS; Date.now() < limit; ) {
    if (await Promise.race([hasEnded, delay(POLL_MS, false)])) break;
    if (!(await isEngineAt(socket))) continue;
    child.unref();
    return;
  }
  child.kill();
  const lines = readFileSync(logFile, 'utf8').trim().split('\n');
  const own = lines.filter((line) => line.startsWith('windlassd: '));
  // Further problems of the same message stand on the lines after it.
  const from = own[0] === undefined ? -3 : lines.indexOf(own[0]);
  throw unavailable(
    `no container engine is running, and one of your own does not start:\n${lines.slice(from).join('\n').replace('windlassd: ', '')}`,
  );
}
