/** Runs nft or iptables to its end. */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { internal, notFound } from '../../../shared/errors.ts';
import { hasErrno } from '../platform/libc.ts';

/** Answers stdout. Throws notFound when the program is missing, internal with stderr when it fails. */
export async function runTool(
  program: string,
  args: readonly string[],
  input = '',
): Promise<string> {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  const exit = Promise.withResolvers<number | null>();
  child.once('error', exit.reject);
  child.once('close', exit.resolve);
  // A program that ends early breaks the pipe; its exit code says why.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  try {
    const [code, stdout, stderr] = await Promise.all([
      exit.promise,
      text(child.stdout),
      text(child.stderr),
    ]);
    if (code !== 0) throw internal(`${program} failed: ${stderr.trim()}`);
    return stdout;
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) throw notFound(`${program} is not installed`, { cause: error });
    throw error;
  }
}
