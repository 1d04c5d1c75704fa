/** Programs that keep passwords: `docker-credential-NAME`, words on stdin, JSON on stdout (docker-credential-helpers). */
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { z } from 'zod';
import { invalidArgument, unavailable } from '../../../shared/errors.ts';
import type { Login } from './login.ts';
import { credentialKey, registryName } from './registry-name.ts';

/** A person may have to unlock a keychain. */
const LIMIT_MS = 60_000;
/** What a helper calls an identity token's user. */
const TOKEN_USER = '<token>';

const credentialsSchema = z.object({ Username: z.string(), Secret: z.string() });

/** Runs it; throws what it says when it fails, unavailable when it is not there. */
async function run(helper: string, verb: string, input: string): Promise<string> {
  if (!/^[\w.-]+$/.test(helper)) throw invalidArgument(`${helper} is no credential helper`);
  const program = `docker-credential-${helper}`;
  const child = spawn(program, [verb], {
    stdio: ['pipe', 'pipe', 'ignore'],
    timeout: LIMIT_MS,
  });
  // One that is gone does not read; its exit tells.
  child.stdin.on('error', () => undefined);
  child.stdin.end(input);
  const ended = new Promise<number | null>((resolve, reject) => {
    child.once('error', (cause) => reject(unavailable(`${program} cannot be run`, { cause })));
    child.once('close', resolve);
  });
  const [code, output] = await Promise.all([ended, text(child.stdout)]);
  if (code !== 0) throw unavailable(`${program}: ${output.trim() || `ended with code ${code}`}`);
  return output;
}

/** User names by registry. */
export async function listHelper(helper: string): Promise<ReadonlyMap<string, string>> {
  const known = z.record(z.string(), z.string()).parse(JSON.parse(await run(helper, 'list', '')));
  return new Map(Object.entries(known).map(([key, user]) => [registryName(key), user]));
}

/** Throws unavailable when it knows nothing of the registry. */
export async function getFromHelper(helper: string, address: string): Promise<Login> {
  const output = await run(helper, 'get', credentialKey(address));
  const { Username, Secret } = credentialsSchema.parse(JSON.parse(output));
  return Username === TOKEN_USER
    ? { address, username: Username, password: '', identityToken: Secret }
    : { address, username: Username, password: Secret };
}

export async function storeInHelper(helper: string, login: Login): Promise<void> {
  const { address, username, password, identityToken } = login;
  const credentials = {
    ServerURL: credentialKey(address),
    Username: identityToken ? TOKEN_USER : username,
    Secret: identityToken ?? password,
  };
  await run(helper, 'store', JSON.stringify(credentials));
}

export async function eraseFromHelper(helper: string, address: string): Promise<void> {
  await run(helper, 'erase', credentialKey(address));
}
