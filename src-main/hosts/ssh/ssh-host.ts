/**
 * A host over SSH: one connection that all requests share, made when the first needs it and again after it
 * broke. A further one is made only when the server gives this one no more sessions (sshd_config MaxSessions).
 */
import type { Duplex } from 'node:stream';
import type { ClientChannel, PseudoTtyOptions } from 'ssh2';
import { errorMessage, forbidden, unavailable } from '../../../shared/errors.ts';
import type { EngineDialer } from '../engine-dialer.ts';
import type { Ask } from '../questions.ts';
import {
  dialStdioCommand,
  FACTS,
  FALLBACK_SOCKETS,
  FIND_ENGINE,
  type FoundEngine,
  parseFacts,
  parseFoundEngine,
} from './remote-engine.ts';
import type { SecretMemory } from './ssh-authentication.ts';
import { ChannelRefused, SshConnection } from './ssh-connection.ts';
import type { SshDestination } from './ssh-target.ts';

/** More connections than this to one host is a leak, not a need. */
const MOST_CONNECTIONS = 10;
const MOST_OUTPUT = 256 * 1024;

export interface SshHostOptions {
  readonly destination: SshDestination;
  /** The engine's socket on the far side; found when undefined. */
  readonly engineSocket?: string | undefined;
  readonly ask: Ask;
  readonly configText?: string | undefined;
}

/** The way to the engine that was found to work. */
interface Route {
  readonly socket: string;
  readonly by: 'streamlocal' | 'stdio';
}

export interface CommandOutput {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const destinationUrl = ({ alias, user, port }: SshDestination): string =>
  `ssh://${user === undefined ? '' : `${user}@`}${alias.includes(':') ? `[${alias}]` : alias}${port === undefined ? '' : `:${port}`}`;

export class SshHost implements EngineDialer {
  readonly dockerHost: string;
  readonly #options: SshHostOptions;
  readonly #memory: SecretMemory = new Map();
  readonly #stop = new AbortController();
  readonly #connections: SshConnection[] = [];
  /** Sessions open or being opened on each. */
  readonly #sessions = new WeakMap<SshConnection, number>();
  #connecting: Promise<SshConnection> | undefined;
  #route: Promise<Route> | undefined;

  constructor(options: SshHostOptions) {
    this.#options = options;
    this.dockerHost = destinationUrl(options.destination);
  }

  /** Opens a stream to the engine. Throws unavailable, forbidden, unauthorized or cancelled with a reason. */
  async open(signal: AbortSignal): Promise<Duplex> {
    const connection = await this.#first();
    signal.throwIfAborted();
    this.#route ??= this.#findRoute(connection).catch((error: unknown) => {
      this.#route = undefined;
      throw error;
    });
    const stream = asSocket(await this.#follow(await this.#route));
    signal.addEventListener('abort', () => stream.destroy(), { once: true });
    return stream;
  }

  /** Runs a command to its end; output beyond 256 KiB a stream is dropped. */
  async run(command: string): Promise<CommandOutput> {
    const channel = await this.#session((connection) => connection.exec(command));
    return collect(channel);
  }

  /** Opens the user's log-in shell there. */
  shell(terminal: PseudoTtyOptions): Promise<ClientChannel> {
    return this.#session((connection) => connection.shell(terminal));
  }

  /** Starts a command whose streams the caller holds. */
  exec(command: string): Promise<ClientChannel> {
    return this.#session((connection) => connection.exec(command));
  }

  /** Opens a TCP connection as seen from the host, for forwarded ports. */
  async openTcp(host: string, port: number): Promise<Duplex> {
    const connection = await this.#first();
    try {
      return asSocket(await connection.openTcp(host, port));
    } catch (error) {
      throw unavailable(
        `${this.#name} does not open ${host} port ${port}: ${errorMessage(error)}. Nothing listens there, or AllowTcpForwarding is off.`,
        { cause: error },
      );
    }
  }

  /** Facts about the machine by name (see FACTS). */
  async facts(): Promise<Record<string, string>> {
    return parseFacts((await this.run(FACTS)).stdout);
  }

  /** Number of SSH connections open now. */
  get connections(): number {
    return this.#connections.length;
  }

