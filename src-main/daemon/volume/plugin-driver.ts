/** A volume driver behind a plugin: protocol v1 (moby volume/drivers/proxy.go, adapter.go). */
import { z } from 'zod';
import { internal } from '../../../shared/errors.ts';
import type { Plugin } from '../plugin/plugin.ts';
import type { DriverVolume, VolumeDriver } from './volume-driver.ts';

const volumeSchema = z.object({
  Name: z.string(),
  Mountpoint: z.string().nullish(),
  CreatedAt: z.string().nullish(),
  Status: z.record(z.string(), z.unknown()).nullish(),
});
const answerSchema = z.object({ Err: z.string().nullish() });
const mountpointSchema = z.object({ Mountpoint: z.string().nullish() });
const getSchema = z.object({ Volume: volumeSchema.nullish() });
const listSchema = z.object({ Volumes: z.array(volumeSchema).nullish() });
const capabilitiesSchema = z.object({
  Capabilities: z.object({ Scope: z.string().nullish() }).nullish(),
});

/** moby waits two minutes for what may move data, a minute and a half less for questions. */
const QUESTION_MS = 30_000;

export class PluginDriver implements VolumeDriver {
  readonly name: string;
  readonly scope: 'local' | 'global';
  readonly #plugin: Plugin;

  private constructor(plugin: Plugin, scope: 'local' | 'global') {
    this.#plugin = plugin;
    this.name = plugin.name;
    this.scope = scope;
  }

  /** Asks the plugin what it can; one that does not know the question is local. */
  static async open(plugin: Plugin): Promise<PluginDriver> {
    let scope: string | null | undefined;
    try {
      const answer = await plugin.call('VolumeDriver.Capabilities', {}, { timeoutMs: QUESTION_MS });
      scope = capabilitiesSchema.safeParse(answer).data?.Capabilities?.Scope;
    } catch {
      // The call came later than the protocol.
    }
    return new PluginDriver(plugin, scope?.toLowerCase() === 'global' ? 'global' : 'local');
  }

  async #call<T extends z.ZodType>(
    verb: string,
    body: object,
    options: { schema: T; timeoutMs?: number },
  ): Promise<z.output<T>> {
    const { schema, timeoutMs } = options;
    const answer = await this.#plugin.call(
      `VolumeDriver.${verb}`,
      body,
      timeoutMs === undefined ? {} : { timeoutMs },
    );
    const failed = answerSchema.safeParse(answer);
    if (failed.success && failed.data.Err) throw internal(failed.data.Err);
    const parsed = schema.safeParse(answer);
    if (!parsed.success) throw internal(`VolumeDriver.${verb}: the plugin's answer is malformed`);
    return parsed.data;
  }

  async create(name: string, options: Readonly<Record<string, string>>): Promise<void> {
    await this.#call('Create', { Name: name, Opts: options }, { schema: answerSchema });
  }

  async get(name: string): Promise<DriverVolume | undefined> {
    try {
      const { Volume } = await this.#call(
        'Get',
        { Name: name },
        { schema: getSchema, timeoutMs: QUESTION_MS },
      );
      return Volume ? fromWire(Volume) : undefined;
    } catch {
      // The protocol has no word for "there is none".
      return undefined;
    }
  }

  async list(): Promise<readonly DriverVolume[]> {
    const { Volumes } = await this.#call(
      'List',
      {},
      { schema: listSchema, timeoutMs: QUESTION_MS },
    );
    return (Volumes ?? []).map(fromWire);
  }

  async remove(name: string): Promise<void> {
    await this.#call('Remove', { Name: name }, { schema: answerSchema });
  }

  async mount(name: string, id: string): Promise<string> {
    const { Mountpoint } = await this.#call(
      'Mount',
      { Name: name, ID: id },
      { schema: mountpointSchema },
    );
    return Mountpoint || (await this.#path(name));
  }

  async #path(name: string): Promise<string> {
    const { Mountpoint } = await this.#call(
      'Path',
      { Name: name },
      { schema: mountpointSchema, timeoutMs: QUESTION_MS },
    );
    if (!Mountpoint) throw internal(`VolumeDriver.Path: ${name} has no path`);
    return Mountpoint;
  }

  async unmount(name: string, id: string): Promise<void> {
    await this.#call('Unmount', { Name: name, ID: id }, { schema: answerSchema });
  }
}

const fromWire = (volume: z.output<typeof volumeSchema>): DriverVolume => ({
  name: volume.Name,
  mountpoint: volume.Mountpoint ?? '',
  ...(volume.CreatedAt ? { createdAt: volume.CreatedAt } : {}),
  ...(volume.Status ? { status: volume.Status } : {}),
});
