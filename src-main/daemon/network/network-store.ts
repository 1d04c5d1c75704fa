/** Networks on disk: one JSON file each, so that one broken file costs one network. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { errorMessage } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { writeFileAtomic } from '../platform/atomic-file.ts';

export type NetworkDriverName = 'bridge' | 'host' | 'null';

/** A network as it is kept. */
export interface NetworkRecord {
  readonly id: string;
  readonly name: string;
  readonly created: string;
  readonly driver: NetworkDriverName;
  readonly internal: boolean;
  readonly attachable: boolean;
  readonly enableIPv6: boolean;
  readonly options: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
  /** Bridge networks only. */
  readonly bridge?: string;
  readonly subnet?: string;
  readonly gateway?: string;
  readonly ipRange?: string;
  readonly auxAddresses?: Readonly<Record<string, string>>;
  readonly ipamOptions?: Readonly<Record<string, string>>;
  /** We made the bridge, so we remove it. */
  readonly ownsBridge?: boolean;
}

export const newNetworkId = (): string => randomBytes(32).toString('hex');

export class NetworkStore {
  readonly #directory: string;
  readonly #log: Log;

  private constructor(directory: string, log: Log) {
    this.#directory = directory;
    this.#log = log;
  }

  static async open(dataRoot: string, log: Log): Promise<NetworkStore> {
    const directory = join(dataRoot, 'network', 'files');
    await mkdir(directory, { recursive: true, mode: 0o750 });
    return new NetworkStore(directory, log);
  }

  async save(record: NetworkRecord): Promise<void> {
    await writeFileAtomic(join(this.#directory, `${record.id}.json`), JSON.stringify(record), {
      mode: 0o600,
    });
  }

  async remove(id: string): Promise<void> {
    await rm(join(this.#directory, `${id}.json`), { force: true });
  }

  async load(): Promise<readonly NetworkRecord[]> {
    const records: NetworkRecord[] = [];
    for (const file of await readdir(this.#directory)) {
      if (!file.endsWith('.json')) continue;
      const path = join(this.#directory, file);
      try {
        const record = JSON.parse(await readFile(path, 'utf8')) as NetworkRecord;
        if (typeof record.id !== 'string' || typeof record.name !== 'string')
          throw new Error('not a network');
        records.push(record);
      } catch (error) {
        await rename(path, `${path}.broken-${Date.now()}`);
        this.#log.error('network file cannot be read and was set aside', {
          path,
          error: errorMessage(error),
        });
      }
    }
    return records;
  }
}
