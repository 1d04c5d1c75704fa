/** Builds dist/: the daemon and shell file by file, the preload script and the window as one bundle each. */
import { join } from 'node:path';
import { must, pinnedNode, root } from './setup.mjs';

const bin = (name) => join(root, 'node_modules/.bin', name);
const env = { ...process.env, PATH: `${join(pinnedNode, '..')}:${process.env.PATH}` };

must(bin('tsc'), ['-b', 'shared', 'src-main'], { env });
for (const config of [
  'src-main/shell/electron/preload/vite.config.mjs',
  'src-renderer/vite.config.ts',
])
  must(bin('vite'), ['build', '--config', config, '--logLevel', 'warn'], { env });
