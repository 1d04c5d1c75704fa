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
import { ReceiveQueue, SendWindow, WINDOW } from './flow.ts';
import type { Frame, Port } from './port.ts';

type Checked<N extends OperationName> = ReturnType<ShellContract[N]['input']['parse']>;

/** A duplex as its handler holds it. Returning ends the shell's side; throwing fails the operation. */
export interface ServedDuplex<Head> {
  /** Must be called once, before any write. */
  head(value: Head): void;
  /** Bytes from the window; ends at its half-close. */
  readonly input: AsyncIterable<Uint8Array>;
  /** Resolves when there is room again. */
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

interface Running {
  readonly abort: (reason: Error) => void;
  readonly data: (bytes: Uint8Array) => void;
  readonly credit: (amount: number) => void;
  readonly end: () => void;
}

type AnyHandler = (input: unknown, extra?: unknown) => unknown;

/** The controller of one served operation; both DOM and Node have it. */
export type MakeAbort = () => { readonly signal: AbortSignal; abort(reason?: unknown): void };

/** Serves one window. `makeAbort` is the platform's AbortController. */
export function serveShell(port: Port, handlers: ShellHandlers, makeAbort: MakeAbort): void {
  const running = new Map<number, Running>();

  port.onFrame = (frame: Frame) => {
    if (frame.t === 'open') {
      start(frame.id, frame.name, frame.input);
      return;
    }
    const operation = running.get(frame.id);
    switch (frame.t) {
      case 'data':
        return operation?.data(frame.bytes);
      case 'credit':
        return operation?.credit(frame.amount);
      case 'end':
        return operation?.end();
      case 'abort':
        return operation?.abort(new EngineError('cancelled', 'the window cancelled'));
      case 'value':
      case 'error':
        return undefined;
    }
  };
  port.onClose = () => {
    for (const operation of running.values())
      operation.abort(new EngineError('cancelled', 'the window is gone'));
    running.clear();
  };

  const fail = (id: number, thrown: unknown): void => {
    const { code, status, message, details } = toEngineError(thrown);
    port.post({ t: 'error', id, error: { code, status, message, details } });
  };

  const start = (id: number, name: string, input: unknown): void => {
    const operation = (shellContract as Readonly<Record<string, Operation>>)[name];
    if (!operation) return fail(id, new EngineError('notFound', `no operation ${name}`));
    const checked = operation.input.safeParse(input);
    if (!checked.success)
      return fail(id, new EngineError('invalidArgument', `${name}: ${checked.error.message}`));
    const handler = (handlers as unknown as Readonly<Record<string, AnyHandler>>)[name];
    if (!handler) return fail(id, new EngineError('notImplemented', `${name} has no handler`));
    const controller = makeAbort();
    const window = new SendWindow(operation.kind === 'stream' ? WINDOW.items : WINDOW.bytes);
    const incoming = new ReceiveQueue<Uint8Array>((bytes) =>
      port.post({ t: 'credit', id, amount: bytes.length }),
    );
    running.set(id, {
      abort: (reason) => {
        controller.abort(reason);
        window.close();
        incoming.finish(reason);
      },
      data: (bytes) => incoming.push(bytes),
      credit: (amount) => window.credit(amount),
      end: () => incoming.finish(),
    });
    const context = {
      id,
      handler,
      input: checked.data,
      signal: controller.signal,
      window,
      incoming,
    };
    serve(operation.kind, context)
      .then(
        () => {
          if (operation.kind !== 'call') port.post({ t: 'end', id });
        },
        (error: unknown) => {
          if (!controller.signal.aborted) fail(id, error);
        },
      )
      .finally(() => running.delete(id));
  };

  interface Context {
    readonly id: number;
    readonly handler: AnyHandler;
    readonly input: unknown;
    readonly signal: AbortSignal;
    readonly window: SendWindow;
    readonly incoming: ReceiveQueue<Uint8Array>;
  }

  const serve = async (kind: Operation['kind'], context: Context): Promise<void> => {
    const { id, handler, input, signal, window, incoming } = context;
    switch (kind) {
      case 'call':
        port.post({ t: 'value', id, value: await handler(input) });
        return;
      case 'stream':
        for await (const value of handler(input, signal) as AsyncIterable<unknown>) {
          if (!(await window.take(1))) return;
          port.post({ t: 'value', id, value });
        }
        return;
      case 'duplex':
        await handler(input, {
          head: (value: unknown) => port.post({ t: 'value', id, value }),
          input: incoming,
          signal,
          write: async (bytes: Uint8Array) => {
            if (await window.take(bytes.length)) port.post({ t: 'data', id, bytes });
          },
        } satisfies ServedDuplex<unknown>);
    }
  };
}
