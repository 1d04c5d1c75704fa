/**
 * Log drivers: where a container's output goes, and how it is read back.
 * Follows moby daemon/logger (Logger, LogReader, Copier).
 */

/** Of a line over 16 KiB, or one whose stream ended without a newline. */
export interface LinePart {
  /** The same for all parts of a line. */
  readonly id: string;
  /** From 1. */
  readonly ordinal: number;
  /** true for the part that has the newline. */
  readonly last: boolean;
}

export interface LogMessage {
  /** The line with its newline when it has one. At most 16 KiB; longer lines come in parts. */
  readonly line: Uint8Array;
  readonly source: 'stdout' | 'stderr';
  /** Nanoseconds since the epoch; parts of a line have that of the first. */
  readonly timeNano: bigint;
  /** undefined for a whole line, and where the driver does not keep it. */
  readonly part?: LinePart;
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface LogReadOptions {
  readonly follow: boolean;
  /** Number of messages from the end, before times are looked at; undefined = all. */
  readonly tail?: number;
  readonly sinceNano?: bigint;
  readonly untilNano?: bigint;
  readonly signal: AbortSignal;
}

export interface ContainerLogger {
  readonly name: string;
  /** Resolves when the message is with the operating system; callers await it (backpressure). */
  write(message: LogMessage): Promise<void>;
  /** undefined for a driver that cannot be read ("configured logging driver does not support reading"). */
  read?: (options: LogReadOptions) => AsyncIterable<LogMessage>;
  close(): Promise<void>;
}

export interface LogContext {
  readonly containerId: string;
  readonly containerName: string;
  /** Program and arguments. */
  readonly command: readonly string[];
  readonly imageName: string;
  /** `sha256:…` */
  readonly imageId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly env: readonly string[];
  /** The container's own; drivers keep their files in it. */
  readonly directory: string;
  readonly options: Readonly<Record<string, string>>;
}

export interface LogDriver {
  readonly name: string;
  /** Throws invalidArgument with moby's words ("unknown log opt 'x' for json-file log driver"). */
  validate(options: Readonly<Record<string, string>>): void;
  open(context: LogContext): Promise<ContainerLogger>;
  /** Reads without writing, for a container that is not running. */
  openReader(context: LogContext): Promise<Required<Pick<ContainerLogger, 'read'>> | undefined>;
}

export interface LogDrivers {
  /** Throws invalidArgument `error looking up logging plugin x: plugin "x" not found`. */
  get(name: string): LogDriver;
}
