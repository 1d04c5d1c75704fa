/** The shell's end of the contract, over any port: checks every input, runs the handler, keeps to the windows. */
import { EngineError, toEngineError } from '../errors.ts';
import {
  type CallName,
  type DuplexName,
  type HeadOf,
  type Operation,
  type OperationName,
  type OutputOf,
  type ShellContract,
  type StreamName,
  shellContract,
} from './contract.ts';
import { ReceiveQueue, SendWindow, sendChunk, WINDOW } from './flow.ts';
import type { Frame, Port } from './port.ts';

type Checked<N extends OperationName> = ReturnType<ShellContract[N]['input']['parse']>;

/** A duplex as its handler holds it. Returning ends the operation; throwing fails it. */
export interface ServedDuplex<Head> {
  /** Must be called once, before any write. */
  head(value: Head): void;
  /** Bytes from the window; ends at its half-close, throws when the window leaves. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Resolves when there is room again; rejects when the window has left. */
  write(chunk: Uint8Array): Promise<void>;
  readonly signal: AbortSignal;
}

export type ShellHandlers = {
  [N in CallName]: (input: Checked<N>) => Promise<OutputOf<N>>;
} & {
  [N in StreamName]: (input: Checked<N>, signal: AbortSignal) => AsyncIterable<OutputOf<N>>;
} & {
  [N in DuplexName]: (input: Checked<N>, channel: ServedDuplex<HeadOf<N>>) => Promise<void>;
};

type AnyHandler = (input: unknown, extra?: unknown) => unknown;

/** The controller of one served operation; both DOM and Node have it. */
export type MakeAbort = () => { readonly signal: AbortSignal; abort(reason?: unknown): void };

/** Serves one window. `makeAbort` is the platform's AbortController. */
export function serveShell(port: Port, handlers: ShellHandlers, makeAbort: MakeAbort): void {
  const running = new Map<number, ServedOperation>();
  let isClosed = false;
  const post = (frame: Frame): void => {
    if (!isClosed) port.post(frame);
  };

  const start = (frame: Frame & { t: 'open' }): void => {
    const { id, name, input } = frame;
    if (running.has(id)) throw new Error(`operation ${id} is open already`);
    const refuse = (error: EngineError): void => post(errorFrame(id, error));
    if (!Object.hasOwn(shellContract, name))
      return refuse(new EngineError('notFound', `no operation ${name}`));
    const operation: Operation = shellContract[name as OperationName];
    const checked = operation.input.safeParse(input);
    if (!checked.success)
      return refuse(new EngineError('invalidArgument', `${name}: ${checked.error.message}`));
    const handler = handlers[name as OperationName] as AnyHandler;
    const served = new ServedOperation({ id, operation, post, controller: makeAbort() });
    running.set(id, served);
    void served.run(handler, checked.data).finally(() => running.delete(id));
  };

  port.onFrame = (frame: Frame) => {
    if (frame.t === 'open') start(frame);
    else running.get(frame.id)?.receive(frame);
  };
  port.onClose = () => {
    isClosed = true;
    for (const operation of running.values())
      operation.abort(new EngineError('cancelled', 'the window is gone'));
  };
}

function errorFrame(id: number, thrown: unknown): Frame {
  const { code, status, message, details } = toEngineError(thrown);
  return { t: 'error', id, error: { code, status, message, details } };
}

interface ServedOptions {
  readonly id: number;
  readonly operation: Operation;
  readonly post: (frame: Frame) => void;
  readonly controller: ReturnType<MakeAbort>;
}

/** One operation under way on the shell's side. */
class ServedOperation {
  readonly #id: number;
  readonly #operation: Operation;
  readonly #post: (frame: Frame) => void;
  readonly #controller: ReturnType<MakeAbort>;
  readonly #outgoing: SendWindow;
  readonly #incoming: ReceiveQueue<Uint8Array>;

  constructor({ id, operation, post, controller }: ServedOptions) {
    this.#id = id;
    this.#operation = operation;
    this.#post = post;
    this.#controller = controller;
    this.#outgoing = new SendWindow(operation.kind === 'stream' ? WINDOW.items : WINDOW.bytes);
    this.#incoming = new ReceiveQueue({
      window: WINDOW.bytes,
      sizeOf: (bytes) => bytes.length,
      credit: (amount) => post({ t: 'credit', id, amount }),
    });
  }

  /** Never rejects: what the handler throws is told to the window, unless that has left. */
  async run(handler: AnyHandler, input: unknown): Promise<void> {
    const id = this.#id;
    try {
      await this.#serve(handler, input);
      if (this.#operation.kind !== 'call') this.#post({ t: 'end', id });
    } catch (error) {
      if (!this.#controller.signal.aborted) this.#post(errorFrame(id, error));
    } finally {
      this.#outgoing.close();
      this.#incoming.finish();
    }
  }

  receive(frame: Frame): void {
    switch (frame.t) {
      case 'data':
        if (!this.#incoming.push(frame.bytes)) this.#overrun();
        return;
      case 'credit':
        return this.#outgoing.credit(frame.amount);
      case 'end':
        return this.#incoming.finish();
      case 'abort':
        return this.abort(new EngineError('cancelled', 'the window cancelled'));
      case 'open':
      case 'value':
      case 'error':
        throw new Error(`a shell is not sent ${frame.t}`);
    }
  }

  abort(reason: EngineError): void {
    this.#controller.abort(reason);
    this.#outgoing.close();
    this.#incoming.finish(reason);
  }

  #overrun(): void {
    const error = new EngineError(
      'invalidArgument',
      'more bytes were sent than there was room for',
    );
    this.#post(errorFrame(this.#id, error));
    this.abort(error);
  }

  async #serve(handler: AnyHandler, input: unknown): Promise<void> {
    const id = this.#id;
    const { signal } = this.#controller;
    switch (this.#operation.kind) {
      case 'call':
        this.#post({ t: 'value', id, value: await handler(input) });
        return;
      case 'stream':
        for await (const value of handler(input, signal) as AsyncIterable<unknown>) {
          if (!(await this.#outgoing.take(1))) return;
          this.#post({ t: 'value', id, value });
        }
        return;
      case 'duplex':
        await handler(input, {
          head: (value: unknown) => this.#post({ t: 'value', id, value }),
          input: this.#incoming,
          signal,
          write: async (chunk: Uint8Array) => {
            const post = (bytes: Uint8Array): void => this.#post({ t: 'data', id, bytes });
            if (await sendChunk(this.#outgoing, chunk, post)) return;
            throw signal.aborted ? signal.reason : new EngineError('cancelled', 'it is over');
          },
        } satisfies ServedDuplex<unknown>);
    }
  }
}
