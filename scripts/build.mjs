/** Builds dist/: the daemon and shell file by file, the window as one bundle. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { must, pinnedNode, root } from './setup.mjs';

const bin = (name) => join(root, 'node_modules/.bin', name);
must(bin('tsc'), ['-b', 'shared', 'src-main'], {
  env: { ...process.env, PATH: `${join(pinnedNode, '..')}:${process.env.PATH}` },
});
if (existsSync(join(root, 'src-renderer/vite.config.ts')))
  must(pinnedNode, [
    bin('vite'),
    'build',
    '--config',
    'src-renderer/vite.config.ts',
    '--logLevel',
    'warn',
  ]);
