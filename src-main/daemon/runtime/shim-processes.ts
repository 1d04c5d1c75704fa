/**
 * Shims by what the machine runs, whatever has become of the files that name them: a daemon may be killed
 * between a shim's start and the first of them, and somebody may delete the exec root.
 */
import { commandLines, killPid } from '../platform/process.ts';

interface ShimProcess {
  readonly pid: number;
  /** What containerd called it: a container's id, or the name of a warm one. */
  readonly id: string;
  /** Of a warm one; '' when containerd started it. */
  readonly socket: string;
}

/** Those that talk to the containerd at this address; they may be of other namespaces and daemons. */
export function shimProcesses(containerdAddress: string): readonly ShimProcess[] {
  return commandLines().flatMap(({ pid, line }) => {
    if (!`${line} `.includes(` -address ${containerdAddress} `)) return [];
    const id = / -id (\S+)/.exec(line)?.[1] ?? '';
    return [{ pid, id, socket: / -socket (.+)$/.exec(line)?.[1] ?? '' }];
  });
}

export const endShims = (shims: Iterable<ShimProcess>): void => {
  for (const { pid } of shims) killPid(pid, 'SIGKILL');
};
