/** Where Electron's runtime is; its package comes without it where nobody fetched it. */
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { root } from './setup.mjs';

/** The program, or undefined when it is not installed. */
export function electronRuntime() {
  const directory = join(root, 'node_modules/electron');
  // Written by Electron's own installer, different on each platform.
  const name = join(directory, 'path.txt');
  if (!existsSync(name)) return undefined;
  const program = join(directory, 'dist', readFileSync(name, 'utf8').trim());
  return existsSync(program) ? program : undefined;
}

/** Whether a window could be shown at all. */
export const hasScreen = () =>
  process.platform !== 'linux' || Boolean(process.env.DISPLAY || process.env.WAYLAND_DISPLAY);
