/** JSON lines to a client, at its speed. An error before the first line is a status, after it a last line. */
import { errorMessage } from '../../../shared/errors.ts';
import type { ApiRequest } from './request.ts';

/** Writes bytes; resolves when the client has room again, rejects when it has gone. */
export function writeAll(request: ApiRequest, bytes: Uint8Array | string): Promise<void> {
  const { response, signal } = request;
  if (signal.aborted) return Promise.reject(signal.reason as Error);
  if (response.write(bytes)) return Promise.resolve();
  return new Promise((resolve, reject) => {
    const done = (): void => {
      response.off('drain', done).off('close', done);
      if (signal.aborted) reject(signal.reason as Error);
      else resolve();
    };
    response.on('drain', done).on('close', done);
  });
}

export class JsonStream {
  readonly #request: ApiRequest;
  #isOpen = false;

  constructor(request: ApiRequest) {
    this.#request = request;
  }

  /** Sends the head, so that the client knows it was heard. */
  open(): void {
    if (this.#isOpen) return;
    this.#isOpen = true;
    this.#request.response.writeHead(200, { 'Content-Type': 'application/json' });
    this.#request.response.flushHeaders();
  }

  readonly send = async (value: unknown): Promise<void> => {
    this.open();
    await writeAll(this.#request, `${JSON.stringify(value)}\r\n`);
  };

  /**
   * Runs work that sends; a failure after the first line is told in the stream, as Docker does, or
   * always there when `tellsInStream`.
   */
  async run(work: () => Promise<void>, { tellsInStream = false } = {}): Promise<void> {
    try {
      await work();
      this.open();
    } catch (error) {
      if (!this.#isOpen && !tellsInStream) throw error;
      const message = errorMessage(error);
      if (!this.#request.signal.aborted)
        await this.send({ errorDetail: { message }, error: message });
    }
    this.#request.response.end();
  }
}
