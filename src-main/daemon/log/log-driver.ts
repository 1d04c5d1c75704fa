/**
 * Log drivers: where a container's output goes, and how it is read back.
 * Follows moby daemon/logger (Logger, LogReader, Copier).
 */

export interface LogMessage {
  /** The line with its newline when it has one. At most 16 KiB; longer lines come in parts. */
  readonly line: Uint8Array;
  readonly source: 'stdout' | 'stderr';
  /** Nanoseconds since the epoch. */
  readonly timeNano: bigint;
  /** true for a part of a longer line that is not its last (its text has no newline). */
  readonly partial: boolean;
  readonly attributes?: Readonly<Record<string, string>>;
}

export interface LogReadOptions {
  readonly follow: boolean;
  /** Number of lines from the end; undefined = all. */
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
  readonly imageName: string;
  /** `sha256:…` */
  readonly imageId: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly env: readonly string[];
  /** Full path of the driver's file; json-file: `<root>/containers/<id>/<id>-json.log`. */
  readonly logPath: string;
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
  /** Throws invalidArgument `logger: no log driver named 'x' is registered`. */
  get(name: string): LogDriver;
}
