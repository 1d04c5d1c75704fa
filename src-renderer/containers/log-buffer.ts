/** Log lines in memory, bounded; pieces of a line join until its newline comes. */
export interface LogLine {
  readonly number: number;
  readonly source: 'stdout' | 'stderr';
  /** When it was written, when that was asked for: RFC 3339, all of one length. */
  readonly time?: string;
  /** Whose it is, a place in the list of containers that are read. */
  readonly from: number;
  readonly text: string;
}

/** What the engine puts before each line when it is asked for times. */
const TIME = /^(\d{4}-\d\d-\d\dT\S+) /;

export const KEPT_LINES = 20_000;
/** Lines let go at once, so that a flood does not copy the whole list at every chunk. */
const SLACK = 5000;
/** A line that has no end is cut here. */
const LONGEST_LINE = 64 * 1024;

export class LogBuffer {
  #lines: LogLine[] = [];
  #open: { source: 'stdout' | 'stderr'; text: string } | undefined;
  readonly #hasTimes: boolean;
  readonly #from: number;
  readonly #step: number;
  #next: number;
  #dropped = 0;
  readonly #decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };

  /** Of container `from` among `count`: no two lines of them have one number. `hasTimes`: each line begins with one. */
  constructor({ from = 0, count = 1, hasTimes = false } = {}) {
    this.#hasTimes = hasTimes;
    this.#from = from;
    this.#step = count;
    this.#next = from + 1;
  }

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
    this.#lines.push(this.#line(this.#open));
    this.#next += this.#step;
    this.#open = undefined;
  }

  #line({ source, text }: { source: 'stdout' | 'stderr'; text: string }): LogLine {
    const { 0: stamp = '', 1: time } = (this.#hasTimes && TIME.exec(text)) || [];
    const line = { number: this.#next, from: this.#from, source, text: text.slice(stamp.length) };
    return time === undefined ? line : { ...line, time };
  }

  /** Complete lines, and the one being written. */
  lines(): readonly LogLine[] {
    const kept = this.#lines.slice(-KEPT_LINES);
    return this.#open ? [...kept, this.#line(this.#open)] : kept;
  }

  clear(): void {
    this.#lines = [];
    this.#open = undefined;
    this.#dropped = 0;
  }
}

/** Lines of several logs in the order of their times. */
export function mergedLines(buffers: readonly LogBuffer[]): readonly LogLine[] {
  if (buffers.length === 1) return buffers[0]?.lines() ?? [];
  // Runs that are in order already: sorting joins them in one pass each.
  return buffers
    .flatMap((buffer) => buffer.lines())
    .sort((a, b) =>
      (a.time ?? '') < (b.time ?? '') ? -1 : (a.time ?? '') > (b.time ?? '') ? 1 : 0,
    )
    .slice(-KEPT_LINES);
}

const ESCAPE = String.fromCharCode(27);
const ANSI = new RegExp(`${ESCAPE}\\[[0-9;?:]*[A-Za-z]`, 'g');

/** The text without colour and cursor codes. */
export const withoutAnsi = (text: string): string => text.replace(ANSI, '');
