/** The log of one run: the container's driver behind a line splitter per stream. */
import { errorMessage, internal } from '../../../shared/errors.ts';
import { LineSplitter } from '../log/line-splitter.ts';
import type { ContainerLogger, LogContext } from '../log/log-driver.ts';
import { bufferBytes } from '../log/log-options.ts';
import { RingLogger } from '../log/ring-logger.ts';
import type { Container, OpenLog } from './container.ts';
import type { ContainerContext } from './container-context.ts';
import type { OutputSource } from './stream-hub.ts';

/** What a log driver is told of the container. */
export function logContextOf(container: Container): LogContext {
  const { record } = container;
  return {
    containerId: record.id,
    containerName: record.name,
    command: [record.path, ...record.args],
    imageName: record.imageName,
    imageId: record.imageId,
    labels: record.config.Labels ?? {},
    env: record.config.Env ?? [],
    directory: container.directory,
    options: record.hostConfig.LogConfig?.Config ?? {},
  };
}

export class RunLog implements OpenLog {
  readonly logger: ContainerLogger;
  readonly #onFailure: (error: unknown) => void;
  readonly #splitters: Readonly<Record<OutputSource, LineSplitter>>;

  /** `onFailure`: a message was lost; whoever is attached goes on all the same. */
  constructor(logger: ContainerLogger, onFailure: (error: unknown) => void) {
    this.logger = logger;
    this.#onFailure = onFailure;
    this.#splitters = { stdout: new LineSplitter('stdout'), stderr: new LineSplitter('stderr') };
  }

  /** Splits a chunk of output into messages and hands them to the driver. */
  async write(source: OutputSource, chunk: Uint8Array): Promise<void> {
    // Handed over together: a wait for each of thousands of short lines would be a write for each.
    try {
      await Promise.all(this.#splitters[source].push(chunk).map((one) => this.logger.write(one)));
    } catch (error) {
      this.#onFailure(error);
    }
  }

  /** Writes what has no newline yet, then closes the driver. */
  async close(): Promise<void> {
    try {
      for (const splitter of Object.values(this.#splitters)) {
        for (const message of splitter.flush()) await this.logger.write(message);
      }
    } catch (error) {
      this.#onFailure(error);
    }
    await this.logger.close();
  }
}

/** Opens the container's log for a run. */
export async function openRunLog(context: ContainerContext, container: Container): Promise<RunLog> {
  const driver = context.logDrivers.get(container.record.hostConfig.LogConfig?.Type ?? 'json-file');
  try {
    const logContext = logContextOf(container);
    const size = bufferBytes(logContext.options);
    const logger = await driver.open(logContext);
    const onFailure = (error: unknown): void =>
      context.log.error('Failed to log msg', {
        container: container.id,
        driver: driver.name,
        error: errorMessage(error),
      });
    return new RunLog(
      size === undefined ? logger : new RingLogger(logger, size, onFailure),
      onFailure,
    );
  } catch (error) {
    throw internal(`failed to initialize logging driver: ${errorMessage(error)}`, { cause: error });
  }
}