  /** Hangs up; who wants something next logs in anew and looks for the engine again. */
  reset(): void {
    this.#route = undefined;
    for (const connection of this.#connections.splice(0)) connection[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#stop.abort(unavailable(`${this.#name} was closed`));
    for (const connection of [...this.#connections]) connection[Symbol.dispose]();
    this.#memory.clear();
  }

  get #name(): string {
    return this.#options.destination.alias;
  }

  #first(): Promise<SshConnection> {
    const [connection] = this.#connections;
    return connection ? Promise.resolve(connection) : this.#connect();
  }

  /** Requests that need a connection at the same time share the making of it. */
  #connect(): Promise<SshConnection> {
    this.#connecting ??= this.#open().finally(() => {
      this.#connecting = undefined;
    });
    return this.#connecting;
  }

  async #open(): Promise<SshConnection> {
    const { destination, ask, configText } = this.#options;
    const parts = { ask, memory: this.#memory, configText };
    const connection = await SshConnection.open(destination, parts, this.#stop.signal);
    this.#connections.push(connection);
    void connection.closed.then(() => {
      const at = this.#connections.indexOf(connection);
      if (at !== -1) this.#connections.splice(at, 1);
      // What is there may be another engine when it comes back.
      if (this.#connections.length === 0) this.#route = undefined;
    });
    return connection;
  }

  /** Opens a session on the first connection that has room, on a new one when none has. */
  async #session(open: (on: SshConnection) => Promise<ClientChannel>): Promise<ClientChannel> {
    await this.#first();
    for (const tried = new Set<SshConnection>(); ; ) {
      const connection =
        this.#connections.find((one) => !tried.has(one)) ?? (await this.#oneMore());
      tried.add(connection);
      const others = this.#sessions.get(connection) ?? 0;
      this.#sessions.set(connection, others + 1);
      const release = (): void =>
        void this.#sessions.set(connection, (this.#sessions.get(connection) ?? 1) - 1);
      try {
        const channel = await open(connection);
        channel.once('close', release);
        return channel;
      } catch (error) {
        release();
        if (!(error instanceof ChannelRefused)) throw error;
        // With no other session of ours on it, it is not their number that is refused.
        if (others === 0)
          throw forbidden(`${this.#name} runs no commands for us: ${error.message}`, {
            cause: error,
          });
      }
    }
  }

  async #oneMore(): Promise<SshConnection> {
    if (this.#connections.length >= MOST_CONNECTIONS)
      throw unavailable(
        `${this.#name} gives us no more sessions on ${MOST_CONNECTIONS} connections (MaxSessions of its sshd)`,
      );
    return this.#connect();
  }

  async #findRoute(connection: SshConnection): Promise<Route> {
    const { engineSocket } = this.#options;
    const found = engineSocket === undefined ? await this.#find() : undefined;
    const sockets = found?.sockets ?? [engineSocket ?? ''];
    let problem = '';
    for (const socket of sockets) {
      try {
        (await connection.openSocket(socket)).destroy();
        return { socket, by: 'streamlocal' };
      } catch (error) {
        problem = errorMessage(error);
      }
    }
    // Forwarding may be off (AllowStreamLocalForwarding, restrict): a program over there can do it too.
    for (const socket of sockets) {
      const probe = await this.#probeStdio(socket);
      if (probe === undefined) return { socket, by: 'stdio' };
      problem = probe;
    }
    throw this.#noEngine(found, problem);
  }

  async #find(): Promise<FoundEngine> {
    try {
      const { stdout } = await this.run(FIND_ENGINE);
      return parseFoundEngine(stdout);
    } catch {
      // No commands here; the usual places can be tried without.
      return { user: '', sockets: FALLBACK_SOCKETS, forbidden: [] };
    }
  }

  /** Why the engine cannot be reached by a program there; undefined when it can. */
  async #probeStdio(socket: string): Promise<string | undefined> {
    try {
      const channel = await this.exec(dialStdioCommand(socket));
      channel.end('GET /_ping HTTP/1.0\r\nHost: windlass\r\n\r\n');
      const { stdout, stderr } = await collect(channel);
      return /^HTTP\/1\.\d 200/.test(stdout) ? undefined : stderr.trim() || 'no answer';
    } catch (error) {
      return errorMessage(error);
    }
  }

  #noEngine(found: FoundEngine | undefined, problem: string): Error {
    const details = { host: this.#name, reason: 'noEngine' };
    const isDenied = /permission denied/i.test(problem);
    const socket = isDenied
      ? (this.#options.engineSocket ?? found?.sockets[0])
      : found?.sockets.length === 0
        ? found.forbidden[0]
        : undefined;
    if (socket !== undefined)
      return forbidden(
        `The user on ${this.#name} may not use ${socket}. There, run: sudo usermod -aG docker "$USER" (or the socket's own group), and connect again.`,
        { details: { ...details, reason: 'noAccess' } },
      );
    return unavailable(
      `There is no engine on ${this.#name} that can be reached${problem ? ` (${problem})` : ''}. Start Docker, Podman's socket or windlassd there.`,
      { details },
    );
  }

  async #follow(route: Route): Promise<Duplex> {
    if (route.by === 'stdio') {
      const channel = await this.exec(dialStdioCommand(route.socket));
      // Unread, its words would fill the channel's window.
      channel.stderr.resume();
      return channel;
    }
    const connection = await this.#first();
    try {
      return await connection.openSocket(route.socket);
    } catch (error) {
      throw unavailable(
        `the engine's socket ${route.socket} on ${this.#name} does not open: ${errorMessage(error)}. Is the engine running?`,
        { cause: error },
      );
    }
  }
}

/** What Node's HTTP client calls on a socket and an SSH channel lacks; none of it means anything here. */
function asSocket(stream: Duplex): Duplex {
  const nothing = (): Duplex => stream;
  return Object.assign(stream, {
    setKeepAlive: nothing,
    setNoDelay: nothing,
    setTimeout: nothing,
    ref: nothing,
    unref: nothing,
    destroySoon: () => stream.destroy(),
  });
}

function collect(channel: ClientChannel): Promise<CommandOutput> {
  return new Promise((resolve, reject) => {
    let stdout = '';
    let stderr = '';
    let code = 0;
    channel.on('data', (chunk: Buffer) => {
      if (stdout.length < MOST_OUTPUT) stdout += chunk.toString();
    });
    channel.stderr.on('data', (chunk: Buffer) => {
      if (stderr.length < MOST_OUTPUT) stderr += chunk.toString();
    });
    channel.on('exit', (status: number | null) => {
      code = status ?? 255;
    });
    channel.on('error', reject);
    channel.on('close', () => resolve({ code, stdout, stderr }));
  });
}
