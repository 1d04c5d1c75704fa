/** Docker's contexts of this machine, read and written as the docker CLI keeps them (cli/context/store). */
import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { z } from 'zod';
import { conflict, invalidArgument, notFound } from '../../shared/errors.ts';
import type { DockerContext } from '../../shared/shell/contract.ts';
import { type EngineDialer, socketDialer, tcpDialer } from './engine-dialer.ts';
import { writeOwnFile } from './write-file.ts';

const DEFAULT_HOST = 'unix:///var/run/docker.sock';
/** cli/context/store restrictedNamePattern. */
const NAME = /^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$/;

const metaSchema = z.object({
  Name: z.string(),
  Metadata: z.object({ Description: z.string().optional() }).optional(),
  Endpoints: z.object({
    docker: z.object({ Host: z.string().optional(), SkipTLSVerify: z.boolean().optional() }),
  }),
});
type Meta = z.output<typeof metaSchema>;

const configSchema = z.object({ currentContext: z.string().optional() });

const idOf = (name: string): string => createHash('sha256').update(name).digest('hex');

function readJson<T>(path: string, schema: z.ZodType<T>): T | undefined {
  try {
    return schema.parse(JSON.parse(readFileSync(path, 'utf8')));
  } catch {
    // Missing or not ours to understand: the CLI will say so when it is used.
    return undefined;
  }
}

export class DockerContexts {
  readonly #directory: string;
  readonly #environment: NodeJS.ProcessEnv;

  constructor(environment: NodeJS.ProcessEnv = process.env) {
    this.#environment = environment;
    this.#directory = environment['DOCKER_CONFIG'] || join(homedir(), '.docker');
  }

  /** All of them, `default` first; which one is current is decided in the CLI's order. */
  list(): DockerContext[] {
    const current = this.current();
    const describe = (name: string, meta: Meta | undefined): DockerContext => ({
      name,
      description: meta?.Metadata?.Description ?? '',
      dockerHost: meta?.Endpoints.docker.Host || this.#environment['DOCKER_HOST'] || DEFAULT_HOST,
      isCurrent: name === current,
    });
    const metas = this.#metas().toSorted((a, b) => a.Name.localeCompare(b.Name));
    return [describe('default', undefined), ...metas.map((meta) => describe(meta.Name, meta))];
  }

  /** DOCKER_HOST rules the rest out, then DOCKER_CONTEXT, then config.json (cli/command ResolveContextName). */
  current(): string {
    const { DOCKER_HOST: host, DOCKER_CONTEXT: context } = this.#environment;
    if (host) return 'default';
    if (context) return context;
    return (
      readJson(join(this.#directory, 'config.json'), configSchema)?.currentContext || 'default'
    );
  }

  /**
   * The endpoint of a context: a dialer, or the `ssh://` address to make one for. Throws notFound for an
   * unknown context, invalidArgument for an address of a kind nobody knows.
   */
  endpoint(name: string): EngineDialer | { readonly ssh: string } {
    const row = this.list().find((one) => one.name === name);
    if (!row) throw notFound(`context "${name}" does not exist`);
    const address = row.dockerHost;
    if (address.startsWith('ssh://')) return { ssh: address };
    if (address.startsWith('unix://')) return socketDialer(address.slice('unix://'.length));
    const tcp = /^(?:tcp|https?):\/\/(?:\[([^\]]+)\]|([^:/]+))(?::(\d+))?/.exec(address);
    const host = tcp?.[1] ?? tcp?.[2];
    if (!host) throw invalidArgument(`context "${name}": ${address} is no address of an engine`);
    const tls = this.#tlsOf(name);
    return tcpDialer({ host, port: Number(tcp?.[3] ?? (tls ? 2376 : 2375)), tls });
  }

  /** Writes a context that points to `dockerHost`. Throws conflict when the name is taken. */
  async create(name: string, dockerHost: string): Promise<void> {
    if (!NAME.test(name))
      throw invalidArgument(
        `context name "${name}" is invalid, names are validated against regexp "^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$"`,
      );
    if (name === 'default') throw invalidArgument('"default" is a reserved context name');
    const directory = join(this.#directory, 'contexts/meta', idOf(name));
    if (existsSync(join(directory, 'meta.json')))
      throw conflict(`context "${name}" already exists`);
    const meta = {
      Name: name,
      Metadata: { Description: 'Windlass' },
      Endpoints: { docker: { Host: dockerHost, SkipTLSVerify: false } },
    };
    await writeOwnFile(join(directory, 'meta.json'), JSON.stringify(meta));
  }

  #metas(): Meta[] {
    const directory = join(this.#directory, 'contexts/meta');
    if (!existsSync(directory)) return [];
    return readdirSync(directory).flatMap((id) => {
      const meta = readJson(join(directory, id, 'meta.json'), metaSchema);
      return meta ? [meta] : [];
    });
  }

  /** TLS material of a context, or of DOCKER_TLS_VERIFY and DOCKER_CERT_PATH for the default one. */
  #tlsOf(name: string) {
    const isDefault = name === 'default';
    const { DOCKER_TLS_VERIFY: verify, DOCKER_CERT_PATH: certificates } = this.#environment;
    if (isDefault && !verify && !certificates) return undefined;
    const directory = isDefault
      ? certificates || this.#directory
      : join(this.#directory, 'contexts/tls', idOf(name), 'docker');
    const file = (leaf: string): string | undefined => {
      const path = join(directory, leaf);
      return existsSync(path) ? path : undefined;
    };
    const [ca, cert, key] = ['ca.pem', 'cert.pem', 'key.pem'].map(file);
    if (ca === undefined && cert === undefined && !isDefault) return undefined;
    const meta = this.#metas().find((one) => one.Name === name);
    const isUnverified = isDefault ? !verify : meta?.Endpoints.docker.SkipTLSVerify === true;
    return { ca, cert, key, isUnverified };
  }
}
