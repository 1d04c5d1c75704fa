/** Progress lines as Docker writes them (moby pkg/jsonmessage, pkg/progress). */
import type { ProgressMessage, ProgressSink } from '../image/image-service.ts';

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB', 'PB', 'EB'];

/** Four significant digits, powers of 1000: `1.234MB` (go-units HumanSize, `%.4g`). */
function humanSize(bytes: number): string {
  let size = bytes;
  let unit = 0;
  while (size >= 1000 && unit < UNITS.length - 1) {
    size /= 1000;
    unit++;
  }
  return `${Number(size.toPrecision(4))}${UNITS[unit]}`;
}

/** `[=====>     ]  1.2MB/3.4MB`, for a terminal of 200 columns as the daemon assumes. */
function progressBar(current: number, total: number): string {
  if (current <= 0 && total <= 0) return '';
  if (total <= 0) return humanSize(current).padStart(8);
  const filled = Math.min(50, Math.trunc(Math.trunc((current / total) * 100) / 2));
  const bar = `[${'='.repeat(filled)}>${' '.repeat(50 - filled)}] `;
  const counts = humanSize(current).padStart(8);
  return current > total ? bar + counts : `${bar}${counts}/${humanSize(total)}`;
}

/** A line that moves: `Downloading` with its numbers. */
export function movingLine(
  id: string,
  status: string,
  current: number,
  total: number,
): ProgressMessage {
  const progressDetail = {
    ...(current > 0 ? { current } : {}),
    ...(total > 0 ? { total } : {}),
  };
  return { status, progressDetail, progress: progressBar(current, total), id };
}

/** A line that states a fact of one layer: `Pull complete`. */
export function statusLine(id: string, status: string): ProgressMessage {
  return { status, progressDetail: {}, id };
}

/** At most one line a 100 ms, each at least 512 KiB or 1 % further; the full bar always. */
export function throttledProgress(
  total: number,
  emit: (current: number) => void,
): (current: number) => void {
  const step = Math.min(512 * 1024, total > 0 ? Math.trunc(total / 100) : 512 * 1024);
  let lastBytes = 0;
  let lastTime = 0;
  return (current) => {
    const isFull = total > 0 && current >= total;
    if (!isFull && current - lastBytes <= step) return;
    if (isFull && lastBytes === current) return;
    const now = Date.now();
    if (!isFull && now - lastTime < 100) return;
    lastBytes = current;
    lastTime = now;
    emit(current);
  };
}

/**
 * Hands lines to a sink in order. A slow reader does not hold up the transfer: of the moving lines
 * that wait for it only the newest of a layer is kept, so memory stays bounded.
 */
export class ProgressQueue {
  readonly #sink: ProgressSink;
  readonly #onBroken: (error: unknown) => void;
  #waiting: ProgressMessage[] = [];
  #running: Promise<void> | undefined;
  #isBroken = false;

  constructor(sink: ProgressSink, onBroken: (error: unknown) => void) {
    this.#sink = sink;
    this.#onBroken = onBroken;
  }

  push(message: ProgressMessage): void {
    if (this.#isBroken) return;
    if (message.progress !== undefined) {
      const older = this.#waiting.findIndex(
        (waiting) =>
          waiting.progress !== undefined &&
          waiting.id === message.id &&
          waiting.status === message.status,
      );
      if (older !== -1) {
        this.#waiting[older] = message;
        return;
      }
    }
    this.#waiting.push(message);
    this.#running ??= this.#drain();
  }

  /** Answers when every line pushed so far was taken. */
  async flush(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #drain(): Promise<void> {
    try {
      for (let next = this.#waiting.shift(); next; next = this.#waiting.shift()) {
        await this.#sink(next);
      }
    } catch (error) {
      // The reader is gone: the owner decides what that means for the work.
      this.#isBroken = true;
      this.#waiting = [];
      this.#onBroken(error);
    } finally {
      this.#running = undefined;
    }
  }
}
