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
import { ReceiveQueue, SendWindow, WINDOW } from './flow.ts';
import type { Frame, Port, WireError } from './port.ts';

const fromWire = ({ code, status, message, details }: WireError): EngineError =>
  new EngineError(code, message, { status, details });

/** What an open operation does with frames. */
interface Pending {
  value(value: unknown): void;
  data(bytes: Uint8Array): void;
  credit(amount: number): void;
  end(error?: EngineError): void;
}

export function createShellClient(port: Port): ShellClient {
  const pending = new Map<number, Pending>();
  let nextId = 1;
  let lost: EngineError | undefined;

  port.onFrame = (frame: Frame) => {
    const operation = pending.get(frame.id);
    if (!operation) return;
    switch (frame.t) {
      case 'value':
        return operation.value(frame.value);
      case 'data':
        return operation.data(frame.bytes);
      case 'credit':
        return operation.credit(frame.amount);
      case 'end':
        return operation.end();
      case 'error':
        return operation.end(fromWire(frame.error));
      case 'open':
      case 'abort':
        return undefined;
    }
  };
  port.onClose = () => {
    lost = unavailable('the connection to the Windlass shell is lost; reload the window');
    for (const operation of [...pending.values()]) operation.end(lost);
    pending.clear();
  };

  const open = (name: OperationName, input: unknown, handlers: Pending): number => {
    const id = nextId++;
    pending.set(id, handlers);
    const checked = shellContract[name].input.safeParse(input);
    const refusal =
      lost ??
      (checked.success
        ? undefined
        : new EngineError('invalidArgument', `${name}: ${checked.error.message}`));
    // In a later turn, as every other answer: the caller must have its id first.
    if (refusal) void Promise.resolve().then(() => handlers.end(refusal));
    else port.post({ t: 'open', id, name, input: checked.data });
    return id;
  };
  const nothing = (): void => undefined;

  return {
    call<N extends CallName>(name: N, input: InputOf<N>): Promise<OutputOf<N>> {
      const { promise, resolve, reject } = Promise.withResolvers<OutputOf<N>>();
      const id = open(name, input, {
        value: (value) => {
          pending.delete(id);
          const checked = shellContract[name].output.safeParse(value);
          if (checked.success) resolve(checked.data as OutputOf<N>);
          else reject(new EngineError('internal', `${name} answered ${checked.error.message}`));
        },
        data: nothing,
        credit: nothing,
        end: (error) => {
          pending.delete(id);
          reject(error ?? cancelled(`${name} was not answered`));
        },
      });
      return promise;
    },

    async *stream<N extends StreamName>(name: N, input: InputOf<N>, signal?: AbortSignal) {
      const queue = new ReceiveQueue<unknown>(() => port.post({ t: 'credit', id, amount: 1 }));
      const id = open(name, input, {
        value: (value) => queue.push(value),
        data: nothing,
        credit: nothing,
        end: (error) => {
          pending.delete(id);
          queue.finish(error);
        },
      });
      const stop = (): void => {
        if (!pending.delete(id)) return;
        port.post({ t: 'abort', id });
        queue.finish();
      };
      signal?.addEventListener('abort', stop, { once: true });
      try {
        for await (const value of queue)
          yield shellContract[name].output.parse(value) as OutputOf<N>;
      } finally {
        signal?.removeEventListener('abort', stop);
        stop();
      }
    },

    duplex<N extends DuplexName>(
      name: N,
      input: InputOf<N>,
      signal?: AbortSignal,
    ): DuplexChannel<HeadOf<N>> {
      const head = Promise.withResolvers<HeadOf<N>>();
      head.promise.catch(nothing);
      const outgoing = new SendWindow(WINDOW.bytes);
      const queue = new ReceiveQueue<Uint8Array>((bytes) =>
        port.post({ t: 'credit', id, amount: bytes.length }),
      );
      const finish = (error?: EngineError): void => {
        pending.delete(id);
        outgoing.close();
        head.reject(error ?? cancelled(`${name} ended before it was answered`));
        queue.finish(error);
      };
      const id = open(name, input, {
        value: (value) => head.resolve(shellContract[name].head.parse(value) as HeadOf<N>),
        data: (bytes) => queue.push(bytes),
        credit: (amount) => outgoing.credit(amount),
        end: finish,
      });
      const abort = (reason?: unknown): void => {
        if (!pending.has(id)) return;
        port.post({ t: 'abort', id });
        finish(reason === undefined ? cancelled(`${name} was cancelled`) : toEngineError(reason));
      };
      signal?.addEventListener('abort', () => abort(), { once: true });
      return {
        head: head.promise,
        readable: queue,
        async write(chunk) {
          if (await outgoing.take(chunk.length)) port.post({ t: 'data', id, bytes: chunk });
        },
        async end() {
          if (pending.has(id)) port.post({ t: 'end', id });
        },
        abort,
      };
    },
  };
}
