/** One run of a health command in the container, its output kept to 4096 bytes. */
import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { setTimeout as delay } from 'node:timers/promises';
import { errorMessage } from '../../../shared/errors.ts';
import type { RuntimeProcess } from '../runtime/runtime.ts';
import { TaskStdio } from '../runtime/task-stdio.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './container-context.ts';
import { execProcessFor } from './spec-input.ts';
import { requireTask } from './start.ts';

const MAX_OUTPUT_BYTES = 4096;
const SIGKILL = 9;
/** Exit code Docker records for a probe that could not run or ran too long. */
const NO_EXIT_CODE = -1;

export type HealthProbe = (timeoutMs: number) => Promise<{ ExitCode: number; Output: string }>;

/** A probe bound to its container and command. It answers, never throws. */
export function healthProbe(
  context: ContainerContext,
  container: Container,
  command: readonly string[],
): HealthProbe {
  return async (timeoutMs) => {
    try {
      return await runProbe(context, container, { command, timeoutMs });
    } catch (error) {
      return { ExitCode: NO_EXIT_CODE, Output: errorMessage(error) };
    }
  };
}

async function runProbe(
  context: ContainerContext,
  container: Container,
  options: { command: readonly string[]; timeoutMs: number },
): Promise<{ ExitCode: number; Output: string }> {
  const id = randomBytes(32).toString('hex');
  const spec = await execProcessFor(context, container, { Cmd: options.command });
  await using scope = new AsyncDisposableStack();
  const stdio = await TaskStdio.create(context.settings.execRoot, id, {
    terminal: false,
    stdin: false,
  });
  scope.defer(() => stdio.close());
  const process = await requireTask(container).exec(id, spec, stdio.paths);
  scope.defer(() => process.delete().then(() => undefined));
  const output = Promise.all([collect(stdio.stdout), collect(stdio.stderr)]);
  // A container that is killed meanwhile fails the steps below, and nobody waits for its output any more.
  output.catch(() => undefined);
  await process.start();
  const ended = await endWithin(process, options.timeoutMs);
  if (ended === undefined) {
    await process.kill(SIGKILL);
    await process.wait();
    const seconds = options.timeoutMs / 1000;
    return {
      ExitCode: NO_EXIT_CODE,
      Output: `Health check exceeded timeout (${seconds >= 1 ? `${seconds}s` : `${options.timeoutMs}ms`})`,
    };
  }
  const text = (await output).join('').slice(0, MAX_OUTPUT_BYTES);
  return { ExitCode: ended, Output: text };
}

async function endWithin(process: RuntimeProcess, timeoutMs: number): Promise<number | undefined> {
  const cancel = new AbortController();
  const late = delay(timeoutMs, undefined, { signal: cancel.signal }).catch(() => undefined);
  const code = await Promise.race([process.wait().then((status) => status.exitCode), late]);
  cancel.abort();
  return code;
}

async function collect(stream: Readable | undefined): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of (stream ?? []) as AsyncIterable<Uint8Array>) {
    if (size < MAX_OUTPUT_BYTES) chunks.push(chunk);
    size += chunk.length;
  }
  return Buffer.concat(chunks).toString('utf8');
}
