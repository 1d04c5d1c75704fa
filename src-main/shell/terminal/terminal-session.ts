/** One terminal: its process, what it said last, and the window that shows it. */
import { errorMessage } from '../../../shared/errors.ts';
import type { ServedDuplex } from '../../../shared/shell/server.ts';
import { Scrollback } from './scrollback.ts';
import type { TerminalProcess, TerminalSize } from './terminal-process.ts';

type Channel = ServedDuplex<Record<string, never>>;

/** A window on a terminal: pieces in order, each when there is room. */
interface View {
  readonly send: (bytes: Uint8Array) => Promise<void>;
  readonly close: () => void;
}

export class TerminalSession {
  readonly #process: TerminalProcess;
  readonly #scrollback = new Scrollback();
  #view: View | undefined;
  #ending: string | undefined;

  /** Runs at once; `onEnd` is told when the process is over and everything it said is kept. */
  constructor(process: TerminalProcess, onEnd: () => void) {
    this.#process = process;
    void this.#run().then((ending) => {
      this.#ending = ending;
      this.#view?.close();
      onEnd();
    });
  }

  /** How it ended; undefined while it lives. */
  get ending(): string | undefined {
    return this.#ending;
  }

  resize(size: TerminalSize): Promise<void> {
    return this.#process.resize(size);
  }

  /** Hangs up and lets go of the window. */
  async end(): Promise<void> {
    this.#view?.close();
    await this.#process.end();
  }

  /** Shows it in a window until either leaves: first what was said before, then all that comes. The last window to ask has it. */
  async show(channel: Channel): Promise<void> {
    this.#view?.close();
    const left = Promise.withResolvers<void>();
    let sent = Promise.resolve();
    const view: View = {
      send: (bytes) => {
        sent = sent.then(() => channel.write(bytes));
        return sent;
      },
      close: () => left.resolve(),
    };
    this.#view = view;
    channel.head({});
    const replay = this.#scrollback.replay();
    // A window that leaves is told of by its signal.
    if (replay.length > 0) view.send(replay).catch(() => undefined);
    void this.#type(channel);
    channel.signal.addEventListener('abort', view.close, { once: true });
    if (this.#ending !== undefined) view.close();
    try {
      await left.promise;
      await sent.catch(() => undefined);
    } finally {
      channel.signal.removeEventListener('abort', view.close);
      if (this.#view === view) this.#view = undefined;
    }
  }

  async #run(): Promise<string> {
    try {
      const { code } = await this.#process.run(async (bytes) => {
        const view = this.#view;
        this.#scrollback.push(bytes);
        // While a window shows it, the window sets the pace; it may leave meanwhile.
        await view?.send(bytes).catch(() => undefined);
      });
      return code === undefined ? 'ended' : `ended with code ${code}`;
    } catch (error) {
      return errorMessage(error);
    }
  }

  async #type(channel: Channel): Promise<void> {
    try {
      for await (const bytes of channel.input) await this.#process.write(bytes);
    } catch {
      // The window left; the terminal goes on.
    }
  }
}
