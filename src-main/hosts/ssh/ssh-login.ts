/** Shakes hands with an SSH server, makes sure of it, and logs in. */
import type { Duplex } from 'node:stream';
import ssh2, {
  type AuthenticationType,
  type Client,
  type NextAuthHandler,
  type ServerHostKeyAlgorithm,
} from 'ssh2';
import { EngineError, unavailable } from '../../../shared/errors.ts';
import type { Ask } from '../questions.ts';
import { HostKeyCheck } from './host-key-check.ts';
import { type SecretMemory, SshAuthentication } from './ssh-authentication.ts';
import type { SshTarget } from './ssh-target.ts';
import { offerKeyInside } from './ssh2-certificates.ts';

/** Nobody sits before a question longer than a server waits for a log-in (LoginGraceTime). */
const ANSWER_LIMIT_MS = 120_000;
const HANDSHAKE_LIMIT_MS = 20_000;

export interface LogInParts {
  readonly ask: Ask;
  readonly memory: SecretMemory;
  readonly signal: AbortSignal;
}

export interface LoggedIn {
  readonly client: Client;
  /** Resolves with the reason when the connection has ended. */
  readonly closed: Promise<Error | undefined>;
}

/**
 * Logs in over `transport`, which is the connection's from then on. Rejects with the host key's refusal, with
 * unauthorized, with cancelled, or with what broke the connection.
 */
export function logIn(target: SshTarget, transport: Duplex, parts: LogInParts): Promise<LoggedIn> {
  return new LogIn(target, transport, parts).run();
}

class LogIn {
  readonly #target: SshTarget;
  readonly #transport: Duplex;
  readonly #parts: LogInParts;
  readonly #client = new ssh2.Client();
  readonly #hostKey: HostKeyCheck;
  readonly #authentication: SshAuthentication;
  /** Ends open questions when the log-in ends otherwise. */
  readonly #over = new AbortController();
  readonly #signal: AbortSignal;
  #failure: Error | undefined;
  #timer: NodeJS.Timeout | undefined;
  /** What the host showed and was trusted for. */
  #verified: Buffer | undefined;

  constructor(target: SshTarget, transport: Duplex, parts: LogInParts) {
    this.#target = target;
    this.#transport = transport;
    this.#parts = parts;
    this.#hostKey = new HostKeyCheck(target);
    this.#signal = AbortSignal.any([parts.signal, this.#over.signal]);
    this.#authentication = new SshAuthentication(target, this.#ask, parts.memory, this.#signal);
  }

  run(): Promise<LoggedIn> {
    const client = this.#client;
    const onAbort = (): void => this.#giveUp(this.#parts.signal.reason as Error);
    const end = (): void => {
      clearTimeout(this.#timer);
      this.#over.abort();
      this.#parts.signal.removeEventListener('abort', onAbort);
    };
    this.#parts.signal.addEventListener('abort', onAbort, { once: true });
    this.#transport.on('error', (error) => this.#giveUp(error));
    return new Promise((resolve, reject) => {
      const closed = new Promise<Error | undefined>((tell) => {
        client.on('close', () => {
          end();
          reject(this.#failure ?? new Error('the connection was closed'));
          this.#transport.destroy();
          tell(this.#failure);
        });
      });
      client.on('error', (error) => {
        this.#failure ??= error;
        end();
        reject(this.#failure);
        client.destroy();
      });
      client.on('ready', () => {
        end();
        this.#failure = undefined;
        resolve({ client, closed });
      });
      this.#connect();
    });
  }

  #connect(): void {
    const { user, serverAliveInterval, serverAliveCountMax } = this.#target;
    this.#waitForServer();
    this.#client.connect({
      sock: this.#transport,
      username: user,
      // Counted here: the clock stands still while a person thinks.
      readyTimeout: 0,
      keepaliveInterval: serverAliveInterval * 1000,
      keepaliveCountMax: serverAliveCountMax,
      // Those of certificates, which the types lack, are taught it by ssh2-certificates.ts.
      algorithms: { serverHostKey: this.#hostKey.algorithms() as ServerHostKeyAlgorithm[] },
      hostVerifier: (key: Buffer, answer: (isValid: boolean) => void) => {
        offerKeyInside(this.#client, key);
        // Keys are exchanged anew every GB or so; ssh2 loses its way when the answer is late then.
        if (this.#verified?.equals(key)) return answer(true);
        void this.#verify(key, answer);
      },
      authHandler: (left, _isPartial, next) => void this.#authenticate(left, next),
    });
  }

  #giveUp(error: Error): void {
    this.#failure ??= error;
    this.#client.destroy();
  }

  #wait(ms: number, problem: string): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(
      () => this.#giveUp(unavailable(`Cannot connect to ${this.#target.alias}: ${problem}`)),
      ms,
    );
  }

  #waitForServer(): void {
    const { hostName, port } = this.#target;
    this.#wait(HANDSHAKE_LIMIT_MS, `${hostName} port ${port} took too long`);
  }

  readonly #ask: Ask = async (question, signal) => {
    this.#wait(ANSWER_LIMIT_MS, 'nobody answered its question in time');
    try {
      return await this.#parts.ask(question, signal);
    } finally {
      if (!this.#over.signal.aborted) this.#waitForServer();
    }
  };

  async #verify(key: Buffer, answer: (isValid: boolean) => void): Promise<void> {
    try {
      await this.#hostKey.verify(key, this.#ask, this.#signal);
      this.#verified = key;
    } catch (error) {
      this.#failure ??= error as Error;
      // What has ended already takes no answer.
      if (!this.#over.signal.aborted) answer(false);
      return;
    }
    if (!this.#over.signal.aborted) answer(true);
  }

  async #authenticate(
    left: readonly AuthenticationType[] | null,
    next: NextAuthHandler,
  ): Promise<void> {
    const method = await this.#authentication.next(left ?? undefined).catch((error: Error) => {
      this.#failure ??= error;
      return undefined;
    });
    if (method) return next(method);
    const { user, alias } = this.#target;
    this.#failure ??= new EngineError(
      'unauthorized',
      `${user}@${alias} does not let us in: ${this.#authentication.explain()}.`,
    );
    // false, which the types lack: nothing is left to try.
    next(false as never);
  }
}
