/** `top`: the host's ps, narrowed to the container's processes (moby daemon/top_unix.go). */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import type { ContainerTopAnswer } from '../../../shared/engine/engine-api.ts';
import { errorMessage, internal } from '../../../shared/errors.ts';
import type { Container } from './container.ts';
import { type ContainerContext, publishEvent } from './container-context.ts';
import { requireTask } from './start.ts';

const run = promisify(execFile);

/** Titles and rows. Throws when ps does not print a PID column. */
export async function topContainer(
  context: ContainerContext,
  container: Container,
  psArgs: string,
): Promise<ContainerTopAnswer> {
  const pids = new Set(await requireTask(container).pids());
  const args = psArgs === '' ? ['-ef'] : psArgs.split(/\s+/).filter(Boolean);
  const text = await psOf(args, pids);
  const [header = '', ...lines] = text.trimEnd().split('\n');
  const titles = header.trim().split(/\s+/);
  const pidColumn = titles.indexOf('PID');
  if (pidColumn < 0) throw internal("Couldn't find PID field in ps output");
  const rows = lines
    .map((line) => splitRow(line, titles.length))
    .filter((row) => pids.has(Number(row[pidColumn])));
  publishEvent(context, container, 'top');
  return { Processes: rows, Titles: titles };
}

/** The last column takes the rest of the line. */
function splitRow(line: string, columns: number): string[] {
  const words = line.trim().split(/\s+/);
  return [...words.slice(0, columns - 1), words.slice(columns - 1).join(' ')];
}

/** By their ids ps shows them whatever their terminal; some of its options do not go with that. */
async function psOf(args: readonly string[], pids: ReadonlySet<number>): Promise<string> {
  try {
    return (await run('ps', [...args, `-q${[...pids].join(',')}`])).stdout;
  } catch {
    return ps(args);
  }
}

async function ps(args: readonly string[]): Promise<string> {
  try {
    return (await run('ps', [...args])).stdout;
  } catch (error) {
    const stderr = (error as { stderr?: string }).stderr?.split('\n')[0];
    throw internal(`ps: ${stderr || errorMessage(error)}`, { cause: error });
  }
}
