/**
 * The glass box: records the steps of create, start and stop as spans, nested by call, for
 * `GET /windlass/containers/{id}/launch`, and writes each to the debug log.
 */
import { AsyncLocalStorage } from 'node:async_hooks';
import type { LaunchRecord, LaunchSpan } from '../../../shared/engine/windlass-api.ts';
import { errorMessage } from '../../../shared/errors.ts';

const now = (): number => performance.timeOrigin + performance.now();

/** How deep the running step is nested; steps side by side do not count each other. */
const nesting = new AsyncLocalStorage<number>();

export class LaunchRecorder {
  readonly #operation: LaunchRecord['operation'];
  readonly #startMs = now();
  readonly #spans: LaunchSpan[] = [];
  readonly #onSpan: (span: LaunchSpan) => void;

  constructor(operation: LaunchRecord['operation'], onSpan: (span: LaunchSpan) => void) {
    this.#operation = operation;
    this.#onSpan = onSpan;
  }

  /** Runs a step and records it; a failing step is recorded with its error and rethrown. */
  readonly span = async <T>(name: string, work: () => Promise<T>, detail?: string): Promise<T> => {
    const startMs = now();
    const depth = nesting.getStore() ?? 0;
    let error: string | undefined;
    try {
      return await nesting.run(depth + 1, work);
    } catch (thrown) {
      error = errorMessage(thrown);
      throw thrown;
    } finally {
      const span: LaunchSpan = {
        name,
        startMs,
        durationMs: now() - startMs,
        depth,
        ...(detail === undefined ? {} : { detail }),
        ...(error === undefined ? {} : { error }),
      };
      this.#spans.push(span);
      this.#onSpan(span);
    }
  };

  /** The finished record, spans in order of their start. */
  record(error?: unknown): LaunchRecord {
    return {
      operation: this.#operation,
      startMs: this.#startMs,
      durationMs: now() - this.#startMs,
      ...(error === undefined ? {} : { error: errorMessage(error) }),
      spans: this.#spans.toSorted((a, b) => a.startMs - b.startMs),
    };
  }
}
