/**
 * A layer under construction: unpacked into files of its own, invisible, without a place in a chain.
 * Dispose removes every trace; `commit` makes it visible and ends that duty.
 */
import { randomBytes } from 'node:crypto';
import type { Readable } from 'node:stream';
import { dataLoss } from '../../../shared/errors.ts';
import type { GraphDriver } from '../graphdriver/graphdriver.ts';
import { failpoint } from '../platform/failpoint.ts';
import type { LayerMetadata, LayerRecord } from './layer-metadata.ts';
import type { DiffId, LayerDiff, RegisterOptions, StagedLayer } from './layer-store.ts';
import type { UnpackResult } from './unpack-messages.ts';
import type { Unpacker, UnpackRequest } from './unpacker.ts';

export const newCacheId = (): string => randomBytes(32).toString('hex');

/** The parts of the store a construction uses. */
export interface ConstructionSite {
  readonly driver: GraphDriver;
  readonly metadata: LayerMetadata;
  readonly unpacker: Unpacker;
}

export class UnpackedLayer implements StagedLayer {
  readonly cacheId = newCacheId();
  readonly #site: ConstructionSite;
  readonly #undo = new AsyncDisposableStack();
  #result: UnpackResult | undefined;

  private constructor(site: ConstructionSite) {
    this.#site = site;
  }

  /** Throws EngineErrors, dataLoss for what is not what `options` promise; nothing is left then. */
  static async unpack(
    site: ConstructionSite,
    source: Readable | LayerDiff,
    below: string | undefined,
    options: RegisterOptions,
  ): Promise<UnpackedLayer> {
    const layer = new UnpackedLayer(site);
    try {
      await layer.#unpack(source, below, options);
      return layer;
    } catch (error) {
      await layer[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #unpack(
    source: Readable | LayerDiff,
    below: string | undefined,
    options: RegisterOptions,
  ): Promise<void> {
    const { driver, metadata, unpacker } = this.#site;
    this.#undo.defer(() => metadata.abandon(this.cacheId));
    this.#undo.defer(() => driver.remove(this.cacheId));
    const directory = await metadata.begin(this.cacheId);
    failpoint('layer: begun');
    await driver.create(this.cacheId, below);
    failpoint('layer: directory made');
    const { release, ...target } = await driver.unpackTarget(this.cacheId);
    const splitPath = metadata.splitPathIn(directory);
    try {
      const result = await unpacker.unpack(
        source,
        unpackRequest({ ...target, splitPath }, options),
      );
      failpoint('layer: unpacked');
      checkResult(result, options);
      this.#result = result;
    } finally {
      await release?.();
    }
  }

  get diffId(): DiffId {
    return this.#result?.diffId ?? '';
  }

  get sizeBytes(): number {
    return this.#result?.sizeBytes ?? 0;
  }

  async commit(record: LayerRecord): Promise<void> {
    await this.#site.metadata.commit(record);
    failpoint('layer: committed');
    this.#undo.move();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#undo.disposeAsync();
  }
}

export function unpackRequest(
  target: UnpackRequest['target'],
  options: RegisterOptions,
): UnpackRequest {
  return {
    target,
    ...(options.signal ? { signal: options.signal } : {}),
    ...(options.onProgress ? { onProgress: options.onProgress } : {}),
  };
}

export function checkResult(result: UnpackResult, expected: RegisterOptions): void {
  const { expectedDigest, expectedSize, expectedDiffId } = expected;
  if (expectedSize !== undefined && result.blobBytes !== expectedSize)
    throw dataLoss(
      `filesystem layer verification failed: ${result.blobBytes} bytes instead of ${expectedSize}`,
    );
  if (expectedDigest !== undefined && result.digest !== expectedDigest)
    throw dataLoss(`filesystem layer verification failed for digest ${expectedDigest}`);
  if (expectedDiffId !== undefined && result.diffId !== expectedDiffId)
    throw dataLoss(`layers from manifest don't match image configuration`);
}
