/** A logger that never keeps the container waiting: what does not fit into its buffer is dropped (moby daemon/logger/ring.go). */
import type { ContainerLogger, LogMessage } from './log-driver.ts';

export class RingLogger implements ContainerLogger {
  readonly name: string;
  readonly read?: NonNullable<ContainerLogger['read']>;
  readonly #inner: ContainerLogger;
  readonly #maxBytes: number;
  readonly #onFailure: (error: unknown) => void;
  #queue: LogMessage[] = [];
  #bytes = 0;
  #draining: Promise<void> | undefined;

  /** `onFailure`: messages were lost in the driver below. */
  constructor(inner: ContainerLogger, maxBytes: number, onFailure: (error: unknown) => void) {
    this.name = inner.name;
    if (inner.read) this.read = inner.read;
    this.#inner = inner;
    this.#maxBytes = maxBytes;
    this.#onFailure = onFailure;
  }

  /** Resolves at once. One message is taken whatever its size. */
  async write(message: LogMessage): Promise<void> {
    if (this.#bytes > 0 && this.#bytes + message.line.length > this.#maxBytes) return;
    this.#queue.push(message);
    this.#bytes += message.line.length;
    this.#draining ??= this.#drain();
  }

  async close(): Promise<void> {
    await this.#draining;
    await this.#inner.close();
  }

  async #drain(): Promise<void> {
    // The caller's other messages of this turn join the first write.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const messages = this.#queue.splice(0);
      try {
        await Promise.all(messages.map((message) => this.#inner.write(message)));
      } catch (error) {
        this.#onFailure(error);
      }
      this.#bytes -= messages.reduce((sum, { line }) => sum + line.length, 0);
    }
    this.#draining = undefined;
  }
}
