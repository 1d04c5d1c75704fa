/**
 * Tasks that containerd does not know any more. When it ends, or is killed, in the middle of making a
 * task, the next one may give the task up while its shim and its first process live on. They are ended
 * by what lies in the exec root: the runtime's state, and the bundle with its shim.
 */
import { execFile } from 'node:child_process';
import { readFile, rm, rmdir } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { errorMessage } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { hasErrno } from '../platform/libc.ts';
import { namesIn } from '../platform/names-in.ts';
import { controlGroup, killPid } from '../platform/process.ts';
import { containerdPaths, TASK_PLUGIN } from './containerd-config.ts';
import { endShims, shimProcesses } from './shim-processes.ts';

const run = promisify(execFile);
const STATE_PREFIX = 'runtime-';

const END_LIMIT_MS = 5_000;
const POLL_MS = 20;

export interface LeftoverOptions {
  readonly execRoot: string;
  readonly namespace: string;
  /** Of each runtime, by name. */
  readonly binaries: ReadonlyMap<string, string>;
  readonly log: Log;
}

/**
 * Ends and removes every task but `live`, which are container ids. `lost`: ids of those that were to run
 * and have no task; should the files of the exec root be gone, their processes are found by their control
 * group. What fails is logged.
 */
export async function endLeftovers(
  options: LeftoverOptions,
  live: ReadonlySet<string>,
  lost: readonly string[],
): Promise<void> {
  await removeStates(options, live);
  for (const id of lost) await endGroup(options.log, id);
  const own = containerdPaths(options.execRoot).address;
  // Those without a socket of ours were started for a container, by its id.
  endShims(shimProcesses(own).filter(({ id, socket }) => socket === '' && !live.has(id)));
  const bundles = join(containerdPaths(options.execRoot).state, TASK_PLUGIN, options.namespace);
  for (const id of await namesIn(bundles)) {
    if (live.has(id)) continue;
    options.log.warn('bundle of no task removed', { id });
    await endShim(options.execRoot, join(bundles, id));
    await rm(join(bundles, id), { recursive: true, force: true });
  }
}

/** `<exec root>/runtime-<name>/<namespace>/<id>` is a container the runtime knows. */
async function removeStates(
  { execRoot, namespace, binaries, log }: LeftoverOptions,
  live: ReadonlySet<string>,
): Promise<void> {
  const roots = (await namesIn(execRoot)).filter((name) => name.startsWith(STATE_PREFIX));
  for (const root of roots) {
    const states = join(execRoot, root, namespace);
    const binary = binaries.get(decodeURIComponent(root.slice(STATE_PREFIX.length)));
    for (const id of await namesIn(states)) {
      if (live.has(id) || binary === undefined) continue;
      log.warn('container of no task ended', { id });
      try {
        await run(binary, ['--root', states, 'delete', '--force', id]);
      } catch (error) {
        log.error('container of no task could not be ended', { id, error: errorMessage(error) });
      }
    }
  }
}

async function endGroup(log: Log, id: string): Promise<void> {
  const limit = Date.now() + END_LIMIT_MS;
  const { directories } = controlGroup(id);
  for (;;) {
    const { pids } = controlGroup(id);
    if (pids.length === 0) break;
    if (Date.now() > limit) return log.error('processes of a lost task do not end', { id });
    log.warn('processes of a lost task ended', { id, pids });
    for (const pid of pids) killPid(pid, 'SIGKILL');
    await delay(POLL_MS);
  }
  // One with groups of its own below is not empty, and stays.
  await Promise.allSettled(directories.map((directory) => rmdir(directory)));
}

async function endShim(execRoot: string, bundle: string): Promise<void> {
  const address = (await textOf(join(bundle, 'address'))).replace('unix://', '');
  endShims(
    shimProcesses(containerdPaths(execRoot).address).filter(
      ({ id, socket }) => id === basename(bundle) || (socket !== '' && socket === address),
    ),
  );
}

async function textOf(path: string): Promise<string> {
  try {
    return (await readFile(path, 'utf8')).trim();
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ENOTDIR')) return '';
    throw error;
  }
}
