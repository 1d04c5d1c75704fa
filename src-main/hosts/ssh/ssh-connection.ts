/** One authenticated SSH connection, over as many jumps as it takes, and the channels on it. */
import type { Duplex } from 'node:stream';
import type { Client, ClientChannel, PseudoTtyOptions } from 'ssh2';
import {
  type EngineError,
  errorMessage,
  isEngineError,
  unavailable,
} from '../../../shared/errors.ts';
import { type LogInParts, logIn } from './ssh-login.ts';
import { resolveSshTarget, type SshDestination, type SshTarget } from './ssh-target.ts';
import { openTransport } from './ssh-transport.ts';

/** A chain longer than this goes round in a circle. */
const MOST_JUMPS = 8;

export interface SshParts extends Pick<LogInParts, 'ask' | 'memory'> {
  /** Text of ssh_config to resolve with; read anew when undefined. */
  readonly configText?: string | undefined;
}

/** A channel of a connection could not be opened: the limit of sessions, or the far side forbids it. */
export class ChannelRefused extends Error {}

/** Reasons a server gives (RFC 4254 5.1), as a person understands them. */
const REASONS: Record<number, string> = {
  1: 'the server forbids it',
  2: 'nobody answers there',
  3: 'the server does not know how',
  4: 'the server is short of resources',
};

const refusal = (error: Error & { reason?: unknown }): ChannelRefused =>
  new ChannelRefused(
    [
      REASONS[Number(error.reason)],
      // OpenSSH has no more to say than this.
      error.message.replace('(SSH) Channel open failure: ', '').replace(/^open failed$/, ''),
    ]
      .filter(Boolean)
      .join(': ') || error.message,
    { cause: error },
  );

/** Explains why a host cannot be reached; what a person can act on comes through as it is. */
function explain(target: SshTarget, error: unknown): EngineError {
  if (isEngineError(error)) return error;
  const { code } = error as NodeJS.ErrnoException;
  const where = `${target.hostName} port ${target.port}`;
  const reasons: Record<string, string> = {
    ENOTFOUND: `there is no host named ${target.hostName}`,
    EAI_AGAIN: `the name ${target.hostName} cannot be looked up now`,
    ECONNREFUSED: `${where} refuses connections. Does sshd run there?`,
    ETIMEDOUT: `${where} does not answer`,
    EHOSTUNREACH: `there is no route to ${where}`,
    ENETUNREACH: `there is no route to ${where}`,
    ECONNRESET: `${where} closed the connection`,
  };
  const reason = reasons[code ?? ''] ?? `${where}: ${errorMessage(error)}`;
  return unavailable(`Cannot connect to ${target.alias}: ${reason}`, { cause: error });
}

export class SshConnection implements Disposable {
  readonly target: SshTarget;
  readonly #client: Client;
  readonly #before: SshConnection | undefined;
  readonly #channels = new Set<Duplex>();
  /** Resolves with the reason when it has ended, undefined when we ended it. */
  readonly closed: Promise<Error | undefined>;

  private constructor(
    target: SshTarget,
    client: Client,
    before: SshConnection | undefined,
    closed: Promise<Error | undefined>,
  ) {
    this.target = target;
    this.#client = client;
    this.#before = before;
    this.closed = closed;
    // Before ssh2 itself ends them, which would look as if the far side had said all it had to say.
    client.on('close', () => {
      for (const channel of this.#channels)
        channel.emit('error', this.#brokeOff(new Error('the connection was closed')));
    });
    void closed.then(() => before?.[Symbol.dispose]());
  }

  /**
   * Connects and logs in. Throws unavailable when the host cannot be reached, forbidden when its key is not
   * the one written down, unauthorized when it takes nothing of ours, cancelled when a question is declined.
   */
  static open(
    destination: SshDestination,
    parts: SshParts,
    signal: AbortSignal,
  ): Promise<SshConnection> {
    const target = resolveSshTarget(destination, parts.configText);
    return SshConnection.#openOver(target, target.proxyJump, { ...parts, signal, depth: 0 });
  }

  static async #openOver(
    target: SshTarget,
    jumps: readonly SshDestination[],
    way: SshParts & { readonly signal: AbortSignal; readonly depth: number },
  ): Promise<SshConnection> {
    if (way.depth > MOST_JUMPS)
      throw unavailable(`Cannot connect to ${target.alias}: more than ${MOST_JUMPS} jumps`);
    let before: SshConnection | undefined;
    try {
      const last = jumps.at(-1);
      if (last) {
        const hop = resolveSshTarget(last, way.configText);
        const earlier = jumps.slice(0, -1);
        // The hops before the last are its own; none given means what ssh_config says of it.
        before = await SshConnection.#openOver(hop, earlier.length > 0 ? earlier : hop.proxyJump, {
          ...way,
          depth: way.depth + 1,
        });
      }
      const transport = before
        ? await before.openTcp(target.hostName, target.port)
        : await openTransport(target, way.signal);
      const { client, closed } = await logIn(target, transport, way);
      return new SshConnection(target, client, before, closed);
    } catch (error) {
      before?.[Symbol.dispose]();
      throw before && error instanceof ChannelRefused
        ? unavailable(
            `Cannot connect to ${target.alias}: ${before.target.alias} does not pass on to ${target.hostName} port ${target.port} (${error.message})`,
            { cause: error },
          )
        : explain(target, error);
    }
  }

  #open<T extends Duplex>(
    start: (done: (error: Error | undefined, channel: T) => void) => void,
  ): Promise<T> {
    return new Promise((resolve, reject) => {
      try {
        start((error, channel) => {
          if (!error) resolve(this.#keep(channel));
          // What the server says has a reason code; the connection's end has none.
          else if ('reason' in error && error.reason !== '') reject(refusal(error));
          else reject(this.#brokeOff(error));
        });
      } catch (error) {
        // ssh2 throws when the connection has ended.
        reject(this.#brokeOff(error));
      }
    });
  }

  #keep<T extends Duplex>(channel: T): T {
    this.#channels.add(channel);
    channel.once('close', () => this.#channels.delete(channel));
    // Whoever reads has listeners of his own; an end that nobody waits for is none to crash over.
    channel.on('error', () => undefined);
    return channel;
  }

  #brokeOff(cause: unknown): EngineError {
    return unavailable(`the connection to ${this.target.alias} broke off: ${errorMessage(cause)}`, {
      cause,
    });
  }

  /** Opens a unix socket on the far side. Throws ChannelRefused. */
  openSocket(path: string): Promise<Duplex> {
    return this.#open<ClientChannel>((done) =>
      this.#client.openssh_forwardOutStreamLocal(path, done),
    );
  }

  /** Opens a TCP connection from the far side. Throws ChannelRefused. */
  openTcp(host: string, port: number): Promise<Duplex> {
    return this.#open<ClientChannel>((done) =>
      this.#client.forwardOut('127.0.0.1', 0, host, port, done),
    );
  }

  /** Starts a command. Throws ChannelRefused, also when the server's MaxSessions is reached. */
  exec(command: string): Promise<ClientChannel> {
    return this.#open<ClientChannel>((done) => this.#client.exec(command, done));
  }

  /** Opens the log-in shell on a terminal. Throws ChannelRefused. */
  shell(terminal: PseudoTtyOptions): Promise<ClientChannel> {
    return this.#open<ClientChannel>((done) => this.#client.shell(terminal, done));
  }

  [Symbol.dispose](): void {
    this.#client.end();
    // A peer that is gone does not answer the farewell.
    this.#client.destroy();
    this.#before?.[Symbol.dispose]();
  }
}
