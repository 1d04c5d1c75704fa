/** The registries a person is logged in to: as the docker CLI keeps them, and those kept here. */
import { z } from 'zod';
import { invalidArgument } from '../../../shared/errors.ts';
import type { RegistryRow } from '../../../shared/shell/contract.ts';
import { askEngine } from '../../hosts/engine-question.ts';
import type { Host } from '../../hosts/host-book.ts';
import { eraseFromHelper, getFromHelper, listHelper, storeInHelper } from './credential-helper.ts';
import { DockerConfig } from './docker-config.ts';
import type { Login } from './login.ts';
import { credentialKey, registryName, registryOfRequest } from './registry-name.ts';
import type { SecretVault } from './secret-vault.ts';

const keptSchema = z.array(
  z.object({
    address: z.string(),
    username: z.string(),
    password: z.string(),
    identityToken: z.string().optional(),
  }),
);

export class RegistryLogins {
  readonly #config: DockerConfig;
  readonly #vault: () => SecretVault;
  #opened: SecretVault | undefined;

  /** The vault is opened when it is first needed. */
  constructor(vault: () => SecretVault, config = new DockerConfig()) {
    this.#vault = vault;
    this.#config = config;
  }

  /** By address; a helper that cannot be asked is left out. */
  async list(): Promise<RegistryRow[]> {
    const rows = new Map<string, RegistryRow>();
    for (const { address, username } of this.#config.logins())
      rows.set(address, { address, username, keeper: 'docker' });
    for (const helper of this.#config.helpers()) {
      const known = await listHelper(helper).catch(() => new Map<string, string>());
      for (const [address, username] of known)
        if (this.#config.helperOf(address) === helper)
          rows.set(address, { address, username, keeper: 'helper', helper });
    }
    for (const { address, username } of this.#kept())
      rows.set(address, { address, username, keeper: this.#open().kind });
    return [...rows.values()].sort((a, b) => a.address.localeCompare(b.address));
  }

  /** Has the engine try it, then keeps it. Throws the registry's refusal in the engine's words. */
  async login(host: Host, asked: Omit<Login, 'identityToken'>): Promise<void> {
    const address = registryName(asked.address);
    if (address === '') throw invalidArgument('a registry has an address');
    const { username, password } = asked;
    const answer = await askEngine<{ IdentityToken?: string }>(host, 'POST', '/auth', {
      username,
      password,
      serveraddress: credentialKey(address),
    });
    const login: Login = answer.IdentityToken
      ? { address, username, password: '', identityToken: answer.IdentityToken }
      : { address, username, password };
    const helper = this.#config.helperOf(address);
    if (helper) await storeInHelper(helper, login);
    else await this.#keep([...this.#kept().filter((one) => one.address !== address), login]);
  }

  /** Forgets it wherever it is kept. */
  async logout(asked: string): Promise<void> {
    const address = registryName(asked);
    await this.#keep(this.#kept().filter((one) => one.address !== address));
    await this.#config.forget(address);
    const helper = this.#config.helperOf(address);
    if (helper) await eraseFromHelper(helper, address);
  }

  /** The headers a request to an engine needs beside its own: `X-Registry-Auth` for what pulls and pushes. */
  async headersFor(method: string, path: string): Promise<Record<string, string>> {
    const address = registryOfRequest(method, path);
    const login = address === undefined ? undefined : await this.#find(address);
    if (!login) return {};
    const { username, password, identityToken } = login;
    const secret = identityToken ? { identitytoken: identityToken } : { username, password };
    const auth = { ...secret, serveraddress: credentialKey(login.address) };
    return { 'X-Registry-Auth': Buffer.from(JSON.stringify(auth)).toString('base64url') };
  }

  async #find(address: string): Promise<Login | undefined> {
    const kept = [...this.#kept(), ...this.#config.logins()].find((one) => one.address === address);
    if (kept) return kept;
    const helper = this.#config.helperOf(address);
    // One that knows nothing of it: the registry may let anybody in.
    return helper ? getFromHelper(helper, address).catch(() => undefined) : undefined;
  }

  #open(): SecretVault {
    this.#opened ??= this.#vault();
    return this.#opened;
  }

  #kept(): Login[] {
    const text = this.#open().read();
    return text === undefined ? [] : keptSchema.parse(JSON.parse(text));
  }

  async #keep(logins: readonly Login[]): Promise<void> {
    await this.#open().write(JSON.stringify(logins));
  }
}
