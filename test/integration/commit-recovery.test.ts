/** A daemon that dies in the middle of a commit leaves no container paused; a user's pause stays. */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { TestDaemon } from '../support/daemon.ts';
import { NO_LEAKS } from '../support/leak-guard.ts';

const START_LIMIT_MS = 120_000;
let daemon: TestDaemon;

beforeAll(async () => {
  daemon = await TestDaemon.start();
}, START_LIMIT_MS);

afterAll(async () => {
  await daemon.docker(['rm', '-f', 'held', 'kept']);
  expect(await daemon.stop()).toBe(0);
  expect(daemon.leaks()).toEqual(NO_LEAKS);
  await daemon[Symbol.asyncDispose]();
}, START_LIMIT_MS);

it(
  'goes on after the next start',
  async () => {
    for (const name of ['held', 'kept']) {
      const run = await daemon.docker(['run', '-d', '--name', name, 'busybox', 'sleep', '1000']);
      expect(run.stderr).toBe('');
      expect((await daemon.docker(['pause', name])).code).toBe(0);
    }
    const { stdout } = await daemon.docker(['inspect', '-f', '{{.Id}}', 'held']);
    const state = join(daemon.dataRoot, 'containers', stdout.trim(), 'state.json');
    await daemon.stop('SIGKILL');
    // What a commit writes before it pauses.
    const progress = JSON.parse(readFileSync(state, 'utf8')) as Record<string, unknown>;
    writeFileSync(state, JSON.stringify({ ...progress, isPausedByCommit: true }));
    await daemon.launch();
    const states = await daemon.docker(['inspect', '-f', '{{.State.Status}}', 'held', 'kept']);
    expect(states.stdout).toBe('running\npaused\n');
    expect((await daemon.docker(['exec', 'held', 'echo', 'awake'])).stdout).toBe('awake\n');
    const made = await daemon.docker(['commit', 'held', 'made']);
    expect(made.stdout).toMatch(/^sha256:/);
  },
  START_LIMIT_MS,
);
