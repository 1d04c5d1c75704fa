/** The host book's file: who is in it and the way there. No secrets: keys are named by their paths. */
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync, renameSync } from 'node:fs';
import { z } from 'zod';
import type { NewHost } from '../../shared/shell/contract.ts';
import { hostIdSchema, newHostSchema } from '../../shared/shell/host-schemas.ts';
import { writeOwnFile } from './write-file.ts';

const storedSchema = newHostSchema.extend({ id: hostIdSchema });
const fileSchema = z.object({ version: z.literal(1), hosts: z.array(storedSchema) });
export type StoredHost = z.output<typeof storedSchema>;

export class HostStore {
  readonly #path: string;
  #hosts: readonly StoredHost[];
  #written: Promise<void> = Promise.resolve();

  /** A file that cannot be read is set aside under `.broken`, and the book starts empty. */
  constructor(path: string) {
    this.#path = path;
    this.#hosts = this.#load();
  }

  list(): readonly StoredHost[] {
    return this.#hosts;
  }

  /** Writes a host down under an id of its own; resolves when it is on disk. */
  async add(host: NewHost): Promise<StoredHost> {
    const stored = { ...host, id: `h-${randomBytes(6).toString('hex')}` };
    await this.#save([...this.#hosts, stored]);
    return stored;
  }

  /** Takes a host out; one that is not there is fine. */
  remove(id: string): Promise<void> {
    return this.#save(this.#hosts.filter((host) => host.id !== id));
  }

  #load(): readonly StoredHost[] {
    if (!existsSync(this.#path)) return [];
    try {
      return fileSchema.parse(JSON.parse(readFileSync(this.#path, 'utf8'))).hosts;
    } catch {
      renameSync(this.#path, `${this.#path}.broken`);
      return [];
    }
  }

  #save(hosts: readonly StoredHost[]): Promise<void> {
    this.#hosts = hosts;
    const writing = this.#written.then(() =>
      writeOwnFile(this.#path, `${JSON.stringify({ version: 1, hosts }, null, 2)}\n`),
    );
    // The next write goes on; this one's caller learns of its failure.
    this.#written = writing.catch(() => undefined);
    return writing;
  }
}
