/** Exec: create, start, resize, inspect (moby daemon/exec.go, exec_linux.go). */
import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import {
  conflict,
  errorMessage,
  internal,
  invalidArgument,
  isEngineError,
  notFound,
} from '../../../shared/errors.ts';
import { streamsOf, TaskStdio } from '../runtime/task-stdio.ts';
import { ClientOutput } from './client-output.ts';
import { serveClient } from './client-session.ts';
import type { Container } from './container.ts';
import { type ContainerContext, publishEvent } from './container-context.ts';
import type { ClientStream, ExecCreateRequest } from './container-service.ts';
import { ExecSession } from './exec-session.ts';
import { linkEnvironment } from './links.ts';
import { execProcessFor } from './spec-input.ts';
import { requireTask } from './start.ts';
import { requireDetachKeys } from './verify-config.ts';

const DRAIN_LIMIT_MS = 2000;
/** Ended execs can be inspected this long, as Docker's clean-up loop allows. */
const KEEP_ENDED_MS = 5 * 60_000;

/** Docker's conflicts for a container that cannot take an exec now. */
function requireActive(container: Container, asked: string): void {
  switch (container.state.kind) {
    case 'running':
      return;
    case 'paused':
      throw conflict(`Container ${asked} is paused, unpause the container before exec`);
    case 'restarting':
      throw conflict(
        `Container ${container.id} is restarting, wait until the container is running`,
      );
    case 'created':
    case 'exited':
    case 'removing':
    case 'dead':
      throw conflict(`Container ${container.id} is not running`);
  }
}

/** Exit code of an exec whose command could not be started, whatever the reason. */
const NOT_STARTED = 126;

/** Attach and exec have different words for keys that are none. */
function escapeKeys(text: string | undefined): readonly number[] | undefined {
  try {
    return requireDetachKeys(text);
  } catch (error) {
    throw internal(`Invalid escape keys (${text}) provided`, { cause: error });
  }
}

export class ExecRegistry {
  readonly #sessions = new Map<string, ExecSession>();
  readonly #context: ContainerContext;
  #sweptMs = 0;

  constructor(context: ContainerContext) {
    this.#context = context;
  }

  create(container: Container, request: ExecCreateRequest, asked: string): ExecSession {
    requireActive(container, asked);
    if (!request.Cmd || request.Cmd.length === 0)
      throw invalidArgument('No exec command specified');
    const detachKeys = escapeKeys(request.DetachKeys);
    linkEnvironment(this.#context, container);
    const id = randomBytes(32).toString('hex');
    const session = new ExecSession(id, container.id, { request, detachKeys });
    this.#forgetOrphans();
    this.#sessions.set(id, session);
    container.execs.set(id, session);
    publishEvent(this.#context, container, `exec_create: ${request.Cmd.join(' ')}`, { execID: id });
    return session;
  }

  /** Execs that were never started go after their container. */
  #forgetOrphans(): void {
    const now = performance.now();
    if (now - this.#sweptMs < KEEP_ENDED_MS) return;
    this.#sweptMs = now;
    for (const { id, containerId } of this.#sessions.values()) {
      if (!this.#context.registry.get(containerId)) this.#sessions.delete(id);
    }
  }

  find(execId: string): { session: ExecSession; container: Container } {
    const session = this.#sessions.get(execId);
    const container = session && this.#context.registry.get(session.containerId);
    if (!session || !container) throw notFound(`No such exec instance: ${execId}`);
    return { session, container };
  }

  /** Checks, then answers the function that runs it for a client (or without one, detached). */
  start(
    execId: string,
    options: { detach: boolean; consoleSize?: readonly number[] },
  ): { isTty: boolean; serve: (client: ClientStream | undefined) => Promise<void> } {
    const { session, container } = this.find(execId);
    if (session.state.kind === 'exited')
      throw conflict(`Error: Exec command ${execId} has already run`);
    if (session.state.kind === 'running')
      throw conflict(`Error: Exec command ${execId} is already running`);
    requireActive(container, container.id);
    session.state = { kind: 'running', pid: 0 };
    return {
      isTty: session.request.Tty ?? false,
      serve: (client) =>
        client && !options.detach
          ? this.#serveAttached(container, session, client)
          : this.#launch(container, session, options.consoleSize),
    };
  }

  async #serveAttached(
    container: Container,
    session: ExecSession,
    client: ClientStream,
  ): Promise<void> {
    const { request } = session;
    const output = new ClientOutput({
      isTty: request.Tty ?? false,
      stdout: request.AttachStdout ?? false,
      stderr: request.AttachStderr ?? false,
    });
    using _attached = session.streams.attach(output);
    try {
      await this.#launch(container, session, request.ConsoleSize ?? undefined);
      const end = await serveClient({
        hub: session.streams,
        client,
        output: request.AttachStdout || request.AttachStderr ? output : undefined,
        forwardsInput: request.AttachStdin ?? false,
        // A client that detaches from a terminal ends its input; the terminal stays.
        closesStdin: !request.Tty,
        isTty: request.Tty ?? false,
        detachKeys: session.detachKeys,
        processEnded: session.ended(),
      });
      if (end === 'detached')
        publishEvent(this.#context, container, 'exec_detach', { execID: session.id });
    } catch (error) {
      // The connection is hijacked already: the message is all a client can see.
      output.connect(client);
      await output.write('stdout', Buffer.from(`${errorMessage(error)}\r\n`));
    } finally {
      await client.end();
    }
  }

  async #launch(
    container: Container,
    session: ExecSession,
    consoleSize: readonly number[] | undefined,
  ): Promise<void> {
    const { request } = session;
    try {
      const task = requireTask(container);
      const spec = await execProcessFor(this.#context, container, request);
      const stdio = await TaskStdio.create(this.#context.settings.execRoot, session.id, {
        terminal: request.Tty ?? false,
        stdin: request.AttachStdin ?? false,
      });
      session.stdio = stdio;
      const process = await task.exec(session.id, spec, stdio.paths);
      session.process = process;
      publishEvent(this.#context, container, `exec_start: ${(request.Cmd ?? []).join(' ')}`, {
        execID: session.id,
      });
      const pid = await process.start();
      // The shim opens an exec's input only now; output waits in the FIFOs meanwhile.
      session.streams.connect(streamsOf(stdio, process), async () => undefined);
      session.state = { kind: 'running', pid };
      session.started.resolve();
      const [height, width] = consoleSize ?? [];
      if (request.Tty && height && width) await process.resize(width, height);
    } catch (error) {
      await this.#abandon(session);
      throw error;
    }
    this.#watch(container, session);
  }

  async #abandon(session: ExecSession): Promise<void> {
    session.started.resolve();
    session.finish(NOT_STARTED);
    await session.stdio?.close();
    await session.process?.delete();
    this.#forgetLater(session);
  }

