/** An xterm terminal that lives outside the pages and can be shown in one; what feeds it is somebody else's. */
import { FitAddon } from '@xterm/addon-fit';
import { WebLinksAddon } from '@xterm/addon-web-links';
import { Terminal } from '@xterm/xterm';
import { errorMessage } from '../../shared/errors.ts';

const DARK = { background: '#0b1520', foreground: '#d7e2ea', cursor: '#5ec4e0' };

export class TerminalView {
  readonly terminal = new Terminal({
    fontSize: 13,
    fontFamily: 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace',
    scrollback: 10_000,
    cursorBlink: true,
    theme: DARK,
  });
  readonly #fit = new FitAddon();
  readonly #element = document.createElement('div');
  readonly #listeners = new Set<() => void>();
  isEnded = false;

  constructor() {
    this.#element.className = 'terminal';
    this.terminal.loadAddon(this.#fit);
    this.terminal.loadAddon(new WebLinksAddon());
    this.terminal.open(this.#element);
  }

  onChange(listener: () => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Shows the terminal in a page; the answer takes it out again. */
  show(parent: HTMLElement): () => void {
    parent.append(this.#element);
    const observer = new ResizeObserver(() => this.#fit.fit());
    observer.observe(parent);
    this.#fit.fit();
    this.terminal.focus();
    return () => {
      observer.disconnect();
      this.#element.remove();
    };
  }

  /** Shows bytes as they come, at the terminal's speed, and says how it ended. */
  async run(open: () => Promise<AsyncIterable<Uint8Array>>): Promise<void> {
    try {
      for await (const bytes of await open()) {
        // xterm has taken the bytes when it calls back: its speed governs the sender's.
        await new Promise<void>((resolve) => this.terminal.write(bytes, resolve));
      }
      this.terminal.write('\r\n\x1b[90m[session ended]\x1b[0m\r\n');
    } catch (error) {
      this.terminal.write(`\r\n\x1b[31m${errorMessage(error)}\x1b[0m\r\n`);
    }
    this.isEnded = true;
    for (const listener of this.#listeners) listener();
  }
}
