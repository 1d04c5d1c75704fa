/** What Windlass adds to the Engine API, under `/windlass/…`. Described in windlass-api.yaml. */

/** A step of a launch. Times are milliseconds since the epoch, fractional. */
export interface LaunchSpan {
  readonly name: string;
  readonly startMs: number;
  readonly durationMs: number;
  /** 0 = a step of its own; 1 = part of the step before it, and so on. */
  readonly depth: number;
  readonly detail?: string;
  readonly error?: string;
}

export interface LaunchRecord {
  readonly operation: 'create' | 'start' | 'stop';
  readonly startMs: number;
  readonly durationMs: number;
  readonly error?: string;
  readonly spans: readonly LaunchSpan[];
}

/** Answer of `GET /windlass/containers/{id}/launch`. */
export interface LaunchReport {
  readonly records: readonly LaunchRecord[];
  /** The OCI spec as it was run; null before the first start. */
  readonly spec: object | null;
  readonly mounts: readonly object[];
  readonly networkFiles: {
    readonly hosts: string;
    readonly hostname: string;
    readonly resolvConf: string;
  };
}

/** What stands in a directory of a container. */
export interface DirectoryEntry {
  readonly name: string;
  readonly size: number;
  /** st_mode, the kind of file included. */
  readonly mode: number;
  readonly uid: number;
  readonly gid: number;
  readonly modifiedMs: number;
  /** True also for a link to a directory. */
  readonly isDirectory: boolean;
  /** As it is written; only links have it. */
  readonly linkTarget?: string;
}

/** Answer of `GET /windlass/containers/{id}/files`. */
export interface DirectoryListing {
  /** By name; the first of them when there are too many. */
  readonly entries: readonly DirectoryEntry[];
  readonly total: number;
}
