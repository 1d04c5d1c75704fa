/** Attach to the init process (moby daemon/attach.go). */
import { conflict } from '../../../shared/errors.ts';
import { ClientOutput } from './client-output.ts';
import { serveClient } from './client-session.ts';
import type { Container } from './container.ts';
import { type ContainerContext, publishEvent } from './container-context.ts';
import type { AttachOptions, ClientStream } from './container-service.ts';
import { readLogs } from './logs.ts';
import { requireDetachKeys } from './verify-config.ts';
import { waitFor } from './wait.ts';

/** Checks and registers the client; the answered function serves its connection. */
export function attachClient(
  context: ContainerContext,
  container: Container,
  options: AttachOptions & { readonly asked: string },
): (client: ClientStream) => Promise<void> {
  const detachKeys = requireDetachKeys(options.detachKeys);
  if (container.state.kind === 'paused')
    throw conflict(`container ${options.asked} is paused, unpause the container before attach`);
  if (container.state.kind === 'restarting')
    throw conflict(`container ${options.asked} is restarting, wait until the container is running`);
  const wantsOutput = options.stream && (options.stdout || options.stderr);
  const output = wantsOutput
    ? new ClientOutput({ ...options, isTty: container.isTty || (options.isRaw ?? false) })
    : undefined;
  const attached = output ? container.streams.attach(output) : undefined;
  const aborted = new AbortController();
  const processEnded = waitFor(container, 'next-exit', aborted.signal).then(() => undefined);
  processEnded.catch(() => undefined);
  return async (client) => {
    using _attached = attached;
    try {
      if (options.logs) await replayLogs(context, container, { options, client });
      publishEvent(context, container, 'attach');
      if (!options.stream) return;
      const config = container.record.config;
      const end = await serveClient({
        hub: container.streams,
        client,
        output,
        forwardsInput: options.stdin && (config.OpenStdin ?? false),
        closesStdin: (config.StdinOnce ?? false) && !container.isTty,
        isTty: container.isTty,
        detachKeys,
        processEnded,
      });
      if (end === 'detached') publishEvent(context, container, 'detach');
    } finally {
      aborted.abort();
      await client.end();
    }
  };
}

async function replayLogs(
  context: ContainerContext,
  container: Container,
  request: { options: AttachOptions; client: ClientStream },
): Promise<void> {
  const { options, client } = request;
  const past = new ClientOutput({ ...options, isTty: container.isTty || (options.isRaw ?? false) });
  past.connect(client);
  const messages = await readLogs(context, container, {
    stdout: options.stdout,
    stderr: options.stderr,
    follow: false,
    signal: client.signal,
  });
  for await (const message of messages) await past.write(message.source, message.line);
}
