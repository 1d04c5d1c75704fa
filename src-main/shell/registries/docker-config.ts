/** The docker CLI's config.json: which registries it is logged in to, and which programs keep the passwords. */
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { writeOwnFile } from '../../hosts/write-file.ts';
import type { Login } from './login.ts';
import { registryName } from './registry-name.ts';

const configSchema = z.looseObject({
  auths: z
    .record(
      z.string(),
      z.looseObject({ auth: z.string().optional(), identitytoken: z.string().optional() }),
    )
    .optional(),
  credsStore: z.string().optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
});
type Config = z.output<typeof configSchema>;

export class DockerConfig {
  readonly #path: string;

  constructor(environment: NodeJS.ProcessEnv = process.env) {
    this.#path = join(environment['DOCKER_CONFIG'] || join(homedir(), '.docker'), 'config.json');
  }

  /** Passwords that lie in the file itself. */
  logins(): Login[] {
    return Object.entries(this.#read().auths ?? {}).flatMap(
      ([address, { auth, identitytoken }]) => {
        const [username = '', ...rest] = Buffer.from(auth ?? '', 'base64')
          .toString()
          .split(':');
        const password = rest.join(':').replace(/\0+$/, '');
        if (username === '' || (password === '' && !identitytoken)) return [];
        return [
          { address: registryName(address), username, password, identityToken: identitytoken },
        ];
      },
    );
  }

  /** The program that keeps a registry's password, when one is set up. */
  helperOf(address: string): string | undefined {
    const { credHelpers = {}, credsStore } = this.#read();
    const own = Object.entries(credHelpers).find(([key]) => registryName(key) === address);
    return own?.[1] || credsStore || undefined;
  }

  /** Every program that is set up, with the registries it is for; none named: all. */
  helpers(): string[] {
    const { credHelpers = {}, credsStore } = this.#read();
    return [...new Set([credsStore ?? '', ...Object.values(credHelpers)])].filter(Boolean);
  }

  /** Forgets a registry as `docker logout` does. */
  async forget(address: string): Promise<void> {
    const config = this.#read();
    const auths = Object.entries(config.auths ?? {});
    const kept = auths.filter(([key]) => registryName(key) !== address);
    if (kept.length === auths.length) return;
    const next = { ...config, auths: Object.fromEntries(kept) };
    await writeOwnFile(this.#path, `${JSON.stringify(next, null, '\t')}\n`);
  }

  /** Read each time: the CLI writes it too. One that is missing or broken says nothing. */
  #read(): Config {
    try {
      return configSchema.parse(JSON.parse(readFileSync(this.#path, 'utf8')));
    } catch {
      return {};
    }
  }
}
