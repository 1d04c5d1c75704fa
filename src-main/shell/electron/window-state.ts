/** Where the window was when it was closed, so that it opens there again. */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import type { BrowserWindow, Rectangle } from 'electron';
import { z } from 'zod';

const stateSchema = z.object({
  bounds: z.object({
    x: z.number().int(),
    y: z.number().int(),
    width: z.number().int().min(1),
    height: z.number().int().min(1),
  }),
  isMaximized: z.boolean(),
});
export type WindowState = z.output<typeof stateSchema>;

/** So much of the window must be on a screen that its title bar can be reached. */
const REACHABLE_PIXELS = 64;

const overlap = (startA: number, endA: number, startB: number, endB: number): number =>
  Math.min(endA, endB) - Math.max(startA, startB);

/** True when enough of the window lies on one of the screens. */
function isReachable(bounds: Rectangle, screens: readonly Rectangle[]): boolean {
  return screens.some(
    ({ x, y, width, height }) =>
      overlap(bounds.x, bounds.x + bounds.width, x, x + width) >= REACHABLE_PIXELS &&
      overlap(bounds.y, bounds.y + bounds.height, y, y + height) >= REACHABLE_PIXELS,
  );
}

/** The remembered state; undefined when there is none or its screen is gone. */
export function readWindowState(
  path: string,
  screens: readonly Rectangle[],
): WindowState | undefined {
  try {
    const state = stateSchema.parse(JSON.parse(readFileSync(path, 'utf8')));
    return isReachable(state.bounds, screens) ? state : undefined;
  } catch {
    // Never written, or not by us: the window opens where the system puts it.
    return undefined;
  }
}

/** Remembers the state now; called while the window closes, hence synchronous. */
export function saveWindowState(
  path: string,
  window: Pick<BrowserWindow, 'getNormalBounds' | 'isMaximized'>,
): void {
  const { x, y, width, height } = window.getNormalBounds();
  const state: WindowState = { bounds: { x, y, width, height }, isMaximized: window.isMaximized() };
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const temporary = `${path}.tmp-${process.pid}`;
  writeFileSync(temporary, JSON.stringify(state), { mode: 0o600 });
  renameSync(temporary, path);
}
