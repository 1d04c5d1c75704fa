/** A daemon worked hard through its API, and what it holds of the machine. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestDaemon } from './daemon.ts';

/** What a daemon holds; all of it but memory and threads must come back to what it was. */
export interface Holdings {
  readonly fds: number;
  /** Mounts below its roots. */
  readonly mounts: number;
  readonly fifos: number;
  readonly namespaces: number;
  readonly links: number;
  readonly containerDirectories: number;
  /** Of containers, not of images. */
  readonly layerDirectories: number;
  /** Shims and whatever else was started below its roots. */
  readonly processes: number;
}

const namesIn = (directory: string): string[] =>
  existsSync(directory) ? readdirSync(directory) : [];

function processesBelow(root: string): number {
  return namesIn('/proc').filter((pid) => {
    if (!/^\d+$/.test(pid)) return false;
    try {
      return readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(root);
    } catch {
      // It ended while we looked.
      return false;
    }
  }).length;
}

/** On the whole machine: what others beside it have is counted too. */
const linkCount = (): number =>
  namesIn('/sys/class/net').filter((name) => name.startsWith('veth')).length;

export function holdingsOf(daemon: TestDaemon): Holdings {
  const { root, execRoot, dataRoot } = daemon;
  const mounts = readFileSync('/proc/self/mounts', 'utf8').split('\n');
  return {
    fds: namesIn(`/proc/${String(daemon.pid)}/fd`).length,
    mounts: mounts.filter((line) => line.includes(root)).length,
    fifos: namesIn(join(execRoot, 'stdio')).length,
    namespaces: namesIn(join(execRoot, 'netns')).length,
    links: linkCount(),
    containerDirectories: namesIn(join(dataRoot, 'containers')).length,
    layerDirectories: namesIn(join(dataRoot, 'overlay2')).length,
    processes: processesBelow(root),
  };
}

/** Resident bytes of the daemon alone, in MB, and its threads. */
export function weightOf(daemon: TestDaemon): { readonly rssMb: number; readonly threads: number } {
  const status = readFileSync(`/proc/${String(daemon.pid)}/status`, 'utf8');
  const field = (name: string): number =>
    Number(new RegExp(`^${name}:\\s+(\\d+)`, 'm').exec(status)?.[1] ?? 0);
  return { rssMb: Math.round(field('VmRSS') / 1024), threads: field('Threads') };
}

async function ask(
  daemon: TestDaemon,
  request: readonly [method: string, path: string, body?: unknown],
): Promise<string> {
  const { status, body } = await daemon.api(...request);
  if (status >= 400) throw new Error(`${request[0]} ${request[1]}: ${String(status)} ${body}`);
  return body;
}

const idIn = (answer: string): string => (JSON.parse(answer) as { Id: string }).Id;

/** Creates and starts one that sleeps until it is told to end. */
export async function startSleeper(daemon: TestDaemon): Promise<string> {
  const created = await ask(daemon, [
    'POST',
    '/containers/create',
    { Image: 'busybox', Cmd: ['sleep', '3600'], StopSignal: 'SIGKILL' },
  ]);
  await ask(daemon, ['POST', `/containers/${idIn(created)}/start`]);
  return idIn(created);
}

/** Create, start, stop, remove. */
export async function cycleContainer(daemon: TestDaemon): Promise<void> {
  const id = await startSleeper(daemon);
  await ask(daemon, ['POST', `/containers/${id}/stop`]);
  await ask(daemon, ['DELETE', `/containers/${id}`]);
}

/** One exec with its output read to the end. */
export async function execOnce(daemon: TestDaemon, containerId: string): Promise<void> {
  const created = await ask(daemon, [
    'POST',
    `/containers/${containerId}/exec`,
    { Cmd: ['echo', 'on'], AttachStdout: true, AttachStderr: true },
  ]);
  const output = await ask(daemon, ['POST', `/exec/${idIn(created)}/start`, {}]);
  if (!output.includes('on')) throw new Error(`an exec answered ${JSON.stringify(output)}`);
}

/** `count` times the work, `width` at a time. */
export async function times(
  count: number,
  width: number,
  work: () => Promise<unknown>,
): Promise<void> {
  let left = count;
  await Promise.all(
    Array.from({ length: width }, async () => {
      while (left-- > 0) await work();
    }),
  );
}
