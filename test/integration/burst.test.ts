/** Many starts at once: warm shims run out, are claimed and forgotten side by side; none may fail. */
import { afterAll, beforeAll, expect, it } from 'vitest';
import { command, TestDaemon } from '../support/daemon.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';

let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
});

afterAll(async () => {
  await daemon.stop();
  expect(daemon.leaks()).toEqual(NO_LEAKS);
  await daemon[Symbol.asyncDispose]();
});

it('runs 60 containers, 8 at a time, and leaves none', async () => {
  let next = 0;
  const failures: string[] = [];
  const worker = async (): Promise<void> => {
    while (next < 60) {
      const word = `n${next++}`;
      const { code, stdout, stderr } = await daemon.docker([
        'run',
        '--rm',
        'busybox',
        'echo',
        word,
      ]);
      if (code !== 0 || stdout !== `${word}\n`)
        failures.push(`${word}: ${code} ${stdout}${stderr}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  expect(failures).toEqual([]);
  expect((await daemon.docker(['ps', '-aq'])).stdout).toBe('');
});

it('ends the shims a burst left over, and starts from those it kept', async () => {
  const idle = async (): Promise<number> =>
    Number((await command('pgrep', ['-fc', `shim.* warm-.*${daemon.root}`])).stdout);
  await expect.poll(idle, { timeout: 15_000, interval: 200 }).toBe(3);
  expect((await daemon.docker(['run', '--rm', 'busybox', 'echo', 'on'])).stdout).toBe('on\n');
});
