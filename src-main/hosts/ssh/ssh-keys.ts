/** The keys an SSH connection may offer: the agent's and those in files (ssh_config IdentityFile, IdentitiesOnly). */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import ssh2, { type ParsedKey } from 'ssh2';
import { errorMessage } from '../../../shared/errors.ts';
import type { SshTarget } from './ssh-target.ts';

const { utils, OpenSSHAgent } = ssh2;

/** A key in a file: read already, or only its public half known until its passphrase is. */
export interface KeyFile {
  readonly path: string;
  readonly text: Buffer;
  readonly isEncrypted: boolean;
  /** undefined when it is encrypted and no `.pub` lies beside it. */
  readonly publicKey: Buffer | undefined;
}

const oneOf = (parsed: ParsedKey | ParsedKey[] | Error): ParsedKey | Error =>
  Array.isArray(parsed) ? (parsed[0] ?? new Error('no key in it')) : parsed;

/** Parses a private key. Throws with the reason, e.g. a wrong passphrase. */
export function parsePrivateKey(text: Buffer, passphrase?: string): ParsedKey {
  const key = oneOf(utils.parseKey(text, passphrase));
  if (key instanceof Error) throw key;
  return key;
}

async function readPublicHalf(path: string): Promise<Buffer | undefined> {
  try {
    const key = oneOf(utils.parseKey(await readFile(`${path}.pub`)));
    return key instanceof Error ? undefined : key.getPublicSSH();
  } catch {
    // Without it the key can still be tried, at the price of asking for its passphrase.
    return undefined;
  }
}

/** Reads the key files that are there; one that cannot be used is told of and passed over. */
export async function readKeyFiles(
  target: Pick<SshTarget, 'identityFiles' | 'isIdentityChosen'>,
  tell: (problem: string) => void,
): Promise<KeyFile[]> {
  const files: KeyFile[] = [];
  for (const path of target.identityFiles) {
    if (!existsSync(path)) {
      if (target.isIdentityChosen) tell(`${path} is not there`);
      continue;
    }
    try {
      const text = await readFile(path);
      const key = oneOf(utils.parseKey(text));
      if (!(key instanceof Error)) {
        files.push({ path, text, isEncrypted: false, publicKey: key.getPublicSSH() });
      } else if (/encrypted|passphrase/i.test(key.message)) {
        files.push({ path, text, isEncrypted: true, publicKey: await readPublicHalf(path) });
      } else tell(`${path}: ${key.message}`);
    } catch (error) {
      tell(`${path}: ${errorMessage(error)}`);
    }
  }
  return files;
}

/** An agent that shows one of its keys only, so that keys can be offered one at a time in our order. */
class OneKeyAgent extends OpenSSHAgent {
  readonly #key: ParsedKey;

  constructor(socketPath: string, key: ParsedKey) {
    super(socketPath);
    this.#key = key;
  }

  override getIdentities(tell: (error: Error | undefined, keys?: ParsedKey[]) => void): void {
    tell(undefined, [this.#key]);
  }
}

export interface AgentKey {
  readonly publicKey: Buffer;
  readonly agent: InstanceType<typeof OpenSSHAgent>;
}

/** The agent's keys; none, and a word about it, when it does not answer. */
export function readAgentKeys(
  socketPath: string | undefined,
  tell: (problem: string) => void,
): Promise<AgentKey[]> {
  if (socketPath === undefined) return Promise.resolve([]);
  return new Promise((resolve) => {
    new OpenSSHAgent(socketPath).getIdentities((error, keys) => {
      if (error) tell(`the agent at ${socketPath}: ${errorMessage(error)}`);
      const parsed = (keys ?? []) as ParsedKey[];
      resolve(
        parsed.map((key) => ({
          publicKey: key.getPublicSSH(),
          agent: new OneKeyAgent(socketPath, key),
        })),
      );
    });
  });
}
