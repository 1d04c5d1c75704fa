/** Reading a container's log, live or at rest (moby daemon/logs.go). */
import { notImplemented } from '../../../shared/errors.ts';
import type { LogMessage } from '../log/log-driver.ts';
import type { Container } from './container.ts';
import type { ContainerContext } from './container-context.ts';
import type { LogsOptions } from './container-service.ts';
import { logContextOf } from './run-log.ts';

/** Messages of the wanted streams; throws notImplemented for a driver that cannot be read. */
export async function readLogs(
  context: ContainerContext,
  container: Container,
  options: LogsOptions,
): Promise<AsyncIterable<LogMessage>> {
  const driver = context.logDrivers.get(container.record.hostConfig.LogConfig?.Type ?? 'json-file');
  const live = container.live.run?.log.logger;
  const source = live?.read ? live : await driver.openReader(logContextOf(container));
  if (!source?.read) throw notImplemented('configured logging driver does not support reading');
  return wantedStreams(source.read(options), options);
}

async function* wantedStreams(
  messages: AsyncIterable<LogMessage>,
  options: LogsOptions,
): AsyncGenerator<LogMessage> {
  for await (const message of messages) {
    if (message.source === 'stdout' ? options.stdout : options.stderr) yield message;
  }
}
