/** What the embedded engine has said lately, for the window; bounded. */
const KEPT_LINES = 2_000;
/** A line that is longer is no longer for reading. */
const LONGEST_LINE = 2_000;

export class EngineLog {
  readonly #lines: string[] = [];

  append(line: string): void {
    this.#lines.push(line.trimEnd().slice(0, LONGEST_LINE));
    // Every so often, so that a busy log does not move the whole list for each line.
    if (this.#lines.length > 2 * KEPT_LINES) this.#lines.splice(0, this.#lines.length - KEPT_LINES);
  }

  /** Oldest first. */
  lines(): string[] {
    return this.#lines.slice(-KEPT_LINES);
  }
}
