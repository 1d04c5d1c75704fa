/** What the layer store and its unpack workers say to each other. */
import type { ChangedTree } from './layer-store.ts';
import type { WhiteoutStyle } from './tar-extractor.ts';

export interface UnpackTarget {
  readonly directory: string;
  readonly whiteouts: WhiteoutStyle;
  /** Where the tar-split data goes. */
  readonly splitPath: string;
}

export type ToUnpacker =
  /** No target: only read and verify. No tree: the bytes come as chunks. */
  | {
      readonly kind: 'start';
      readonly job: number;
      readonly target: UnpackTarget | undefined;
      readonly tree: ChangedTree | undefined;
    }
  | { readonly kind: 'chunk'; readonly job: number; readonly bytes: Uint8Array<ArrayBuffer> }
  | { readonly kind: 'end'; readonly job: number }
  | { readonly kind: 'abort'; readonly job: number };

export interface UnpackResult {
  /** `sha256:…` of the bytes as they came. */
  readonly digest: string;
  readonly blobBytes: number;
  /** `sha256:…` of the uncompressed tar. */
  readonly diffId: string;
  /** Bytes of the regular files. */
  readonly sizeBytes: number;
}

export type FromUnpacker =
  /** A chunk was consumed; the store may send another. */
  | { readonly kind: 'consumed'; readonly job: number; readonly bytes: number }
  | { readonly kind: 'done'; readonly job: number; readonly result: UnpackResult }
  | {
      readonly kind: 'failed';
      readonly job: number;
      readonly name: string;
      readonly message: string;
    };
