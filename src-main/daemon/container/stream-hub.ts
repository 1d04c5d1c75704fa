/**
 * The streams of one process: output goes to the log and to everyone attached, at the speed of the
 * slowest; input comes from whoever is attached with stdin. The hub exists before the process does
 * (`docker run` attaches, then starts) and serves every run of its container.
 * Follows moby container/stream.
 */
import type { Readable, Writable } from 'node:stream';

export type OutputSource = 'stdout' | 'stderr';

/** Someone attached. `write` answers when there is room again; a failing sink is dropped. */
export interface OutputSink {
  write(source: OutputSource, chunk: Uint8Array): Promise<void>;
  /** The process's output is complete. */
  end(): void;
}

/** The process's ends as the runtime gives them. */
export interface ProcessStreams {
  /** Answers once the runtime reads it; undefined when the process takes no input. */
  readonly stdin: Promise<Writable | undefined>;
  readonly stdout: Readable | undefined;
  readonly stderr: Readable | undefined;
  /** Closes the runtime's own hold on the input, so that the process reads its end. */
  readonly closeStdin: () => Promise<void>;
}

/** Where the log takes output from; answers when it has room again. */
export type OutputLog = (source: OutputSource, chunk: Uint8Array) => Promise<void>;

const NOTHING_TO_CLOSE = async (): Promise<void> => undefined;

export class StreamHub {
  readonly #sinks = new Set<OutputSink>();
  #stdin: Writable | undefined;
  #closeStdin: () => Promise<void> = NOTHING_TO_CLOSE;
  #stdinReady = Promise.withResolvers<Writable | undefined>();
  #drained: Promise<void> = Promise.resolve();

  /** Registers a sink; output produced from now on reaches it in order. */
  attach(sink: OutputSink): Disposable {
    this.#sinks.add(sink);
    return { [Symbol.dispose]: () => this.#sinks.delete(sink) };
  }

  get sinkCount(): number {
    return this.#sinks.size;
  }

  /** Begins a run. {@link drained} resolves when every byte of it has been delivered. */
  connect(streams: ProcessStreams, log: OutputLog): void {
    this.#closeStdin = streams.closeStdin;
    void this.#takeStdin(streams.stdin, this.#stdinReady);
    this.#drained = Promise.all([
      this.#pump(streams.stdout, 'stdout', log),
      this.#pump(streams.stderr, 'stderr', log),
    ]).then(() => undefined);
  }

  async #takeStdin(
    opening: Promise<Writable | undefined>,
    ready: PromiseWithResolvers<Writable | undefined>,
  ): Promise<void> {
    const stdin = await opening;
    // The run may be over by now.
    if (this.#stdinReady !== ready) return;
    this.#stdin = stdin;
    // The process may close its stdin at any time; writes then fail and are answered one by one.
    stdin?.on('error', () => {
      if (this.#stdin === stdin) this.#stdin = undefined;
    });
    ready.resolve(stdin);
  }

  /** Resolves when both outputs of the present run have ended and were delivered. */
  drained(): Promise<void> {
    return this.#drained;
  }

  /** Ends a run: everyone attached is told, and input waits for the next one. */
  finish(): void {
    for (const sink of [...this.#sinks]) sink.end();
    this.#sinks.clear();
    this.#stdin = undefined;
    this.#stdinReady.resolve(undefined);
    this.#stdinReady = Promise.withResolvers();
  }

  /** Forgets the ends of a run that is over and was delivered. */
  disconnect(): void {
    this.#closeStdin = NOTHING_TO_CLOSE;
    this.#drained = Promise.resolve();
  }

  async #pump(output: Readable | undefined, source: OutputSource, log: OutputLog): Promise<void> {
    if (!output) return;
    try {
      for await (const chunk of output as AsyncIterable<Uint8Array>) {
        await Promise.all([log(source, chunk), ...this.#deliver(source, chunk)]);
      }
    } catch {
      // A stream destroyed under us (forced teardown) has no more bytes to deliver.
    }
  }

  #deliver(source: OutputSource, chunk: Uint8Array): Promise<void>[] {
    return [...this.#sinks].map(async (sink) => {
      try {
        await sink.write(source, chunk);
      } catch {
        // The client is gone; its own connection reports why.
        this.#sinks.delete(sink);
      }
    });
  }

  /** Writes to the process, waiting for it to exist and to have room. False when it takes no input. */
  async writeStdin(chunk: Uint8Array): Promise<boolean> {
    const stdin = this.#stdin ?? (await this.#stdinReady.promise);
    if (!stdin || stdin !== this.#stdin || stdin.destroyed) return false;
    if (stdin.write(chunk)) return true;
    await new Promise<void>((resolve) => {
      const done = (): void => {
        stdin.off('drain', done).off('close', done).off('error', done);
        resolve();
      };
      stdin.on('drain', done).on('close', done).on('error', done);
    });
    return true;
  }

  /** Ends the process's input once it exists and has taken what was written. */
  async endStdin(): Promise<void> {
    const stdin = this.#stdin ?? (await this.#stdinReady.promise);
    if (!stdin || stdin !== this.#stdin) return;
    this.#stdin = undefined;
    await new Promise<void>((resolve) => {
      stdin.once('close', resolve);
      stdin.end(() => resolve());
    });
    await this.#closeStdin();
  }
}
