/** A thin gRPC client for containerd: one call per method, errors as {@link ContainerdError}. */
import { Client, credentials, Metadata, type ServiceError, status } from '@grpc/grpc-js';
import protobuf from 'protobufjs';
import { CONTAINERD_PROTO, CONTAINERD_SERVICES } from './containerd-protos.ts';

type Services = typeof CONTAINERD_SERVICES;
export type ServiceName = keyof Services;
/** Message fields by their proto names; 64-bit integers are numbers. */
export type Message = Record<string, unknown>;

const root = protobuf.parse(CONTAINERD_PROTO, { keepCase: true }).root;

/** Encodes a message of the subset, e.g. for an Any. */
export function encodeMessage(name: string, value: Message): Uint8Array {
  const type = root.lookupType(`containerd.${name}`);
  return type.encode(type.create(value)).finish();
}

export function decodeMessage(name: string, bytes: Uint8Array): Message {
  const type = root.lookupType(`containerd.${name}`);
  return type.toObject(type.decode(bytes), { longs: Number, defaults: true, enums: Number });
}

const CLOSED = 'the connection to containerd is closed';

/** A failed call. `message` is containerd's text; the class suffix is what its Go client adds. */
export class ContainerdError extends Error {
  readonly grpcStatus: number;

  constructor(grpcStatus: number, details: string) {
    super(details);
    this.name = 'ContainerdError';
    this.grpcStatus = grpcStatus;
  }

  get isNotFound(): boolean {
    return this.grpcStatus === status.NOT_FOUND;
  }

  /** A service of containerd that could not be started, for want of its files. */
  get isUnimplemented(): boolean {
    return this.grpcStatus === status.UNIMPLEMENTED;
  }

  get isAlreadyExists(): boolean {
    return this.grpcStatus === status.ALREADY_EXISTS;
  }

  /** containerd is away: ending, restarting, or not yet listening. */
  get isUnavailable(): boolean {
    return this.grpcStatus === status.UNAVAILABLE || this.grpcStatus === status.CANCELLED;
  }

  /** We have closed the connection: the daemon is ending. */
  get isClosed(): boolean {
    return this.message === CLOSED;
  }

  /** The container's shim has died; containerd is about to notice and to clean up after it. */
  get isShimGone(): boolean {
    return this.message.includes('ttrpc: closed');
  }
}

const asContainerdError = (error: ServiceError): ContainerdError =>
  new ContainerdError(error.code, error.details || error.message);

const closed = (): ContainerdError => new ContainerdError(status.FAILED_PRECONDITION, CLOSED);

export class ContainerdClient {
  readonly #client: Client;
  /** Calls wait for a containerd that is just being restarted. */
  readonly #metadata = new Metadata({ waitForReady: true });
  #isClosed = false;

  constructor(address: string, namespace: string) {
    this.#client = new Client(`unix:${address}`, credentials.createInsecure(), {
      'grpc.initial_reconnect_backoff_ms': 10,
      'grpc.min_reconnect_backoff_ms': 10,
      'grpc.max_reconnect_backoff_ms': 200,
      'grpc.max_receive_message_length': 16 * 1024 * 1024,
    });
    this.#metadata.set('containerd-namespace', namespace);
  }

  /** Calls a unary method. Throws {@link ContainerdError}. `deadlineMs` counts from now. */
  call<S extends ServiceName>(
    service: S,
    method: keyof Services[S]['methods'] & string,
    request: Message,
    options: { readonly deadlineMs?: number } = {},
  ): Promise<Message> {
    if (this.#isClosed) return Promise.reject(closed());
    const { path, requestType, responseType } = this.#lookup(service, method);
    const { promise, resolve, reject } = Promise.withResolvers<Message>();
    this.#client.makeUnaryRequest(
      path,
      (value: Message) => Buffer.from(encodeMessage(requestType, value)),
      (bytes: Buffer) => decodeMessage(responseType, bytes),
      request,
      this.#metadata,
      options.deadlineMs === undefined ? {} : { deadline: Date.now() + options.deadlineMs },
      (error, answer) => {
        if (error) reject(this.#isClosed ? closed() : asContainerdError(error));
        else resolve(answer ?? {});
      },
    );
    return promise;
  }

  /** Opens a server stream; `onEnd` is called once, with the reason when it broke. */
  subscribe(
    filters: readonly string[],
    handlers: { onEvent: (envelope: Message) => void; onEnd: (error?: ContainerdError) => void },
  ): Disposable {
    const { path, requestType, responseType } = this.#lookup('events', 'Subscribe');
    const stream = this.#client.makeServerStreamRequest(
      path,
      (value: Message) => Buffer.from(encodeMessage(requestType, value)),
      (bytes: Buffer) => decodeMessage(responseType, bytes),
      { filters },
      this.#metadata,
    );
    let ended = false;
    const end = (error?: ContainerdError): void => {
      if (ended) return;
      ended = true;
      handlers.onEnd(error);
    };
    stream.on('data', handlers.onEvent);
    stream.on('error', (error: ServiceError) => end(asContainerdError(error)));
    stream.on('end', () => end());
    return {
      [Symbol.dispose]: () => {
        ended = true;
        stream.cancel();
      },
    };
  }

  /** Resolves when containerd answers, or throws after `timeoutMs`. */
  async waitUntilReady(timeoutMs: number): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#client.waitForReady(Date.now() + timeoutMs, (error) =>
      error ? reject(error) : resolve(),
    );
    await promise;
    await this.call('version', 'Version', {}, { deadlineMs: timeoutMs });
  }

  /** Calls under way, and later ones, fail for good: nobody waits for a containerd that was let go. */
  close(): void {
    this.#isClosed = true;
    this.#client.close();
  }

  #lookup(
    service: ServiceName,
    method: string,
  ): { path: string; requestType: string; responseType: string } {
    const entry = CONTAINERD_SERVICES[service];
    const types = (entry.methods as Readonly<Record<string, readonly [string, string, boolean?]>>)[
      method
    ];
    if (!types) throw new Error(`containerd has no method ${service}.${method}`);
    return { path: `/${entry.path}/${method}`, requestType: types[0], responseType: types[1] };
  }
}
