/** Options that every log driver has, and the check of all (moby daemon/logger/factory.go ValidateLogOpts). */
import { errorMessage, invalidArgument } from '../../../shared/errors.ts';
import { parseBoolean, parseBytes } from '../platform/go-values.ts';
import type { LogDriver } from './log-driver.ts';

export type LogOptions = Readonly<Record<string, string>>;

/** Known to no driver: the mode, and the cache dockerd keeps beside drivers that cannot be read. */
const COMMON_OPTIONS = [
  'mode',
  'max-buffer-size',
  'cache-disabled',
  'cache-max-file',
  'cache-max-size',
  'cache-compress',
];

/** moby daemon/logger/ring.go defaultRingMaxSize */
const DEFAULT_BUFFER_BYTES = 1_000_000;

/** Bytes of messages that may wait for the driver; undefined where the container waits instead. */
export function bufferBytes(options: LogOptions): number | undefined {
  if (options['mode'] !== 'non-blocking') return undefined;
  const size = options['max-buffer-size'];
  return size === undefined ? DEFAULT_BUFFER_BYTES : parseBytes(size);
}

function checkMode(options: LogOptions): void {
  const mode = options['mode'] ?? '';
  if (!['', 'blocking', 'non-blocking'].includes(mode))
    throw invalidArgument(`logger: logging mode not supported: ${mode}`);
  const size = options['max-buffer-size'];
  if (size === undefined) return;
  if (mode !== 'non-blocking')
    throw invalidArgument(
      "logger: max-buffer-size option is only supported with 'mode=non-blocking'",
    );
  try {
    parseBytes(size);
  } catch (error) {
    throw invalidArgument(`error parsing option max-buffer-size: ${errorMessage(error)}`);
  }
}

function checkCache({ 'cache-disabled': disabled = '' }: LogOptions): void {
  if (disabled === '') return;
  try {
    parseBoolean(disabled);
  } catch {
    throw invalidArgument(`invalid value for option cache-disabled: ${disabled}`);
  }
}

/** Throws invalidArgument for an unknown mode or option; values are looked at when the log is opened. */
export function checkLogOptions(driver: LogDriver, options: LogOptions): void {
  if (driver.name === 'none') return;
  checkMode(options);
  checkCache(options);
  driver.validate(
    Object.fromEntries(Object.entries(options).filter(([name]) => !COMMON_OPTIONS.includes(name))),
  );
}
