/**
 * The one error model, from a syscall in the daemon to a sentence in the window.
 *
 * Codes are classes of meaning; each has exactly one HTTP status (moby errdefs and
 * api/server/httpstatus). Messages that Docker clients match on are Docker's own.
 */

/** Every class of failure, with the HTTP status the API server answers for it. */
export const ERROR_STATUS = {
  invalidArgument: 400,
  unauthorized: 401,
  forbidden: 403,
  notFound: 404,
  methodNotAllowed: 405,
  conflict: 409,
  internal: 500,
  cancelled: 500,
  deadlineExceeded: 500,
  dataLoss: 500,
  notImplemented: 501,
  unavailable: 503,
} as const;

export type ErrorCode = keyof typeof ERROR_STATUS;

export interface EngineErrorOptions {
  readonly cause?: unknown;
  /** Machine-readable facts for the window: what, where, what to do. Never secrets. */
  readonly details?: Readonly<Record<string, string>>;
  /** Only where Docker answers another status than the class's own. */
  readonly status?: number;
}

/** The only error class that crosses a room's door. `message` is what a client sees. */
export class EngineError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly details: Readonly<Record<string, string>>;

  constructor(code: ErrorCode, message: string, options: EngineErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.name = 'EngineError';
    this.code = code;
    this.status = options.status ?? ERROR_STATUS[code];
    this.details = options.details ?? {};
  }
}

type Make = (message: string, options?: EngineErrorOptions) => EngineError;
const maker =
  (code: ErrorCode): Make =>
  (message, options) =>
    new EngineError(code, message, options);

export const invalidArgument = maker('invalidArgument');
export const forbidden = maker('forbidden');
export const notFound = maker('notFound');
export const conflict = maker('conflict');
export const internal = maker('internal');
export const cancelled = maker('cancelled');
export const dataLoss = maker('dataLoss');
export const notImplemented = maker('notImplemented');
export const unavailable = maker('unavailable');

/** True for an EngineError, of the given class when one is named. */
export function isEngineError(error: unknown, code?: ErrorCode): error is EngineError {
  return error instanceof EngineError && (code === undefined || error.code === code);
}

/** Node's words for a disk that takes no more: `ENOSPC: no space left on device, mkdir '/x'`. */
const DISK_FAILURE = /^(?:ENOSPC|EDQUOT|EROFS): ([^,]+), (\w+)(?: '([^']*)')?.*$/;

/** The text of anything thrown; of a full disk as Docker has it: `mkdir /x: no space left on device`. */
export function errorMessage(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.message.replace(DISK_FAILURE, (_all, why: string, call: string, path?: string) =>
    path === undefined ? `${call}: ${why}` : `${call} ${path}: ${why}`,
  );
}

/** Makes an EngineError of anything thrown; what nobody classified is `internal`, a bug of ours. */
export function toEngineError(error: unknown): EngineError {
  return error instanceof EngineError
    ? error
    : new EngineError('internal', errorMessage(error), { cause: error });
}

/** The code for an HTTP status received from any engine; unknown ones are `internal`. */
export function codeForStatus(status: number): ErrorCode {
  const entries = Object.entries(ERROR_STATUS) as [ErrorCode, number][];
  return entries.find(([, known]) => known === status)?.[0] ?? 'internal';
}
