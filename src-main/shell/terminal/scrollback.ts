/** The last bytes a terminal said, for a window that comes later. Bounded: the oldest whole pieces go. */

/** About 10,000 lines, what a terminal in the window keeps. */
const KEPT_BYTES = 1024 * 1024;
/** Small writes share a piece. */
const PIECE_BYTES = 64 * 1024;

/** DEC private modes (alternate screen, bracketed paste, mouse…): they hold on after their bytes are gone. */
const ESCAPE = '\x1b';
const MODE = new RegExp(`${ESCAPE}\\[\\?([\\d;]+)([hl])`, 'g');

export class Scrollback {
  readonly #pieces: Buffer[] = [];
  readonly #modes = new Map<string, string>();
  #bytes = 0;
  #isCut = false;

  push(bytes: Uint8Array): void {
    const last = this.#pieces.at(-1);
    if (last && last.length + bytes.length <= PIECE_BYTES)
      this.#pieces[this.#pieces.length - 1] = Buffer.concat([last, bytes]);
    else this.#pieces.push(Buffer.from(bytes));
    this.#bytes += bytes.length;
    while (this.#bytes > KEPT_BYTES && this.#pieces.length > 1) this.#drop();
  }

  /** What a fresh terminal must be shown to look like the one that was there all the time. */
  replay(): Uint8Array {
    const all = Buffer.concat(this.#pieces);
    if (!this.#isCut) return all;
    // The cut may lie inside a character or a sequence; the next line is whole.
    const whole = all.subarray(all.indexOf('\n') + 1);
    const modes = [...this.#modes].map(([mode, set]) => `\x1b[?${mode}${set}`).join('');
    return Buffer.concat([Buffer.from(modes), whole]);
  }

  #drop(): void {
    const piece = this.#pieces.shift();
    if (!piece) return;
    this.#bytes -= piece.length;
    this.#isCut = true;
    if (!piece.includes('\x1b[?')) return;
    for (const [, modes = '', set = 'h'] of piece.toString('latin1').matchAll(MODE))
      for (const mode of modes.split(';')) this.#modes.set(mode, set);
  }
}
