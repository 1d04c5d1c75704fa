/** What the archive worker is asked and answers. Paths in a container are text; names in archives are bytes. */
import type { DirectoryListing } from '../../../shared/engine/windlass-api.ts';
import type { RootMount } from '../platform/inside-root.ts';
import type { ExtractOptions } from './tree-extractor.ts';

/** The root a job works in. */
export interface ArchiveRoot {
  readonly root: string;
  readonly mounts: readonly RootMount[];
}

/** `X-Docker-Container-Path-Stat` (moby ContainerPathStat); `mode` is Go's. */
export interface PathStat {
  readonly name: string;
  readonly size: number;
  readonly mode: number;
  readonly mtime: string;
  readonly linkTarget: string;
}

/** Where nothing may be written. */
export interface WriteRules {
  readonly isRootReadOnly: boolean;
  readonly volumes: readonly { readonly destination: string; readonly isReadOnly: boolean }[];
}

export type ArchiveJob =
  | { readonly kind: 'stat'; readonly path: string }
  /** What a directory holds, up to a bound. */
  | { readonly kind: 'list'; readonly path: string }
  /** Removes a path and all below it, never what is mounted there. */
  | { readonly kind: 'remove'; readonly path: string; readonly rules: WriteRules }
  /** The tar of a path goes into a pipe; its stat is told before. */
  | { readonly kind: 'read'; readonly path: string; readonly pipe: number }
  /** Everything in the root. */
  | { readonly kind: 'export'; readonly pipe: number }
  /** A tar comes through a pipe. */
  | {
      readonly kind: 'write';
      readonly path: string;
      readonly pipe: number;
      readonly rules: WriteRules;
      readonly options: ExtractOptions;
    };

export interface ToArchiveWorker extends ArchiveRoot {
  readonly job: ArchiveJob;
}

export type FromArchiveWorker =
  | { readonly kind: 'stat'; readonly stat: PathStat }
  | { readonly kind: 'listing'; readonly listing: DirectoryListing }
  | { readonly kind: 'done' }
  | {
      readonly kind: 'failed';
      readonly message: string;
      readonly code: string;
      readonly step: FailedStep;
    };

/** What failed: finding the place, reading or writing the archive, or taking off its compression. */
export type FailedStep = 'place' | 'archive' | 'decompression';
