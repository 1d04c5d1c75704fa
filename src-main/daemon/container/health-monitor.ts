/**
 * Health checks: probes on a timer, the last results, healthy and unhealthy with their event.
 * Follows moby daemon/health.go.
 */
import type { Container, HealthWatch } from './container.ts';
import type { HealthProbe } from './health-probe.ts';

const SECOND_NS = 1e9;
const DEFAULT_INTERVAL_NS = 30 * SECOND_NS;
const DEFAULT_TIMEOUT_NS = 30 * SECOND_NS;
const DEFAULT_RETRIES = 3;
const KEPT_RESULTS = 5;

export type HealthStatus = 'starting' | 'healthy' | 'unhealthy';

export interface HealthResult {
  readonly Start: string;
  readonly End: string;
  readonly ExitCode: number;
  readonly Output: string;
}

/** What the image or user asked for; undefined when there is no check (`NONE`, or none given). */
export function healthCommandOf(container: Container): readonly string[] | undefined {
  const test = container.record.config.Healthcheck?.Test ?? [];
  const [kind, ...rest] = test;
  switch (kind) {
    case 'CMD':
      return rest;
    case 'CMD-SHELL': {
      const shell = container.record.config.Shell;
      return [...(shell && shell.length > 0 ? shell : ['/bin/sh', '-c']), ...rest];
    }
    case undefined:
    default:
      return undefined;
  }
}

export class HealthMonitor implements HealthWatch {
  #status: HealthStatus = 'starting';
  #failingStreak = 0;
  #results: readonly HealthResult[] = [];
  #timer: NodeJS.Timeout | undefined;
  #isStopped = false;
  readonly #startedMs = Date.now();
  readonly #settings: NonNullable<Container['record']['config']['Healthcheck']>;
  readonly #probe: HealthProbe;
  readonly #onChange: (status: HealthStatus) => void;

  constructor(container: Container, probe: HealthProbe, onChange: (status: HealthStatus) => void) {
    this.#settings = container.record.config.Healthcheck ?? {};
    this.#probe = probe;
    this.#onChange = onChange;
    this.#schedule();
  }

  status(): HealthStatus {
    return this.#status;
  }

  /** `State.Health` of inspect. */
  report(): { Status: HealthStatus; FailingStreak: number; Log: readonly HealthResult[] } {
    return { Status: this.#status, FailingStreak: this.#failingStreak, Log: this.#results };
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
  }

  #schedule(): void {
    if (this.#isStopped) return;
    const intervalMs = (this.#settings.Interval || DEFAULT_INTERVAL_NS) / 1e6;
    this.#timer = setTimeout(() => void this.#run(), intervalMs);
  }

  /** One probe; it never rejects, a probe that cannot run is a failed one. */
  async #run(): Promise<void> {
    const timeoutMs = (this.#settings.Timeout || DEFAULT_TIMEOUT_NS) / 1e6;
    const start = new Date().toISOString();
    const outcome = await this.#probe(timeoutMs);
    if (this.#isStopped) return;
    this.#record({ Start: start, End: new Date().toISOString(), ...outcome });
    this.#schedule();
  }

  #record(result: HealthResult): void {
    this.#results = [...this.#results, result].slice(-KEPT_RESULTS);
    const previous = this.#status;
    if (result.ExitCode === 0) {
      this.#failingStreak = 0;
      this.#status = 'healthy';
    } else if (!this.#isInStartPeriod()) {
      this.#failingStreak++;
      if (this.#failingStreak >= (this.#settings.Retries || DEFAULT_RETRIES))
        this.#status = 'unhealthy';
    }
    if (this.#status !== previous) this.#onChange(this.#status);
  }

  /** Failures do not count yet; a success ends the period. */
  #isInStartPeriod(): boolean {
    const periodMs = (this.#settings.StartPeriod ?? 0) / 1e6;
    return this.#status === 'starting' && Date.now() - this.#startedMs < periodMs;
  }
}
