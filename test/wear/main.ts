/**
 * A long life compressed: 2,000 containers created, started, stopped and removed, and 10,000 execs; what the daemon
 * weighs and holds is printed as it goes. Needs root. `npm run wear [-- --cycles N --execs N]`.
 */
import { parseArgs } from 'node:util';
import { TestDaemon } from '../support/daemon.ts';
import {
  cycleContainer,
  execOnce,
  holdingsOf,
  startSleeper,
  times,
  weightOf,
} from '../support/wear.ts';

const { values } = parseArgs({
  options: {
    cycles: { type: 'string', default: '2000' },
    execs: { type: 'string', default: '10000' },
  },
});
const WIDTH = 3;
/** Lines a phase. */
const STEPS = 10;

const columns = (cells: readonly (string | number)[]): void =>
  void process.stdout.write(`${cells.map((cell) => String(cell).padEnd(11)).join('')}\n`);

function tell(daemon: TestDaemon, phase: string, done: number): void {
  const { rssMb, threads } = weightOf(daemon);
  columns([phase, done, rssMb, threads, ...Object.values(holdingsOf(daemon))]);
}

async function wear(
  daemon: TestDaemon,
  phase: { readonly name: string; readonly count: number },
  work: () => Promise<unknown>,
): Promise<void> {
  const step = Math.ceil(phase.count / STEPS);
  tell(daemon, phase.name, 0);
  for (let done = step; done <= phase.count; done += step) {
    await times(step, WIDTH, work);
    tell(daemon, phase.name, done);
  }
}

await using daemon = await TestDaemon.start(['--log-level', 'warn']);
columns([
  '',
  'done',
  'rss MB',
  'threads',
  ...Object.keys(holdingsOf(daemon)).map((key) => key.slice(0, 10)),
]);
await wear(daemon, { name: 'cycles', count: Number(values.cycles) }, () => cycleContainer(daemon));
const sleeper = await startSleeper(daemon);
await wear(daemon, { name: 'execs', count: Number(values.execs) }, () => execOnce(daemon, sleeper));
