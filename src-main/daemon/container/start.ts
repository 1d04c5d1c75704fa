/**
 * Start: state checks → (read-write layer, network sandbox, volumes, log, in parallel) → OCI spec →
 * FIFOs → task created → task started → state running, written, published. Any failure undoes what was done,
 * in reverse. Follows moby daemon/start.go.
 */
import { conflict, errorMessage, isEngineError } from '../../../shared/errors.ts';
import type { SpanSink } from '../network/network-controller.ts';
import { failpoint } from '../platform/failpoint.ts';
import type { Task } from '../runtime/runtime.ts';
import { streamsOf, TaskStdio } from '../runtime/task-stdio.ts';
import type { Container } from './container.ts';
import { type ContainerContext, publishEvent, saveProgress } from './container-context.ts';
import { isLive, transition } from './container-state.ts';
import { LaunchRecorder } from './launch-recorder.ts';
import { keepLaunch, logSpan } from './launches.ts';
import { openRunLog, type RunLog } from './run-log.ts';
import { prepareRun } from './run-resources.ts';
import { specFor } from './spec-input.ts';
import { type ExitListener, watchTask } from './watch-task.ts';

/** True when the container may be started now; false when it runs already. Throws conflict otherwise. */
export function checkStartable(container: Container): boolean {
  const { state } = container;
  if (state.kind === 'paused')
    throw conflict('cannot start a paused container, try unpause instead');
  if (state.kind === 'removing' || state.kind === 'dead')
    throw conflict('container is marked for removal and cannot be started');
  return state.kind !== 'running';
}

/** Starts the container. Must be called under its lock, after {@link checkStartable}. */
export async function startContainer(
  context: ContainerContext,
  container: Container,
  onExit: ExitListener,
): Promise<void> {
  const recorder = new LaunchRecorder('start', logSpan(context.log, container.id));
  container.live.cancelRestart?.();
  await container.live.teardown;
  try {
    await using undo = new AsyncDisposableStack();
    const task = await launch(context, container, { span: recorder.span, undo });
    undo.move();
    keepLaunch(container, recorder.record());
    await becomeRunning(context, container, task);
    watchTask(context, container, task, onExit);
  } catch (error) {
    keepLaunch(container, recorder.record(error));
    await becomeFailed(context, container, error);
    throw error;
  }
}

async function becomeRunning(
  context: ContainerContext,
  container: Container,
  task: Task,
): Promise<void> {
  const startedAt = new Date().toISOString().replace('Z', '000000Z');
  const { progress } = container;
  container.live.task = task;
  container.live.oomKilled = false;
  progress.state = transition(progress.state, {
    kind: 'running',
    pid: task.pid,
    startedAt,
    lastRun: { ...progress.state.lastRun, startedAt, error: '', exitCode: 0, oomKilled: false },
  });
  progress.hasBeenStartedBefore = true;
  await saveProgress(context, container);
  failpoint('start: state written');
  publishEvent(context, container, 'start');
}

/** A failed start leaves an exited container with the exit code Docker gives it: 126, 127, else 128. */
async function becomeFailed(
  context: ContainerContext,
  container: Container,
  error: unknown,
): Promise<void> {
  const { progress } = container;
  const exitCode = isEngineError(error) ? Number(error.details['exitCode'] ?? 128) : 128;
  progress.state = transition(progress.state, {
    kind: progress.state.kind === 'created' ? 'created' : 'exited',
    lastRun: {
      ...progress.state.lastRun,
      exitCode,
      error: errorMessage(error),
      finishedAt: progress.state.lastRun.finishedAt,
    },
  });
  progress.sandbox = null;
  await saveProgress(context, container);
}

interface LaunchWork {
  readonly span: SpanSink;
  readonly undo: AsyncDisposableStack;
}

async function launch(
  context: ContainerContext,
  container: Container,
  work: LaunchWork,
): Promise<Task> {
  const { span, undo } = work;
  const [resources, log] = await allOrFirstError([
    prepareRun(context, container, work),
    span('open log', async () => undo.adopt(await openRunLog(context, container), closeLog)),
  ] as const);
  failpoint('start: run prepared');
  container.progress.sandbox = resources.sandbox;
  // Who takes over the task of a daemon that died before it was running needs to know its network.
  await saveProgress(context, container);
  const spec = await span('OCI spec', () => specFor(context, container, resources));
  const stdio = await span('stdio FIFOs', () =>
    TaskStdio.create(context.settings.execRoot, container.id, {
      terminal: container.isTty,
      stdin: container.record.config.OpenStdin ?? false,
    }),
  );
  failpoint('start: FIFOs made');
  undo.defer(() => stdio.close());
  const task = await span(
    'runtime create',
    () =>
      context.runtime.create({
        containerId: container.id,
        spec,
        stdio: stdio.paths,
        runtime: container.record.hostConfig.Runtime ?? context.settings.verify.defaultRuntime,
      }),
    container.record.hostConfig.Runtime,
  );
  failpoint('start: task created');
  undo.defer(() => context.runtime.purge(container.id));
  container.streams.connect(streamsOf(stdio, task), (source, chunk) => log.write(source, chunk));
  undo.defer(async () => container.streams.finish());
  await span('runtime start', () => task.start(), container.record.path);
  failpoint('start: task started');
  container.live.run = { stdio, log };
  return task;
}

const closeLog = (log: RunLog): Promise<void> => log.close();

/** Waits for all, so that nothing is still being made while the failure is undone. */
async function allOrFirstError<T extends readonly unknown[]>(
  work: { readonly [K in keyof T]: Promise<T[K]> },
): Promise<T> {
  const settled = await Promise.allSettled(work);
  const failed = settled.find((one) => one.status === 'rejected');
  if (failed) throw failed.reason;
  return settled.map((one) => (one as PromiseFulfilledResult<unknown>).value) as unknown as T;
}

/** The live task, or Docker's conflict. */
export function requireTask(container: Container): Task {
  const task = container.live.task;
  if (!isLive(container.state) || !task) throw conflict(`Container ${container.id} is not running`);
  return task;
}
