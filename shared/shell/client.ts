/** The window's end of the contract, over any port. */
import { cancelled, EngineError, toEngineError, unavailable } from '../errors.ts';
import {
  type CallName,
  type DuplexChannel,
  type DuplexName,
  type HeadOf,
  type InputOf,
  type OperationName,
  type OutputOf,
  type ShellClient,
  type StreamName,
  shellContract,
} from './contract.ts';
import { ReceiveQueue, SendWindow, sendChunk, WINDOW } from './flow.ts';
import type { Frame, Port, WireError } from './port.ts';

const fromWire = ({ code, status, message, details }: WireError): EngineError =>
  new EngineError(code, message, { status, details });

const nothing = (): void => undefined;

/** What an open operation does with frames. `end` is called once, and last. */
interface Pending {
  readonly value?: (value: unknown) => void;
  readonly data?: (bytes: Uint8Array) => void;
  readonly credit?: (amount: number) => void;
  end(error?: EngineError): void;
}

/** The operations under way on one port, by id. */
class Operations {
  readonly #port: Port;
  readonly #pending = new Map<number, Pending>();
  #nextId = 1;
  #lost: EngineError | undefined;

  constructor(port: Port) {
    this.#port = port;
    port.onFrame = (frame) => this.#receive(frame);
    port.onClose = () => {
      this.#lost = unavailable('the connection to the Windlass shell is lost; reload the window');
      for (const id of [...this.#pending.keys()]) this.finish(id, this.#lost);
    };
  }

  /** Sends the question. A refusal arrives as every other answer does, in a later turn. */
  open(name: OperationName, input: unknown, handlers: Pending): number {
    const id = this.#nextId++;
    this.#pending.set(id, handlers);
    const checked = shellContract[name].input.safeParse(input);
    const refusal = checked.success
      ? this.#lost
      : new EngineError('invalidArgument', `${name}: ${checked.error.message}`);
    if (refusal) void Promise.resolve().then(() => this.finish(id, refusal));
    else this.post({ t: 'open', id, name, input: checked.data });
    return id;
  }

  isOpen(id: number): boolean {
    return this.#pending.has(id);
  }

  post(frame: Frame): void {
    if (!this.#lost) this.#port.post(frame);
  }

  /** Ends an operation on this side. */
  finish(id: number, error?: EngineError): void {
    const operation = this.#pending.get(id);
    this.#pending.delete(id);
    operation?.end(error);
  }

  /** Ends an operation on both sides. */
  abort(id: number, error?: EngineError): void {
    if (!this.isOpen(id)) return;
    this.post({ t: 'abort', id });
    this.finish(id, error);
  }

  #receive(frame: Frame): void {
    const operation = this.#pending.get(frame.id);
    switch (frame.t) {
      case 'value':
        return operation?.value?.(frame.value);
      case 'data':
        return operation?.data?.(frame.bytes);
      case 'credit':
        return operation?.credit?.(frame.amount);
      case 'end':
        return this.finish(frame.id);
      case 'error':
        return this.finish(frame.id, fromWire(frame.error));
      case 'open':
      case 'abort':
        throw new Error(`a window is not sent ${frame.t}`);
    }
  }
}

/** Runs `stop` at the signal's abort, at once when that is past. Answers how to leave the signal alone. */
function onAbort(signal: AbortSignal | undefined, stop: () => void): () => void {
  if (!signal) return nothing;
  if (signal.aborted) void Promise.resolve().then(stop);
  signal.addEventListener('abort', stop, { once: true });
  return () => signal.removeEventListener('abort', stop);
}

const badAnswer = (name: string, error: Error): EngineError =>
  new EngineError('internal', `${name} answered ${error.message}`, { cause: error });

function callOf<N extends CallName>(
  operations: Operations,
  name: N,
  input: InputOf<N>,
): Promise<OutputOf<N>> {
  const { promise, resolve, reject } = Promise.withResolvers<OutputOf<N>>();
  const id = operations.open(name, input, {
    value: (value) => {
      const checked = shellContract[name].output.safeParse(value);
      if (checked.success) resolve(checked.data as OutputOf<N>);
      operations.finish(id, checked.success ? undefined : badAnswer(name, checked.error));
    },
    end: (error) => reject(error ?? cancelled(`${name} was not answered`)),
  });
  return promise;
}

async function* streamOf<N extends StreamName>(
  operations: Operations,
  asked: { readonly name: N; readonly input: InputOf<N> },
  signal?: AbortSignal,
): AsyncGenerator<OutputOf<N>> {
  const { name, input } = asked;
  const queue = new ReceiveQueue<unknown>({
    window: WINDOW.items,
    sizeOf: () => 1,
    credit: (amount) => operations.post({ t: 'credit', id, amount }),
  });
  const id = operations.open(name, input, {
    value: (value) => void queue.push(value),
    end: (error) => queue.finish(error),
  });
  const stop = (): void => operations.abort(id);
  const leave = onAbort(signal, stop);
  try {
    for await (const value of queue) {
      const checked = shellContract[name].output.safeParse(value);
      if (!checked.success) throw badAnswer(name, checked.error);
      yield checked.data as OutputOf<N>;
    }
  } finally {
    leave();
    stop();
  }
}

function duplexOf<N extends DuplexName>(
  operations: Operations,
  asked: { readonly name: N; readonly input: InputOf<N> },
  signal?: AbortSignal,
): DuplexChannel<HeadOf<N>> {
  const { name, input } = asked;
  const head = Promise.withResolvers<HeadOf<N>>();
  // A caller that only reads learns of the failure there.
  head.promise.catch(nothing);
  const outgoing = new SendWindow(WINDOW.bytes);
  const queue = new ReceiveQueue<Uint8Array>({
    window: WINDOW.bytes,
    sizeOf: (bytes) => bytes.length,
    credit: (amount) => operations.post({ t: 'credit', id, amount }),
  });
  let failure: EngineError | undefined;
  const id = operations.open(name, input, {
    value: (value) => {
      const checked = shellContract[name].head.safeParse(value);
      if (checked.success) head.resolve(checked.data as HeadOf<N>);
      else operations.abort(id, badAnswer(name, checked.error));
    },
    data: (bytes) => void queue.push(bytes),
    credit: (amount) => outgoing.credit(amount),
    end: (error) => {
      failure = error;
      leave();
      outgoing.close();
      head.reject(error ?? cancelled(`${name} ended before it was answered`));
      queue.finish(error);
    },
  });
  const abort = (reason?: unknown): void =>
    operations.abort(
      id,
      reason === undefined ? cancelled(`${name} was cancelled`) : toEngineError(reason),
    );
  const leave = onAbort(signal, () => abort());
  const post = (bytes: Uint8Array): void => operations.post({ t: 'data', id, bytes });
  return {
    head: head.promise,
    readable: queue,
    async write(chunk) {
      if (!(await sendChunk(outgoing, chunk, post)) && failure) throw failure;
    },
    async end() {
      if (operations.isOpen(id)) operations.post({ t: 'end', id });
    },
    abort,
  };
}

/** The client of the shell at the port's other end; it owns the port's callbacks from now on. */
export function createShellClient(port: Port): ShellClient {
  const operations = new Operations(port);
  return {
    call: (name, input) => callOf(operations, name, input),
    stream: (name, input, signal) => streamOf(operations, { name, input }, signal),
    duplex: (name, input, signal) => duplexOf(operations, { name, input }, signal),
  };
}
