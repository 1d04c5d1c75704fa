/** Proves who we are to one server: the agent's keys, key files, then what a person types, as ssh(1) orders it. */
import type { AnyAuthMethod, Prompt } from 'ssh2';
import { errorMessage } from '../../../shared/errors.ts';
import type { Ask } from '../questions.ts';
import {
  type AgentKey,
  type KeyFile,
  parsePrivateKey,
  readAgentKeys,
  readKeyFiles,
} from './ssh-keys.ts';
import type { SshTarget } from './ssh-target.ts';

/** How often a person may mistype (ssh_config NumberOfPasswordPrompts). */
const TRIES = 3;

/** What a person typed, kept in memory only, so that a reconnect asks nothing. */
export type SecretMemory = Map<string, string>;

interface Offer {
  readonly publicKey: Buffer | undefined;
  readonly agentKey?: AgentKey;
  readonly file?: KeyFile;
}

/** Keys in ssh's order: those of the agent that files name, other files, the agent's others. */
function orderOffers(target: SshTarget, agentKeys: AgentKey[], files: KeyFile[]): Offer[] {
  const isSame = (a: Buffer | undefined, b: Buffer): boolean => a?.equals(b) ?? false;
  const named = files.map((file): Offer => {
    const agentKey = agentKeys.find((key) => isSame(file.publicKey, key.publicKey));
    return { publicKey: file.publicKey, file, ...(agentKey && { agentKey }) };
  });
  const others = target.identitiesOnly
    ? []
    : agentKeys
        .filter((key) => !files.some((file) => isSame(file.publicKey, key.publicKey)))
        .map((agentKey): Offer => ({ publicKey: agentKey.publicKey, agentKey }));
  const inAgent = named.filter(({ agentKey }) => agentKey);
  const inFile = named.filter(({ agentKey }) => !agentKey);
  return target.isIdentityChosen
    ? [...inAgent, ...inFile, ...others]
    : [...inAgent, ...others, ...inFile];
}

export class SshAuthentication {
  readonly #target: SshTarget;
  readonly #ask: Ask;
  readonly #memory: SecretMemory;
  readonly #signal: AbortSignal;
  readonly #methods: AsyncGenerator<AnyAuthMethod, void, readonly string[] | undefined>;
  readonly #tried: string[] = [];
  readonly #problems: string[] = [];
  #hasDeclined = false;

  constructor(target: SshTarget, ask: Ask, memory: SecretMemory, signal: AbortSignal) {
    this.#target = target;
    this.#ask = ask;
    this.#memory = memory;
    this.#signal = signal;
    this.#methods = this.#offers();
  }

  /** The next thing to try, given what the server still takes; undefined when nothing is left. */
  async next(left: readonly string[] | undefined): Promise<AnyAuthMethod | undefined> {
    const { value } = await this.#methods.next(left);
    return value ?? undefined;
  }

  /** What was tried and what stood in the way, for the person. */
  explain(): string {
    const tried = this.#tried.length > 0 ? `tried ${this.#tried.join(', ')}` : 'had nothing to try';
    return [tried, ...this.#problems].join('; ');
  }

  #who(): string {
    return `${this.#target.user}@${this.#target.alias}`;
  }