  /** Follows the process to its end. */
  #watch(container: Container, session: ExecSession): void {
    const { process, stdio } = session;
    if (!process || !stdio) return;
    const follow = async (): Promise<void> => {
      const { exitCode } = await process.wait();
      const limit = new AbortController();
      await Promise.race([
        session.streams.drained(),
        delay(DRAIN_LIMIT_MS, undefined, { signal: limit.signal, ref: false }).catch(
          () => undefined,
        ),
      ]);
      limit.abort();
      session.finish(exitCode);
      container.execs.delete(session.id);
      publishEvent(this.#context, container, 'exec_die', {
        execID: session.id,
        exitCode: String(exitCode),
      });
      await stdio.close();
      await process.delete();
    };
    follow()
      .catch((error: unknown) => {
        // A daemon that ends leaves execs to themselves.
        if (isEngineError(error, 'cancelled')) return;
        this.#context.log.warn('exec ended badly', { exec: session.id, error: String(error) });
      })
      .finally(() => this.#forgetLater(session));
  }

  #forgetLater(session: ExecSession): void {
    session.letGo();
    setTimeout(() => this.#sessions.delete(session.id), KEEP_ENDED_MS).unref();
  }

  async resize(execId: string, size: { height: number; width: number }): Promise<void> {
    const { session } = this.find(execId);
    await session.started.promise;
    if (session.state.kind === 'running') await session.process?.resize(size.width, size.height);
  }

  /** The API's ExecInspectResponse. */
  inspect(execId: string): object {
    const { session, container } = this.find(execId);
    const user = session.request.User || container.record.config.User;
    const { request, state } = session;
    const [entrypoint = '', ...args] = request.Cmd ?? [];
    return {
      ID: session.id,
      Running: state.kind === 'running',
      ExitCode: state.kind === 'exited' ? state.exitCode : null,
      ProcessConfig: {
        tty: request.Tty ?? false,
        entrypoint,
        arguments: args,
        privileged: request.Privileged ?? false,
        ...(user ? { user } : {}),
      },
      OpenStdin: request.AttachStdin ?? false,
      OpenStderr: request.AttachStderr ?? false,
      OpenStdout: request.AttachStdout ?? false,
      CanRemove: false,
      ContainerID: container.id,
      DetachKeys: request.DetachKeys ?? '',
      Pid: state.kind === 'created' ? 0 : state.pid,
    };
  }
}
