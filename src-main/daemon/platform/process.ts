/** Facts about, and signals to, processes of this machine. */
import { readdirSync, readFileSync } from 'node:fs';
import { hasErrno } from './libc.ts';

const CONTROL_GROUPS = '/sys/fs/cgroup';

/** Sends a signal; a process that is gone is no error. */
export function killPid(pid: number, signal: number | NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if (!hasErrno(error, 'ESRCH')) throw error;
  }
}

/** The command line, arguments separated by spaces; '' when the process is gone or a zombie. */
export function commandLineOf(pid: number): string {
  return textOf(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').trim();
}

/** '' when the process is gone. */
function textOf(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ESRCH')) return '';
    throw error;
  }
}

const pids = (): readonly number[] =>
  readdirSync('/proc').flatMap((name) => (/^\d+$/.test(name) ? [Number(name)] : []));

/** Processes in a control group with that in its path, and the directories of such groups. */
export function controlGroup(mark: string): {
  readonly pids: readonly number[];
  readonly directories: readonly string[];
} {
  const members = pids().map((pid) => ({ pid, groups: textOf(`/proc/${pid}/cgroup`).split('\n') }));
  const found = members.filter(({ groups }) => groups.some((group) => group.includes(mark)));
  const directories = found
    .flatMap(({ groups }) => groups)
    .filter((group) => group.includes(mark))
    // `4:cpu,cpuacct:/path`; the one of cgroup v2 has no controllers.
    .map((group) => group.replace(/^\d+:(?:name=)?([^:]*):/, `${CONTROL_GROUPS}/$1`));
  return { pids: found.map(({ pid }) => pid), directories: [...new Set(directories)] };
}

/** Of every process there is, with its command line; kernel threads and zombies are left out. */
export function commandLines(): readonly { readonly pid: number; readonly line: string }[] {
  return pids()
    .map((pid) => ({ pid, line: commandLineOf(pid) }))
    .filter(({ line }) => line !== '');
}

/** True while the process runs; a zombie does not. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return !['Z', 'X'].includes(stat.slice(stat.lastIndexOf(')') + 2, stat.lastIndexOf(')') + 3));
  } catch (error) {
    if (hasErrno(error, 'ENOENT', 'ESRCH')) return false;
    throw error;
  }
}
