/** Containers and execs that are over leave nothing with the daemon. The long form is test/wear/main.ts. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestDaemon } from '../support/daemon.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';
import { cycleContainer, execOnce, holdingsOf, startSleeper, times } from '../support/wear.ts';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});

afterAll(async () => {
  await daemon.stop();
  expect(daemon.leaks()).toEqual(NO_LEAKS);
  await daemon[Symbol.asyncDispose]();
});

it('holds after 60 containers and 150 execs what it held before', async () => {
  const sleeper = await startSleeper(daemon);
  // Made once and kept: the image's init layer, warm shims, the network's worker.
  await times(6, 3, () => cycleContainer(daemon));
  await times(6, 3, () => execOnce(daemon, sleeper));
  const { links: _othersHaveSome, ...held } = await settled();
  await times(60, 3, () => cycleContainer(daemon));
  await times(150, 3, () => execOnce(daemon, sleeper));
  await expect
    .poll(() => holdingsOf(daemon), { timeout: 60_000, interval: 500 })
    .toMatchObject(held);
  await daemon.api('DELETE', `/containers/${sleeper}?force=1`);
});

/** What it holds when the shims a burst left over are ended: twice the same, some seconds apart. */
async function settled(): Promise<ReturnType<typeof holdingsOf>> {
  let before = '';
  await expect
    .poll(
      () => {
        const now = JSON.stringify(holdingsOf(daemon));
        const isSame = now === before;
        before = now;
        return isSame;
      },
      { timeout: 60_000, interval: 8_000 },
    )
    .toBe(true);
  return JSON.parse(before) as ReturnType<typeof holdingsOf>;
}
