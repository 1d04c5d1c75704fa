/** Transfers that broke are tried again, later each time (moby distribution/xfer). */
import { setTimeout as delay } from 'node:timers/promises';
import { errorMessage } from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { hasErrno } from '../platform/libc.ts';
import { RegistryError } from './registry-error.ts';
import { TransportError } from './transport-error.ts';

export interface RetryOptions {
  /** `Download`, `Upload`: for the log. */
  readonly what: string;
  /** Further attempts after the first. */
  readonly maxRetries: number;
  /** One "second" of the countdown between attempts. */
  readonly retryUnitMs: number;
  readonly signal: AbortSignal;
  readonly log: Log;
  /** `Retrying in 5 seconds` */
  readonly onRetry: (line: string) => void;
}

function isFinal(error: unknown): boolean {
  const isAnswered = error instanceof RegistryError || error instanceof TransportError;
  return (isAnswered && error.isFinal) || hasErrno(error, 'ENOSPC');
}

/** Runs work until it succeeds. Throws the last attempt's error, or the signal's reason. */
export async function retrying<T>(work: () => Promise<T>, options: RetryOptions): Promise<T> {
  const { what, maxRetries, log, signal } = options;
  for (let retries = 1; ; retries++) {
    try {
      return await work();
    } catch (error) {
      signal.throwIfAborted();
      if (isFinal(error) || retries > maxRetries) {
        log.error(`${what} failed after ${retries} attempts: ${errorMessage(error)}`);
        throw error;
      }
      log.info(`${what} failed, retrying (${retries}/${maxRetries}): ${errorMessage(error)}`);
    }
    for (let left = retries * 5; left > 0; left--) {
      options.onRetry(`Retrying in ${left} second${left === 1 ? '' : 's'}`);
      await delay(options.retryUnitMs, undefined, { signal });
    }
  }
}
