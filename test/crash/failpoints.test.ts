/**
 * For each named step: the operation dies there, the daemon starts again on the same roots, everything is
 * right, and the operation can be done again. One daemon after the other: the one that comes back from a
 * death already carries the next. Some of the steps, drawn by `WINDLASS_CRASH_SEED`;
 * `WINDLASS_CRASH_STEPS=1000` asks for all.
 */
import { randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { FAILPOINTS } from '../../src-main/daemon/platform/failpoint.ts';
import { removeCgroups } from '../support/cgroups.ts';
import { bears, type CrashRow, crashRows, drawRows } from '../support/crash-rows.ts';
import { clearScene, prepareScene, type Scene } from '../support/crash-steps.ts';
import { TestDaemon } from '../support/daemon.ts';
import { dockerArchive, layeredImage } from '../support/fixture-images.ts';
import { violations } from '../support/invariant.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';
import { pushImage } from '../support/push-image.ts';
import { freePort, startRegistry, type TestRegistry } from '../support/registry.ts';

const GROUP = `windlass-failpoints-${randomUUID().slice(0, 8)}`;
const DEATH_LIMIT_MS = 30_000;
const ROWS = drawRows(crashRows(FAILPOINTS), {
  count: Number(process.env['WINDLASS_CRASH_STEPS'] ?? 24),
  seed: Number(process.env['WINDLASS_CRASH_SEED'] ?? 7),
});

let registry: TestRegistry;
let daemon: TestDaemon;
let scene: Scene;

beforeAll(async () => {
  registry = await startRegistry();
  await pushImage(registry.url, 'pulled', await layeredImage('pulled'), { tag: 'latest' });
  daemon = await TestDaemon.start([
    '--live-restore',
    ...['--cgroup-parent', `/${GROUP}`],
    ...['--insecure-registry', registry.host],
  ]);
  scene = {
    daemon,
    remoteImage: `${registry.host}/pulled`,
    archive: await dockerArchive([
      { image: await layeredImage('loaded'), tags: ['loaded:latest'] },
    ]),
    port: await freePort(),
  };
  await prepareScene(scene);
});

afterAll(async () => {
  await daemon[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  await removeCgroups(GROUP);
});

/** The failpoint the daemon that runs now was started with. */
let armed: string | undefined;

async function restart(failpoint?: string): Promise<void> {
  await daemon.stop('SIGKILL');
  armed = failpoint;
  await daemon.launch(failpoint === undefined ? {} : { WINDLASS_FAILPOINT: failpoint });
}

async function dieAndComeBack(row: CrashRow, next: CrashRow | undefined): Promise<void> {
  const { failpoint, step } = row;
  const wanted = step.isStart ? undefined : failpoint;
  if (armed !== wanted) await restart(wanted);
  await step.prepare(scene);
  if (step.isStart) {
    await daemon.stop('SIGKILL');
    daemon.spawn({ WINDLASS_FAILPOINT: failpoint });
  } else await step.run(scene);
  expect(await daemon.died(DEATH_LIMIT_MS), 'the step was passed').toBe(true);
  await restart(next && bears(row, next) ? next.failpoint : undefined);
  expect(await violations(daemon, GROUP)).toEqual([]);
  await step.repeat(scene);
  expect(await violations(daemon, GROUP)).toEqual([]);
}

describe('killed in the middle', () => {
  it.each(ROWS.map((row, at) => ({ ...row, at })))(
    'of $operation, at "$failpoint"',
    async ({ at, ...row }) => {
      let isWell = false;
      try {
        await dieAndComeBack(row, ROWS[at + 1]);
        isWell = true;
      } finally {
        // The next step must not suffer for this one.
        if (!isWell) {
          await restart();
          await clearScene(scene);
        }
      }
    },
  );

  it('and leaves nothing when it has ended', async () => {
    await restart();
    expect(await violations(daemon, GROUP)).toEqual([]);
    expect(await daemon.stop()).toBe(0);
    expect(daemon.leaks()).toEqual(NO_LEAKS);
  });
});
