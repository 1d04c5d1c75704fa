/** Kill, stop and restart's first half (moby daemon/kill.go, stop.go). */
import {
  conflict,
  EngineError,
  errorMessage,
  internal,
  isEngineError,
} from '../../../shared/errors.ts';
import { failpoint } from '../platform/failpoint.ts';
import { killPid } from '../platform/process.ts';
import type { Container } from './container.ts';
import { type ContainerContext, publishEvent, saveProgress } from './container-context.ts';
import { isLive, isRunning } from './container-state.ts';
import { cancelRestart } from './exit.ts';
import { LaunchRecorder } from './launch-recorder.ts';
import { keepLaunch, logSpan } from './launches.ts';
import { thaw } from './pause.ts';
import { parseSignal, requireSupported } from './signals.ts';
import { stoppedWithin } from './wait.ts';

const SIGKILL = 9;
const SIGTERM = 15;
const DEFAULT_STOP_TIMEOUT_S = 10;
/** How long a SIGKILL may take before the process is killed directly, then given up on. */
const KILL_LIMIT_MS = 10_000;
const DIRECT_KILL_LIMIT_MS = 2_000;
/** How long to wait for a container that could not be signalled, before it is killed. */
const UNSENT_LIMIT_MS = 2_000;

const stopSignalOf = (container: Container): number => {
  const name = container.record.config.StopSignal;
  return name ? parseSignal(name) : SIGTERM;
};

/** Sends a signal under the lock; a container between two runs is called off instead. */
async function sendSignal(
  context: ContainerContext,
  container: Container,
  signal: number,
): Promise<void> {
  await container.lock.run(async () => {
    if (!isRunning(container.state)) throw conflict(`Container ${container.id} is not running`);
    const endsContainer =
      !container.record.config.StopSignal ||
      signal === SIGKILL ||
      signal === stopSignalOf(container);
    if (endsContainer && !context.isShuttingDown()) {
      container.progress.hasBeenManuallyStopped = true;
      await saveProgress(context, container);
    }
    if (!isLive(container.state)) return cancelRestart(context, container);
    await container.live.task?.kill(signal);
    failpoint('stop: signal sent');
    // A frozen process takes no signal before it is thawed.
    if (container.state.kind === 'paused' && endsContainer) await thawForSignal(context, container);
    publishEvent(context, container, 'kill', { signal: String(signal) });
    return undefined;
  });
}

async function thawForSignal(context: ContainerContext, container: Container): Promise<void> {
  try {
    await thaw(context, container);
  } catch (error) {
    // A SIGKILL may have ended it although it was frozen (cgroup v2).
    context.log.debug('container was not resumed after a signal', {
      container: container.id,
      error: errorMessage(error),
    });
  }
}

/** `docker kill`: SIGKILL waits for the end, any other signal is only sent. */
export async function killContainer(
  context: ContainerContext,
  name: string,
  signal: string,
): Promise<void> {
  const number = signal === '' ? SIGKILL : parseSignal(signal);
  try {
    const container = context.registry.find(name);
    requireSupported(number);
    if (number === SIGKILL) await killAndWait(context, container);
    else await sendSignal(context, container, number);
  } catch (error) {
    if (!isEngineError(error)) throw error;
    throw new EngineError(error.code, `Cannot kill container: ${name}: ${error.message}`, {
      cause: error,
    });
  }
}

/** SIGKILL until it is over. Throws conflict when it does not run. */
async function killAndWait(context: ContainerContext, container: Container): Promise<void> {
  try {
    await sendSignal(context, container, SIGKILL);
  } catch (error) {
    // The process was gone already; its exit is on the way.
    if (!isEngineError(error, 'notFound')) throw error;
  }
  if (await stoppedWithin(container, KILL_LIMIT_MS)) return;
  context.log.error('container did not exit after SIGKILL, killing its process directly', {
    container: container.id,
  });
  if (isLive(container.state)) killPid(container.state.pid, SIGKILL);
  if (!(await stoppedWithin(container, DIRECT_KILL_LIMIT_MS)))
    throw internal('tried to kill container, but did not receive an exit event');
}

export interface StopOptions {
  /** Seconds before SIGKILL; negative = never. */
  readonly timeoutSeconds?: number;
  readonly signal?: string;
}

/** Stop signal, time to end, then SIGKILL. Answers false when it does not run (304). */
export async function stopContainer(
  context: ContainerContext,
  container: Container,
  options: StopOptions,
): Promise<boolean> {
  if (!isRunning(container.state)) return false;
  const recorder = new LaunchRecorder('stop', logSpan(context.log, container.id));
  const seconds =
    options.timeoutSeconds ?? container.record.config.StopTimeout ?? DEFAULT_STOP_TIMEOUT_S;
  const signal = options.signal ? parseSignal(options.signal) : stopSignalOf(container);
  const wasSent = await recorder.span('stop signal', () =>
    signalIfAlive(context, container, signal),
  );
  const timeoutMs = wasSent ? (seconds < 0 ? undefined : seconds * 1000) : UNSENT_LIMIT_MS;
  const stopped = await recorder.span('wait for exit', () => stoppedWithin(container, timeoutMs));
  if (!stopped) {
    context.log.info('container did not exit in time, using SIGKILL', {
      container: container.id,
      seconds,
    });
    await recorder.span('kill', () => killIfAlive(context, container));
  }
  keepLaunch(container, recorder.record());
  publishEvent(context, container, 'stop');
  return true;
}

/** False when it could not be sent: it ended between the check and the signal, or there is no such signal. */
async function signalIfAlive(
  context: ContainerContext,
  container: Container,
  signal: number,
): Promise<boolean> {
  try {
    await sendSignal(context, container, signal);
    return true;
  } catch (error) {
    context.log.debug('stop signal not sent', {
      container: container.id,
      error: errorMessage(error),
    });
    return false;
  }
}

/** As {@link killAndWait}, content when it has ended by itself meanwhile. */
export async function killIfAlive(context: ContainerContext, container: Container): Promise<void> {
  try {
    await killAndWait(context, container);
  } catch (error) {
    if (!isEngineError(error, 'conflict')) throw error;
  }
}
