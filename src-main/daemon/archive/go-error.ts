/** Failures of file operations in the words of Go's `os` package, which Docker's clients see. */
import { textOfPath } from '../platform/byte-path.ts';
import { errnoText } from '../platform/errno-text.ts';

/** A failed operation on a path: `lstat /x: no such file or directory`. */
export class PathError extends Error {
  readonly code: string;

  constructor(operation: string, path: string, code: string) {
    super(`${operation} ${textOfPath(path)}: ${errnoText(code)}`);
    this.name = 'PathError';
    this.code = code;
  }
}

/** Runs `work`; an errno it fails with becomes a {@link PathError} of the operation and byte path. */
export function asPathError<T>(operation: string, path: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Error && 'code' in error && typeof error.code === 'string')
      throw new PathError(operation, path, error.code);
    throw error;
  }
}
