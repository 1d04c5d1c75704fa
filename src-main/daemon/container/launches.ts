/** Keeps the last launch records of a container for the glass box. */
import type { LaunchRecord, LaunchSpan } from '../../../shared/engine/windlass-api.ts';
import type { Log } from '../log/log.ts';
import type { Container } from './container.ts';

/** Enough for create and the last few starts and stops; they live in the state file. */
const KEPT_RECORDS = 8;

export function keepLaunch(container: Container, record: LaunchRecord): void {
  container.progress.launches = [...container.progress.launches, record].slice(-KEPT_RECORDS);
}

/** Writes each finished span to the debug log. */
export function logSpan(log: Log, containerId: string): (span: LaunchSpan) => void {
  return (span) => {
    if (!log.isDebug()) return;
    log.debug(span.name, {
      container: containerId.slice(0, 12),
      ms: Number(span.durationMs.toFixed(2)),
      detail: span.detail,
      error: span.error,
    });
  };
}
