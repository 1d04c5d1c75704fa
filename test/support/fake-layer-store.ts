/**
 * A layer store in memory, for tests of the rooms above it: the same references, verification and
 * errors, but no file system. Sizes are those of the tars.
 */
import { createHash } from 'node:crypto';
import { Readable } from 'node:stream';
import { gunzipSync, zstdDecompressSync } from 'node:zlib';
import { dataLoss, notImplemented } from '../../shared/errors.ts';
import type {
  ChainId,
  Layer,
  LayerStore,
  RegisterOptions,
  StagedLayer,
} from '../../src-main/daemon/layer/layer-store.ts';

interface Row {
  readonly layer: Layer;
  readonly tar: Buffer;
  readonly holders: Map<string, number>;
}

const sha256 = (bytes: Uint8Array | string): string =>
  `sha256:${createHash('sha256').update(bytes).digest('hex')}`;

function unpacked(blob: Buffer): Buffer {
  const magic = blob.toString('hex', 0, 4);
  if (magic.startsWith('1f8b')) return gunzipSync(blob);
  return magic === '28b52ffd' ? zstdDecompressSync(blob) : blob;
}

export interface FakeLayerStore extends LayerStore {
  /** `chainId` → holders, for tests that look for leaks. */
  holders(): Readonly<Record<ChainId, readonly string[]>>;
  /** How often a layer was unpacked. */
  registrations(): number;
  /** Staged layers nobody has disposed. */
  staged(): number;
}

export function createFakeLayerStore(): FakeLayerStore {
  const rows = new Map<ChainId, Row>();
  let registrations = 0;
  let staged = 0;
  const hold = (row: Row, holder: string): Layer => {
    row.holders.set(holder, (row.holders.get(holder) ?? 0) + 1);
    return row.layer;
  };
  const collect = (chainId: ChainId): Layer[] => {
    const row = rows.get(chainId);
    const isNeeded =
      !row || row.holders.size > 0 || [...rows.values()].some((r) => r.layer.parent === chainId);
    if (isNeeded) return [];
    rows.delete(chainId);
    return [row.layer, ...(row.layer.parent ? collect(row.layer.parent) : [])];
  };
  const stage = async (
    blob: Readable,
    options: RegisterOptions = {},
  ): Promise<StagedLayer & { readonly tar: Buffer }> => {
    const chunks: Buffer[] = [];
    let size = 0;
    options.signal?.throwIfAborted();
    const stop = (): void => void blob.destroy(options.signal?.reason as Error);
    options.signal?.addEventListener('abort', stop);
    try {
      for await (const chunk of blob as AsyncIterable<Buffer>) {
        chunks.push(chunk);
        size += chunk.length;
        options.onProgress?.(size);
      }
    } finally {
      options.signal?.removeEventListener('abort', stop);
    }
    const bytes = Buffer.concat(chunks);
    if (options.expectedDigest && sha256(bytes) !== options.expectedDigest) {
      throw dataLoss('digest mismatch');
    }
    registrations++;
    const tar = unpacked(bytes);
    if (tar.length < 1024 || tar.toString('latin1', 257, 262) !== 'ustar') {
      throw dataLoss('archive/tar: invalid tar header');
    }
    staged++;
    return { tar, diffId: sha256(tar), [Symbol.asyncDispose]: async () => void staged-- };
  };
  const place = async (
    layer: StagedLayer,
    parent: ChainId | undefined,
    holder: string,
  ): Promise<Layer> => {
    const { diffId } = layer;
    const tar = 'tar' in layer ? (layer.tar as Buffer) : refuse();
    const chainId = parent === undefined ? diffId : sha256(`${parent} ${diffId}`);
    const below = parent === undefined ? 0 : (rows.get(parent)?.layer.size ?? 0);
    const row = rows.get(chainId) ?? {
      layer: { chainId, diffId, parent, diffSize: tar.length, size: tar.length + below },
      tar,
      holders: new Map<string, number>(),
    };
    rows.set(chainId, row);
    return hold(row, holder);
  };
  const refuse = (): never => {
    throw notImplemented('not in the fake');
  };
  return {
    driverName: 'fake',
    driverStatus: () => [],
    get: (chainId) => rows.get(chainId)?.layer,
    metadata: async (chainId) => ({ MergedDir: `/fake/${chainId}` }),
    list: () => [...rows.values()].map(({ layer }) => layer),
    canStage: true,
    stage,
    place,
    register: async (source, parent, holder, options) => {
      await using layer = await stage(source instanceof Readable ? source : refuse(), options);
      return await place(layer, parent, holder);
    },
    acquire: (chainId, holder) => {
      const row = rows.get(chainId);
      return row && hold(row, holder);
    },
    release: async (chainId, holder) => {
      const row = rows.get(chainId);
      const count = (row?.holders.get(holder) ?? 0) - 1;
      if (count > 0) row?.holders.set(holder, count);
      else row?.holders.delete(holder);
      return collect(chainId);
    },
    tarStream: async (chainId) =>
      Readable.from([rows.get(chainId)?.tar ?? refuse()], { objectMode: false }),
    createReadWrite: refuse,
    getReadWrite: () => undefined,
    listReadWrite: () => [],
    releaseReadWrite: refuse,
    cleanup: async () => undefined,
    holders: () =>
      Object.fromEntries([...rows].map(([id, { holders }]) => [id, [...holders.keys()]])),
    registrations: () => registrations,
    staged: () => staged,
  };
}
