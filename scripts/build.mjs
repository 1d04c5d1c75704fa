/** Builds dist/: daemon, app and workers with what they share, the preload script, the window. */
import { join } from 'node:path';
import { must, pinnedNode, root } from './setup.mjs';

const bin = (name) => join(root, 'node_modules/.bin', name);
const env = { ...process.env, PATH: `${join(pinnedNode, '..')}:${process.env.PATH}` };

for (const config of [
  'src-main/vite.config.mjs',
  'src-main/shell/electron/preload/vite.config.mjs',
  'src-renderer/vite.config.ts',
])
  must(bin('vite'), ['build', '--config', config, '--logLevel', 'warn'], { env });
