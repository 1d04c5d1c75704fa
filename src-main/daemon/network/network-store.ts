/** Networks on disk: one JSON file each, so that one broken file costs one network. */
import { randomBytes } from 'node:crypto';
import { mkdir, readdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { errorMessage } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { setAside, sweepTemporaryFiles, writeFileAtomic } from '../platform/atomic-file.ts';
import { parseCidr, parseIp } from './ip-address.ts';

const strings = z.record(z.string(), z.string());

/** One subnet as it was asked for, with the API's names. */
const ipamConfigSchema = z.object({
  Subnet: z.string().optional(),
  IPRange: z.string().optional(),
  Gateway: z.string().optional(),
  AuxiliaryAddresses: strings.optional(),
});

/** Text the parser takes; a file with anything else is broken. */
const parsedBy = (parse: (text: string) => unknown): z.ZodString =>
  z.string().refine((text) => {
    try {
      parse(text);
      return true;
    } catch {
      // The answer is no.
      return false;
    }
  });

/** One subnet as it is used. */
const subnetSchema = z.object({
  subnet: parsedBy(parseCidr),
  gateway: parsedBy(parseIp),
  range: parsedBy(parseCidr).optional(),
  auxiliary: z.record(z.string(), parsedBy(parseIp)).optional(),
});

const recordSchema = z.object({
  id: z.string().regex(/^[0-9a-f]{64}$/),
  name: z.string().min(1),
  created: z.string(),
  driver: z.string(),
  internal: z.boolean(),
  attachable: z.boolean(),
  enableIPv6: z.boolean(),
  options: strings,
  labels: strings,
  ipam: z.object({
    driver: z.string(),
    options: strings.nullable(),
    config: z.array(ipamConfigSchema),
    v4: subnetSchema.optional(),
    v6: subnetSchema.optional(),
    /** Further subnets of either family, where the driver takes several. */
    more: z.array(subnetSchema).optional(),
  }),
  /** Bridge networks only. `isOurs`: we made it, so we remove it. */
  bridge: z.object({ name: z.string().min(1), isOurs: z.boolean() }).optional(),
  /** macvlan and ipvlan only: the link below. `isOurs`: we made it, so we remove it. */
  parent: z.object({ name: z.string().min(1), isOurs: z.boolean() }).optional(),
  /** Only a set of options that other networks are made from. */
  configOnly: z.boolean().optional(),
  /** Name of the network whose options it has. */
  configFrom: z.string().optional(),
});

export type IpamConfig = z.infer<typeof ipamConfigSchema>;
export type SubnetRecord = z.infer<typeof subnetSchema>;
/** A network as it is kept. */
export type NetworkRecord = Readonly<z.infer<typeof recordSchema>>;

export const newNetworkId = (): string => randomBytes(32).toString('hex');

/** Now, as the API writes times. */
export const creationTime = (): string => new Date().toISOString().replace('Z', '000000Z');

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

  #pathOf(id: string): string {
    return join(this.#directory, `${id}.json`);
  }

  async save(record: NetworkRecord): Promise<void> {
    await writeFileAtomic(this.#pathOf(record.id), JSON.stringify(record));
  }

  async remove(id: string): Promise<void> {
    await rm(this.#pathOf(id), { force: true });
  }

  /** All that can be read, oldest first; what cannot is set aside and logged. */
  async load(): Promise<readonly NetworkRecord[]> {
    const records: NetworkRecord[] = [];
    await sweepTemporaryFiles(this.#directory);
    for (const file of await readdir(this.#directory)) {
      if (!file.endsWith('.json')) continue;
      const path = join(this.#directory, file);
      try {
        records.push(recordSchema.parse(JSON.parse(await readFile(path, 'utf8'))));
      } catch (error) {
        const movedTo = await setAside(path);
        this.#log.error('network file cannot be read and was set aside', {
          path,
          movedTo,
          error: errorMessage(error),
        });
      }
    }
    return records.sort((a, b) => a.created.localeCompare(b.created));
  }
}