  async *#offers(): AsyncGenerator<AnyAuthMethod, void, readonly string[] | undefined> {
    const username = this.#target.user;
    // Tells the server's methods without spending a try.
    let left = yield { type: 'none', username };
    const takes = (method: string): boolean => left?.includes(method) ?? true;
    for (const method of this.#target.preferredAuthentications) {
      if (!takes(method)) continue;
      if (method === 'publickey') {
        for await (const offer of this.#keyOffers(username)) {
          left = yield offer;
          if (!takes('publickey')) break;
        }
      } else if (method === 'password') {
        for await (const offer of this.#passwordOffers(username)) {
          left = yield offer;
          if (!takes('password')) break;
        }
      } else if (method === 'keyboard-interactive') {
        for (let tries = 0; tries < TRIES && takes(method) && !this.#hasDeclined; tries += 1) {
          this.#note('keyboard-interactive');
          left = yield this.#interactiveOffer(username, tries);
        }
      }
    }
  }

  #note(what: string): void {
    if (!this.#tried.includes(what)) this.#tried.push(what);
  }

  async *#keyOffers(username: string): AsyncGenerator<AnyAuthMethod> {
    const tell = (problem: string): void => void this.#problems.push(problem);
    const [agentKeys, files] = await Promise.all([
      readAgentKeys(this.#target.identityAgent, tell),
      readKeyFiles(this.#target, tell),
    ]);
    for (const { agentKey, file } of orderOffers(this.#target, agentKeys, files)) {
      if (agentKey) {
        this.#note('the agent');
        yield { type: 'agent', username, agent: agentKey.agent };
      } else if (file) {
        const key = await this.#unlock(file);
        if (!key) continue;
        this.#note(file.path);
        yield { type: 'publickey', username, key };
      }
    }
  }

  async #unlock(file: KeyFile): Promise<ReturnType<typeof parsePrivateKey> | undefined> {
    if (!file.isEncrypted) return parsePrivateKey(file.text);
    const slot = `passphrase:${file.path}`;
    const kept = this.#memory.get(slot);
    for (let tries = 0; tries < TRIES; tries += 1) {
      let passphrase = tries === 0 ? kept : undefined;
      if (passphrase === undefined) {
        const question = {
          kind: 'passphrase' as const,
          message: `Passphrase for ${file.path}`,
          ...(tries > (kept === undefined ? 0 : 1) && { problem: 'That passphrase does not fit.' }),
          fields: [{ label: 'Passphrase', isSecret: true }],
        };
        try {
          [passphrase] = await this.#ask(question, this.#signal);
        } catch {
          this.#problems.push(`no passphrase was given for ${file.path}`);
          return undefined;
        }
      }
      try {
        const key = parsePrivateKey(file.text, passphrase);
        if (passphrase !== undefined) this.#memory.set(slot, passphrase);
        return key;
      } catch (error) {
        this.#memory.delete(slot);
        if (tries === TRIES - 1) this.#problems.push(`${file.path}: ${errorMessage(error)}`);
      }
    }
    return undefined;
  }

  async *#passwordOffers(username: string): AsyncGenerator<AnyAuthMethod> {
    const slot = `password:${this.#who()}:${this.#target.port}`;
    const kept = this.#memory.get(slot);
    if (kept !== undefined) {
      yield { type: 'password', username, password: kept };
      this.#memory.delete(slot);
    }
    for (let tries = 0; tries < TRIES; tries += 1) {
      let password: string;
      try {
        const question = {
          kind: 'password' as const,
          message: `Password for ${this.#who()}`,
          ...(tries > 0 && { problem: 'The host did not take that password.' }),
          fields: [{ label: 'Password', isSecret: true }],
        };
        [password = ''] = await this.#ask(question, this.#signal);
      } catch {
        this.#problems.push('no password was given');
        return;
      }
      this.#note('a password');
      // Kept at once: success ends this generator without a word; failure comes back here.
      this.#memory.set(slot, password);
      yield { type: 'password', username, password };
      this.#memory.delete(slot);
    }
  }

  #interactiveOffer(username: string, tries: number): AnyAuthMethod {
    return {
      type: 'keyboard-interactive',
      username,
      prompt: (...[name, instructions, , prompts, finish]) => {
        // Servers close with an empty round.
        if (prompts.length === 0) return finish([]);
        const slot = `interactive:${this.#who()}:${this.#target.port}:${prompts.map(({ prompt }) => prompt).join('|')}`;
        const kept = tries === 0 ? this.#memory.get(slot) : undefined;
        const isSecretOnly = prompts.length === 1 && isSecret(prompts[0]);
        if (kept !== undefined && isSecretOnly) return finish([kept]);
        this.#memory.delete(slot);
        const question = {
          kind: 'interactive' as const,
          message: [name, instructions].filter(Boolean).join(' – ') || `${this.#who()} asks`,
          ...(tries > 0 && { problem: 'The host did not take that answer.' }),
          fields: prompts.map((one) => ({ label: one.prompt.trim(), isSecret: isSecret(one) })),
        };
        this.#ask(question, this.#signal).then(
          (answers) => {
            // One-time codes must not be sent twice; a lone password may.
            if (isSecretOnly && /password/i.test(prompts[0]?.prompt ?? ''))
              this.#memory.set(slot, answers[0] ?? '');
            finish([...answers]);
          },
          () => {
            this.#hasDeclined = true;
            this.#problems.push('the question was not answered');
            finish([]);
          },
        );
      },
    };
  }
}

const isSecret = (prompt: Prompt | undefined): boolean => prompt?.echo !== true;
