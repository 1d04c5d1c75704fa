/** A terminal on the screen: it belongs to no page, and can be shown in one after another. */
import { FitAddon } from '@xterm/addon-fit';
import { type ISearchOptions, SearchAddon } from '@xterm/addon-search';
import { Unicode11Addon } from '@xterm/addon-unicode11';
import { WebLinksAddon } from '@xterm/addon-web-links';
import { Terminal } from '@xterm/xterm';
import { errorMessage } from '../../shared/errors.ts';
import type { DuplexChannel, ShellClient } from '../../shared/shell/contract.ts';
import { SendWindow } from '../../shared/shell/flow.ts';
import { showToast } from '../ui/toasts.ts';
import { type TerminalKey, terminalKey } from './terminal-keys.ts';
import type { TerminalLook } from './terminal-look.ts';

/** Bytes xterm may have before it has shown them: enough that it never waits for the next frame. */
const AHEAD_BYTES = 512 * 1024;

const SEARCH: ISearchOptions = {
  decorations: {
    matchBackground: '#8a6d1f',
    matchOverviewRuler: '#e0b03c',
    activeMatchBackground: '#c77b12',
    activeMatchColorOverviewRuler: '#c77b12',
  },
};

export interface Found {
  /** Beginning with 1; 0 when nothing is found. */
  readonly at: number;
  readonly of: number;
}

export class TerminalView {
  readonly #shell: ShellClient;
  readonly #id: string;
  readonly #terminal: Terminal;
  readonly #fit = new FitAddon();
  readonly #search = new SearchAddon();
  readonly #element = document.createElement('div');
  #channel: DuplexChannel<unknown> | undefined;
  #problem: string | undefined;
  #isRegex: boolean | undefined;
  /** Told when it is let go of: another window shows it, or it is over. */
  onRelease: () => void = () => undefined;
  onFound: (found: Found) => void = () => undefined;
  /** A key that is the page's. */
  onKey: (key: 'find' | 'leave') => void = () => undefined;

  constructor(shell: ShellClient, id: string, look: TerminalLook) {
    this.#shell = shell;
    this.#id = id;
    this.#terminal = new Terminal({
      ...look,
      fontFamily: 'ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace',
      scrollback: 10_000,
      cursorBlink: !matchMedia('(prefers-reduced-motion: reduce)').matches,
      minimumContrastRatio: 4.5,
      allowProposedApi: true,
    });
    this.#element.className = 'terminal';
    for (const addon of [this.#fit, this.#search, new WebLinksAddon(), new Unicode11Addon()])
      this.#terminal.loadAddon(addon);
    this.#terminal.unicode.activeVersion = '11';
    this.#terminal.open(this.#element);
    this.#terminal.onData((text) => void this.#type(text));
    this.#terminal.onResize(() => void this.#sendSize());
    this.#search.onDidChangeResults(({ resultIndex, resultCount }) =>
      this.onFound({ at: resultIndex + 1, of: resultCount }),
    );
    this.#terminal.attachCustomKeyEventHandler((event) => this.#isForProgram(event));
    this.connect();
  }

  /** Whether this window has it. */
  get isHeld(): boolean {
    return this.#channel !== undefined;
  }

  /** Why it was let go of, when something went wrong. */
  get problem(): string | undefined {
    return this.#problem;
  }

  /** Takes it, from another window if need be; what it said before is shown again. */
  connect(): void {
    this.#terminal.reset();
    const channel = this.#shell.duplex('terminals.show', { id: this.#id });
    this.#channel = channel;
    this.#problem = undefined;
    void this.#sendSize();
    void this.#run(channel);
  }

  /** Shows it in a page; the answer takes it out again. */
  show(parent: HTMLElement): () => void {
    parent.append(this.#element);
    this.#paintPlace();
    const fit = (): void => {
      if (parent.clientHeight > 0) this.#fit.fit();
    };
    const observer = new ResizeObserver(fit);
    observer.observe(parent);
    fit();
    return () => {
      observer.disconnect();
      this.#element.remove();
    };
  }

  focus(): void {
    this.#terminal.focus();
  }

  set look(look: TerminalLook) {
    Object.assign(this.#terminal.options, look);
    this.#paintPlace();
    if (this.#element.isConnected) this.#fit.fit();
  }

  find(text: string, direction: 'next' | 'before', options: ISearchOptions = {}): void {
    const all = { ...SEARCH, ...options };
    // The addon compares with options it has overwritten already: another kind of search must begin anew.
    if (this.#isRegex !== options.regex) this.#search.clearDecorations();
    this.#isRegex = options.regex;
    if (direction === 'next') this.#search.findNext(text, all);
    else this.#search.findPrevious(text, all);
  }

  endFind(): void {
    this.#search.clearDecorations();
    this.#terminal.clearSelection();
  }

  dispose(): void {
    this.#channel?.abort();
    this.#terminal.dispose();
    this.#element.remove();
  }

  /** The rim around it is of its colour. */
  #paintPlace(): void {
    const place = this.#element.parentElement;
    if (place) place.style.background = this.#terminal.options.theme?.background ?? '';
  }

  #isForProgram(event: KeyboardEvent): boolean {
    const key = terminalKey(event, this.#terminal.hasSelection());
    if (!key) return true;
    if (event.type === 'keydown') this.#press(key, event);
    return false;
  }

  #press(key: TerminalKey, event: KeyboardEvent): void {
    // The browser pastes, into the terminal's own field: no permission is needed for that.
    if (key === 'paste') return;
    event.preventDefault();
    if (key === 'copy')
      navigator.clipboard
        .writeText(this.#terminal.getSelection())
        .catch((error: unknown) => showToast('error', errorMessage(error)));
    else this.onKey(key);
  }

  async #type(text: string): Promise<void> {
    // What is typed into one that is over goes nowhere; the page says that it is over.
    await this.#channel?.write(new TextEncoder().encode(text)).catch(() => undefined);
  }

  async #sendSize(): Promise<void> {
    const { cols: columns, rows } = this.#terminal;
    await this.#shell
      .call('terminals.resize', { id: this.#id, columns, rows })
      // It ended meanwhile; the page says so.
      .catch(() => undefined);
  }

  async #run(channel: DuplexChannel<unknown>): Promise<void> {
    const ahead = new SendWindow(AHEAD_BYTES);
    try {
      for await (const bytes of channel.readable) {
        // xterm's speed governs the sender's.
        await ahead.take(bytes.length);
        this.#terminal.write(bytes, () => ahead.credit(bytes.length));
      }
    } catch (error) {
      this.#problem = errorMessage(error);
    }
    if (this.#channel !== channel) return;
    this.#channel = undefined;
    this.onRelease();
  }
}
