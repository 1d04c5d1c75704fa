/** Appends encoded messages to a file, rotates and compresses (moby daemon/logger/loggerutils/logfile.go). */
import { createReadStream, createWriteStream, existsSync } from 'node:fs';
import { type FileHandle, open, rename, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { createGzip } from 'node:zlib';
import { SerialLock } from '../platform/serial-lock.ts';
import type { LogFormat } from './log-format.ts';

const FILE_MODE = 0o640;

export interface RotationLimits {
  /** A file that has reached it is rotated before the next message; undefined for never. */
  readonly maxBytes: number | undefined;
  /** With the current one. */
  readonly maxFiles: number;
  readonly compress: boolean;
}

/** How far the log is written. */
export interface LogPosition {
  /** Rotations so far. */
  readonly generation: number;
  /** Bytes in the current file. */
  readonly size: number;
}

export class RotatingLog {
  readonly path: string;
  /** Held while files change their names, and by whoever opens several of them. */
  readonly names = new SerialLock();
  readonly #limits: RotationLimits;
  readonly #stack: AsyncDisposableStack;
  #file: FileHandle;
  #position: LogPosition;
  #pending: Uint8Array[] = [];
  #writing: Promise<void> | undefined;
  #compressing: Promise<void> = Promise.resolve();
  #waiters: (() => void)[] = [];
  #isClosed = false;

  private constructor(
    path: string,
    limits: RotationLimits,
    opened: { readonly file: FileHandle; readonly size: number },
  ) {
    this.path = path;
    this.#limits = limits;
    this.#file = opened.file;
    this.#position = { generation: 0, size: opened.size };
    this.#stack = new AsyncDisposableStack();
    this.#stack.defer(() => this.#file.close());
    this.#stack.defer(() => this.#compressing);
  }

  /** Goes on with the file there is. */
  static async open(path: string, limits: RotationLimits, format: LogFormat): Promise<RotatingLog> {
    const file = await open(path, 'a+', FILE_MODE);
    try {
      await format.repair(file);
      const { size } = await file.stat();
      return new RotatingLog(path, limits, { file, size });
    } catch (error) {
      await file.close();
      throw error;
    }
  }

  get position(): LogPosition {
    return this.#position;
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Bytes that come while a write is under way go out together with the next one. */
  append(message: Uint8Array): Promise<void> {
    this.#pending.push(message);
    this.#writing ??= this.#flush();
    return this.#writing;
  }

  /** Resolves when something was written since `seen`, the log is closed or the signal fires. */
  grown(seen: LogPosition, signal: AbortSignal): Promise<void> {
    if (this.#isClosed || signal.aborted || this.#position !== seen) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        signal.removeEventListener('abort', wake);
        resolve();
      };
      this.#waiters.push(wake);
      signal.addEventListener('abort', wake, { once: true });
    });
  }

  async close(): Promise<void> {
    await this.#writing?.catch(() => undefined);
    this.#isClosed = true;
    this.#wake();
    await this.#stack.disposeAsync();
  }

  async #flush(): Promise<void> {
    try {
      // Messages of the same turn of the loop join this write.
      await Promise.resolve();
      while (this.#pending.length > 0) {
        if (this.#isFull(this.#position.size)) await this.#rotate();
        await this.#write(Buffer.concat(this.#takeUntilFull()));
        this.#wake();
      }
    } catch (error) {
      // Whoever waits for these is told that they are lost.
      this.#pending = [];
      throw error;
    } finally {
      this.#writing = undefined;
    }
  }

  #isFull(size: number): boolean {
    const { maxBytes } = this.#limits;
    return maxBytes !== undefined && size >= maxBytes;
  }

  /** As many of the pending messages as go into this file. */
  #takeUntilFull(): Uint8Array[] {
    if (this.#limits.maxBytes === undefined) return this.#pending.splice(0);
    let { size } = this.#position;
    const first = this.#pending.findIndex((message) => {
      size += message.length;
      return this.#isFull(size);
    });
    return this.#pending.splice(0, first === -1 ? this.#pending.length : first + 1);
  }

  async #write(bytes: Uint8Array): Promise<void> {
    const { generation, size } = this.#position;
    try {
      await this.#file.appendFile(bytes);
    } catch (error) {
      // Half a message would spoil those after it. A disk that cannot be cut back has its own error above.
      await this.#file.truncate(size).catch(() => undefined);
      throw error;
    }
    this.#position = { generation, size: size + bytes.length };
  }

  #wake(): void {
    for (const wake of this.#waiters.splice(0)) wake();
  }

  async #rotate(): Promise<void> {
    const { maxFiles, compress } = this.#limits;
    await this.#compressing;
    await this.names.run(async () => {
      if (maxFiles > 1) await shiftFiles(this.path, maxFiles);
      else await rm(this.path, { force: true });
      const file = await open(this.path, 'a+', FILE_MODE);
      await this.#file.close();
      this.#file = file;
      this.#position = { generation: this.#position.generation + 1, size: 0 };
    });
    // Readers take the plain file while it is there, so nobody waits for this but the next rotation.
    if (compress && maxFiles > 1) this.#compressing = compressFile(`${this.path}.1`);
  }
}

/** path → .1 → .2 …; the oldest goes. */
async function shiftFiles(path: string, maxFiles: number): Promise<void> {
  for (const suffix of ['', '.gz']) await rm(`${path}.${maxFiles - 1}${suffix}`, { force: true });
  for (let number = maxFiles - 1; number > 1; number--) {
    for (const suffix of ['', '.gz']) {
      const newer = `${path}.${number - 1}${suffix}`;
      if (existsSync(newer)) await rename(newer, `${path}.${number}${suffix}`);
    }
  }
  await rename(path, `${path}.1`);
}

/** Under its own name only when it is whole; a failure leaves the plain file, which is as good to read. */
async function compressFile(path: string): Promise<void> {
  const unfinished = `${path}.gz.tmp`;
  try {
    await pipeline(
      createReadStream(path),
      createGzip(),
      createWriteStream(unfinished, { mode: FILE_MODE }),
    );
    await rename(unfinished, `${path}.gz`);
    await rm(path);
  } catch {
    await rm(unfinished, { force: true });
  }
}
