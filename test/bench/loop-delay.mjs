/** Loaded into the measured daemon: on SIGUSR2 it writes how late its event loop was since the last one, p99 in ms. */
import { writeFileSync } from 'node:fs';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { env } from 'node:process';

const RESOLUTION_MS = 10;
const delays = monitorEventLoopDelay({ resolution: RESOLUTION_MS });
delays.enable();
process.on('SIGUSR2', () => {
  // What it counts is from timer to timer, the timer's own time included.
  const lateMs = Math.max(delays.percentile(99) / 1e6 - RESOLUTION_MS, 0);
  writeFileSync(env.LOOP_DELAY_FILE ?? '/dev/null', lateMs.toFixed(1));
  delays.reset();
});
