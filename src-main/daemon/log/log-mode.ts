/** Options that every log driver has (moby daemon/logger/factory.go ValidateLogOpts). */
import { invalidArgument } from '../../../shared/errors.ts';
import { parseByteSize } from './byte-size.ts';

/** Throws when the mode is unknown, or a buffer is given to a mode without one. */
export function checkLogMode(options: Readonly<Record<string, string>>): void {
  const mode = options['mode'] ?? '';
  if (!['', 'blocking', 'non-blocking'].includes(mode))
    throw invalidArgument(`logger: logging mode not supported: ${mode}`);
  const size = options['max-buffer-size'];
  if (size === undefined) return;
  if (mode !== 'non-blocking')
    throw invalidArgument(
      "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
    );
  if (parseByteSize(size) === undefined)
    throw invalidArgument(`error parsing option max-buffer-size: invalid size: '${size}'`);
}
