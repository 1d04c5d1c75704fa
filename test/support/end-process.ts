/** Ends a program a test started, however far it has come. */
import type { ChildProcess } from 'node:child_process';

/** Kills it and waits until it has ended; one that has ended already is no error. */
export async function endProcess(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = new Promise((resolve) => child.once('exit', resolve));
  child.kill('SIGKILL');
  await exited;
}
