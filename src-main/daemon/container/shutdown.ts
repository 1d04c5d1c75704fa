/** The end of the daemon: containers stopped side by side, or left running (live restore). */
import type { ContainerContext } from './container-context.ts';
import { isLive, isRunning } from './container-state.ts';
import { killIfAlive, stopContainer } from './stop.ts';
import { stoppedWithin } from './wait.ts';

/** Stops every running one with its own signal and time, or what the limit leaves. */
export async function stopAll(context: ContainerContext, limitSeconds: number): Promise<void> {
  const running = context.registry.all().filter((container) => isRunning(container.state));
  await Promise.all(
    running.map(async (container) => {
      const own = container.record.config.StopTimeout;
      const timeoutSeconds = own ?? Math.max(limitSeconds - 5, 1);
      await stopContainer(context, container, { timeoutSeconds });
      if (!(await stoppedWithin(container, 0))) await killIfAlive(context, container);
    }),
  );
  await Promise.all(context.teardowns);
}

/** Closes our ends; the containers go on. */
export async function letGo(context: ContainerContext): Promise<void> {
  const live = context.registry.all().filter(({ state }) => isLive(state)).length;
  for (const container of context.registry.all()) {
    container.live.health?.stop();
    container.live.cancelRestart?.();
    const run = container.live.run;
    if (!run) continue;
    await run.stdio.letGo();
    await run.log.close();
  }
  await Promise.all(context.teardowns);
  if (live > 0) context.log.info('containers left running', { count: live });
}
