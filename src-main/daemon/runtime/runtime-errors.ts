/**
 * Translates what containerd and the runtime say of a process that could not be started: Docker's
 * message, status and exit code (moby daemon/errors.go translateContainerdStartErr).
 */
import {
  cancelled,
  EngineError,
  internal,
  invalidArgument,
  notFound,
} from '../../../shared/errors.ts';
import { ContainerdError } from './containerd-client.ts';

const NOT_FOUND_WORDS = [
  'executable file not found',
  'no such file or directory',
  'system cannot find the file specified',
  'failed to run runc create/exec call',
];

/** The text with the class of the error at its end, as containerd's Go client has it. */
function messageOf(error: ContainerdError): string {
  const suffix = error.isNotFound
    ? ': not found'
    : error.isUnavailable
      ? ': unavailable'
      : ': unknown';
  return error.message.endsWith(suffix) ? error.message : `${error.message}${suffix}`;
}

/** The EngineError for a failed create, start or exec. `details.exitCode` is 126, 127 or 128. */
export function startFailure(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  if (!(error instanceof ContainerdError)) return internal(String(error), { cause: error });
  const message = messageOf(error);
  const text = message.toLowerCase();
  const withExit = (exitCode: number): { cause: unknown; details: { exitCode: string } } => ({
    cause: error,
    details: { exitCode: String(exitCode) },
  });
  // The later of these rules wins where several apply.
  if (text.includes('not a directory'))
    return invalidArgument(
      `${message}: Are you trying to mount a directory onto a file (or vice-versa)? Check if the specified host path exists and is the expected type`,
      withExit(127),
    );
  if (text.includes('permission denied')) return invalidArgument(message, withExit(126));
  if (NOT_FOUND_WORDS.some((words) => text.includes(words)))
    return invalidArgument(message, withExit(127));
  return internal(message, withExit(128));
}

/** For every other call: gone is notFound, closed by us cancelled, the rest internal with containerd's text. */
export function runtimeFailure(error: unknown): EngineError {
  if (error instanceof EngineError) return error;
  if (!(error instanceof ContainerdError)) return internal(String(error), { cause: error });
  if (error.isClosed) return cancelled(error.message, { cause: error });
  const isGone =
    error.isNotFound || /process already finished|no such process/i.test(error.message);
  return isGone
    ? notFound(error.message, { cause: error })
    : internal(messageOf(error), { cause: error });
}
