/** Log lines in memory, bounded; pieces of a line join until its newline comes. */
export interface LogLine {
  readonly number: number;
  readonly source: 'stdout' | 'stderr';
  readonly text: string;
}

export const KEPT_LINES = 20_000;
/** Lines let go at once, so that a flood does not copy the whole list at every chunk. */
const SLACK = 5000;
/** A line that has no end is cut here. */
const LONGEST_LINE = 64 * 1024;

export class LogBuffer {
  #lines: LogLine[] = [];
  #open: { source: 'stdout' | 'stderr'; text: string } | undefined;
  #next = 1;
  #dropped = 0;
  readonly #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };

  /** Lines that came and are no longer kept. */
  get dropped(): number {
    return this.#dropped + Math.max(0, this.#lines.length - KEPT_LINES);
  }

  /** Adds bytes of one stream. */
  push(source: 'stdout' | 'stderr', bytes: Uint8Array): void {
    const text = this.#decoders[source].decode(bytes, { stream: true });
    const parts = text.split('\n');
    parts.forEach((part, index) => {
      const clean = part.replace(/\r$/, '');
      if (this.#open && this.#open.source === source) this.#open.text += clean;
      else {
        this.#close();
        if (clean !== '' || index < parts.length - 1) this.#open = { source, text: clean };
      }
      const isLong = (this.#open?.text.length ?? 0) > LONGEST_LINE;
      if (index < parts.length - 1 || isLong) this.#close();
    });
    if (this.#lines.length > KEPT_LINES + SLACK) {
      this.#dropped += this.#lines.length - KEPT_LINES;
      this.#lines = this.#lines.slice(-KEPT_LINES);
    }
  }

  #close(): void {
    if (!this.#open) return;
    this.#lines.push({ number: this.#next++, ...this.#open });
    this.#open = undefined;
  }

  /** Complete lines, and the one being written. */
  lines(): readonly LogLine[] {
    const kept = this.#lines.slice(-KEPT_LINES);
    return this.#open ? [...kept, { number: this.#next, ...this.#open }] : kept;
  }

  clear(): void {
    this.#lines = [];
    this.#open = undefined;
    this.#dropped = 0;
  }
}

const ESCAPE = String.fromCharCode(27);
const ANSI = new RegExp(`${ESCAPE}\\[[0-9;?:]*[A-Za-z]`, 'g');

/** The text without colour and cursor codes. */
export const withoutAnsi = (text: string): string => text.replace(ANSI, '');
