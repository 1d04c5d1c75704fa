/**
 * Output to an attached client: raw bytes for a terminal, 8-byte framed otherwise, only the streams
 * asked for. Exists before the client's connection does, so that no byte between is lost.
 */
import { encodeFrame } from '../../../shared/framing.ts';
import type { ClientStream } from './container-service.ts';
import type { OutputSink, OutputSource } from './stream-hub.ts';

export class ClientOutput implements OutputSink {
  readonly #wanted: ReadonlySet<OutputSource>;
  readonly #isTty: boolean;
  readonly #client = Promise.withResolvers<ClientStream>();
  readonly #ended = Promise.withResolvers<void>();

  constructor(options: { isTty: boolean; stdout: boolean; stderr: boolean }) {
    this.#isTty = options.isTty;
    this.#wanted = new Set([
      ...(options.stdout ? (['stdout'] as const) : []),
      ...(options.stderr ? (['stderr'] as const) : []),
    ]);
    // Rejected only when the client never came, which its own request reports.
    this.#client.promise.catch(() => undefined);
  }

  /** The connection is there; writes begin to flow. */
  connect(client: ClientStream): void {
    this.#client.resolve(client);
  }

  async write(source: OutputSource, chunk: Uint8Array): Promise<void> {
    if (!this.#wanted.has(source)) return;
    const client = await this.#client.promise;
    if (client.signal.aborted) throw new Error('client gone');
    await client.write(this.#isTty ? chunk : encodeFrame(source, chunk));
  }

  end(): void {
    this.#ended.resolve();
  }

  /** Resolves when the process's output is complete. */
  ended(): Promise<void> {
    return this.#ended.promise;
  }
}
