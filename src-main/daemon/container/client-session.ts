/**
 * Serves one attached client: its input to the process with detach keys watched, the process's output
 * to it, until the output is complete, the client leaves or types the keys.
 */
import type { ClientOutput } from './client-output.ts';
import type { ClientStream } from './container-service.ts';
import { DEFAULT_DETACH_KEYS, DetachScanner } from './detach-keys.ts';
import type { StreamHub } from './stream-hub.ts';

export type SessionEnd = 'output ended' | 'client gone' | 'detached';

export interface SessionOptions {
  readonly hub: StreamHub;
  readonly client: ClientStream;
  /** undefined when neither output was asked for. */
  readonly output: ClientOutput | undefined;
  readonly forwardsInput: boolean;
  /** End of the client's input ends the process's. */
  readonly closesStdin: boolean;
  readonly isTty: boolean;
  readonly detachKeys: readonly number[] | undefined;
  /** For a session without output: when it is over. */
  readonly processEnded: Promise<void>;
}

export async function serveClient(options: SessionOptions): Promise<SessionEnd> {
  const { client, output } = options;
  output?.connect(client);
  const gone = new Promise<SessionEnd>((resolve) => {
    if (client.signal.aborted) resolve('client gone');
    client.signal.addEventListener('abort', () => resolve('client gone'), { once: true });
  });
  const ended = (output?.ended() ?? options.processEnded).then((): SessionEnd => 'output ended');
  const detached = options.forwardsInput ? forwardInput(options) : never;
  return Promise.race([ended, gone, detached]);
}

const never = new Promise<SessionEnd>(() => undefined);

/** Resolves only when the detach keys were typed. */
async function forwardInput(options: SessionOptions): Promise<SessionEnd> {
  const { client, hub } = options;
  const scanner = options.isTty
    ? new DetachScanner(options.detachKeys ?? DEFAULT_DETACH_KEYS)
    : undefined;
  try {
    for await (const chunk of client.input as AsyncIterable<Uint8Array>) {
      const { forward, detached } = scanner?.push(chunk) ?? { forward: chunk, detached: false };
      if (forward.length > 0) await hub.writeStdin(forward);
      if (detached) return 'detached';
    }
    if (options.closesStdin) await hub.endStdin();
  } catch {
    // The connection broke; `client.signal` ends the session.
  }
  return never;
}
