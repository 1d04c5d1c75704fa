/**
 * A blob on its way to disk that can be read while it grows. The download may break and go on;
 * readers just wait. Memory holds one chunk each, whatever the sizes.
 */
import { type FileHandle, open, rm } from 'node:fs/promises';
import { Readable } from 'node:stream';

const READ_BYTES = 1024 * 1024;

export class BlobSpool implements AsyncDisposable {
  readonly path: string;
  readonly #file: FileHandle;
  readonly #wakers = new Set<() => void>();
  #size = 0;
  #end: { readonly error?: unknown } | undefined;

  private constructor(path: string, file: FileHandle) {
    this.path = path;
    this.#file = file;
  }

  static async create(path: string): Promise<BlobSpool> {
    return new BlobSpool(path, await open(path, 'wx+', 0o600));
  }

  /** Bytes so far. */
  get size(): number {
    return this.#size;
  }

  async append(chunks: readonly Uint8Array[]): Promise<void> {
    const { bytesWritten } = await this.#file.writev(chunks, this.#size);
    this.#size += bytesWritten;
    this.#wake();
  }

  /** Starts over: what is there was not what it should be. Only while nobody reads. */
  async truncate(): Promise<void> {
    await this.#file.truncate(0);
    this.#size = 0;
    this.#end = undefined;
  }

  /** No more will come; readers end, or fail with `error`. */
  finish(error?: unknown): void {
    this.#end ??= error === undefined ? {} : { error };
    this.#wake();
  }

  /** The content from its beginning, as far as it comes. Destroying it ends its wait at once. */
  reader(): Readable {
    let position = 0;
    const read = async (reader: Readable): Promise<void> => {
      await this.#more(position, reader);
      if (reader.destroyed) return;
      const length = Math.min(READ_BYTES, this.#size - position);
      if (length === 0) {
        if (this.#end && 'error' in this.#end) throw this.#end.error;
        reader.push(null);
        return;
      }
      const buffer = Buffer.allocUnsafe(length);
      const { bytesRead } = await this.#file.read(buffer, 0, length, position);
      position += bytesRead;
      reader.push(buffer.subarray(0, bytesRead));
    };
    return new Readable({
      highWaterMark: READ_BYTES,
      read() {
        read(this).catch((error: unknown) => this.destroy(error as Error));
      },
      destroy: (error, done) => {
        this.#wake();
        done(error);
      },
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.finish(new Error('download cancelled'));
    await this.#file.close();
    await rm(this.path, { force: true });
  }

  /** Waits until there is something behind `position`, or no more to wait for. */
  async #more(position: number, reader: Readable): Promise<void> {
    while (position >= this.#size && !this.#end && !reader.destroyed) {
      await new Promise<void>((resolve) => this.#wakers.add(resolve));
    }
  }

  #wake(): void {
    for (const wake of this.#wakers) wake();
    this.#wakers.clear();
  }
}
