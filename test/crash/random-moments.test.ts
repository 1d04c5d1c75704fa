/**
 * Much goes on, the daemon is killed at a moment drawn from a seed, it starts again, and everything must
 * be right; then on with the same roots. `WINDLASS_CRASH_MOMENTS` and `WINDLASS_CRASH_SEED` ask for more.
 */
import { randomUUID } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { removeCgroups } from '../support/cgroups.ts';
import { CrashLoad } from '../support/crash-load.ts';
import { TestDaemon } from '../support/daemon.ts';
import { violations } from '../support/invariant.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';
import { SeededRandom } from '../support/random.ts';
import { startRegistry, type TestRegistry } from '../support/registry.ts';

const MOMENTS = Number(process.env['WINDLASS_CRASH_MOMENTS'] ?? 3);
const SEED = Number(process.env['WINDLASS_CRASH_SEED'] ?? 7);
const WORKERS = 5;
/** The latest moment after the load began. */
const LATEST_MS = 1_200;
/** So many moments with what the ones before have left; then everything is removed. */
const MOMENTS_PER_LIFE = 8;
const GROUP = `windlass-moments-${randomUUID().slice(0, 8)}`;

let daemon: TestDaemon;
let registry: TestRegistry;
let load: CrashLoad;

beforeAll(async () => {
  registry = await startRegistry();
  daemon = await TestDaemon.start([
    '--live-restore',
    ...['--cgroup-parent', `/${GROUP}`],
    ...['--insecure-registry', registry.host],
  ]);
  load = await CrashLoad.open(daemon, registry);
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await removeCgroups(GROUP);
});

async function removeEverything(): Promise<void> {
  const { stdout } = await daemon.docker(['ps', '-aq']);
  const ids = stdout.split('\n').filter(Boolean);
  if (ids.length > 0) await daemon.docker(['rm', '-fv', ...ids], { timeoutMs: 120_000 });
  load.forgetContainers();
}

describe(`killed at ${String(MOMENTS)} moments of seed ${String(SEED)}`, () => {
  it.each(Array.from({ length: MOMENTS }, (_, at) => at))(
    'comes back whole, moment %i',
    async (moment) => {
      const random = new SeededRandom(SEED * 1_000_003 + moment);
      const workers = Array.from(
        { length: WORKERS },
        () => new SeededRandom(random.below(2 ** 31)),
      );
      const working = load.run(workers);
      await delay(random.below(LATEST_MS));
      await daemon.stop('SIGKILL');
      load.stop();
      await working;
      await daemon.launch();
      expect(await load.brokenPromises()).toEqual([]);
      expect(await violations(daemon, GROUP)).toEqual([]);
      if (moment % MOMENTS_PER_LIFE === MOMENTS_PER_LIFE - 1) {
        await removeEverything();
        expect(await violations(daemon, GROUP)).toEqual([]);
      }
    },
  );

  it('leaves nothing when it has ended', async () => {
    await removeEverything();
    expect(await violations(daemon, GROUP)).toEqual([]);
    expect(await daemon.stop()).toBe(0);
    expect(daemon.leaks()).toEqual(NO_LEAKS);
  });
});
