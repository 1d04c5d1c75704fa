/** Terminals in containers, on whatever engine the host has: a new process (exec), or the main one (attach). */
import { randomUUID } from 'node:crypto';
import { type EngineAnswer, openEngineRequest, writeWhenRoom } from '../../hosts/engine-gateway.ts';
import { askEngine, refuseFailure } from '../../hosts/engine-question.ts';
import type { Host } from '../../hosts/host-book.ts';
import type { TerminalProcess, TerminalSize } from './terminal-process.ts';

export interface ExecChoice {
  readonly container: string;
  /** The best shell the container has, when undefined. */
  readonly command?: readonly string[] | undefined;
  readonly user?: string | undefined;
  readonly directory?: string | undefined;
}

const FIND_SHELL =
  'for shell in bash zsh ash sh; do command -v $shell >/dev/null 2>&1 && exec $shell; done';

/** Told to each process of an exec, so that all that came of it can be hung up: engines have no call for that. */
const MARK = 'WINDLASS_TERMINAL';
const hangUpScript = (mark: string): string =>
  `for p in /proc/[0-9]*; do grep -q ${MARK}=${mark} $p/environ 2>/dev/null && kill -HUP \${p#/proc/}; done; :`;

const ATTACH_QUERY = 'stream=1&stdin=1&stdout=1&stderr=1&logs=1';

interface Hijacked {
  readonly answer: EngineAnswer;
  readonly resizePath: string;
  /** How the process ended, once it has. */
  code(): Promise<number | undefined>;
  hangUp(): Promise<void>;
}

function processOf(host: Host, stop: AbortController, hijacked: Hijacked): TerminalProcess {
  const { answer, resizePath } = hijacked;
  let isOver = false;
  return {
    run: async (take) => {
      try {
        for await (const bytes of answer.readable as AsyncIterable<Buffer>) await take(bytes);
      } finally {
        isOver = true;
        answer.readable.destroy();
      }
      return { code: await hijacked.code().catch(() => undefined) };
    },
    write: async (bytes) => {
      if (answer.writable) await writeWhenRoom(answer.writable, bytes);
    },
    resize: async ({ columns, rows }) => {
      if (isOver) return;
      // It may end meanwhile; its stream says so.
      await askEngine(host, 'POST', `${resizePath}?h=${rows}&w=${columns}`).catch(() => undefined);
    },
    end: async () => {
      // The engine may be gone, or the container: then there is nothing to hang up.
      if (!isOver) await hijacked.hangUp().catch(() => undefined);
      stop.abort();
    },
  };
}

async function hijack(host: Host, path: string, body: unknown, stop: AbortController) {
  const asked = { method: 'POST', path, headers: {}, upgrade: true };
  const answer = await openEngineRequest(
    host,
    body === undefined ? asked : { ...asked, body: JSON.stringify(body) },
    stop.signal,
  );
  await refuseFailure(answer);
  stop.signal.addEventListener('abort', () => answer.readable.destroy(), { once: true });
  // Kept even when nobody listens yet: the failure is told by whoever reads on.
  answer.readable.on('error', () => undefined);
  return answer;
}

/** Starts a process in a running container. Throws the engine's refusal. */
export async function openExec(
  host: Host,
  choice: ExecChoice,
  { columns, rows }: TerminalSize,
): Promise<TerminalProcess> {
  const mark = randomUUID();
  const stop = new AbortController();
  const create = (more: object): Promise<{ Id: string }> =>
    askEngine(host, 'POST', `/containers/${choice.container}/exec`, more);
  const { Id } = await create({
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    Tty: true,
    Env: ['TERM=xterm-256color', `${MARK}=${mark}`],
    Cmd: choice.command ?? ['/bin/sh', '-c', FIND_SHELL],
    ...(choice.user && { User: choice.user }),
    ...(choice.directory && { WorkingDir: choice.directory }),
  });
  const start = { Detach: false, Tty: true, ConsoleSize: [rows, columns] };
  const answer = await hijack(host, `/exec/${Id}/start`, start, stop);
  return processOf(host, stop, {
    answer,
    resizePath: `/exec/${Id}/resize`,
    code: async () =>
      (await askEngine<{ ExitCode?: number }>(host, 'GET', `/exec/${Id}/json`)).ExitCode ??
      undefined,
    hangUp: async () => {
      const user = choice.user ? { User: choice.user } : {};
      const hangUp = await create({ Cmd: ['/bin/sh', '-c', hangUpScript(mark)], ...user });
      await askEngine(host, 'POST', `/exec/${hangUp.Id}/start`, { Detach: true });
    },
  });
}

/** Joins the main process of a container; leaving does not end it. Throws the engine's refusal. */
export async function openAttach(host: Host, container: string): Promise<TerminalProcess> {
  const stop = new AbortController();
  const path = `/containers/${container}`;
  const answer = await hijack(host, `${path}/attach?${ATTACH_QUERY}`, undefined, stop);
  return processOf(host, stop, {
    answer,
    resizePath: `${path}/resize`,
    code: async () => undefined,
    hangUp: async () => undefined,
  });
}
