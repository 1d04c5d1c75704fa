/** Log lines in memory, bounded; pieces of a line join until its newline comes. */
export interface LogLine {
  readonly number: number;
  readonly source: 'stdout' | 'stderr';
  readonly text: string;
}

const KEPT_LINES = 20_000;

export class LogBuffer {
  #lines: LogLine[] = [];
  #open: { source: 'stdout' | 'stderr'; text: string } | undefined;
  #next = 1;
  readonly #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };

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
      if (index < parts.length - 1) this.#close();
    });
    if (this.#lines.length > KEPT_LINES) this.#lines = this.#lines.slice(-KEPT_LINES);
  }

  #close(): void {
    if (!this.#open) return;
    this.#lines.push({ number: this.#next++, ...this.#open });
    this.#open = undefined;
  }

  /** Complete lines, and the one being written. */
  lines(): readonly LogLine[] {
    return this.#open ? [...this.#lines, { number: this.#next, ...this.#open }] : [...this.#lines];
  }

  clear(): void {
    this.#lines = [];
    this.#open = undefined;
  }
}

const ESCAPE = String.fromCharCode(27);
const ANSI = new RegExp(`${ESCAPE}\\[[0-9;?]*[A-Za-z]`, 'g');

/** The text without colour and cursor codes. */
export const withoutAnsi = (text: string): string => text.replace(ANSI, '');
