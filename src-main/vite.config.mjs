/**
 * The daemon, the app and their workers: one file an entry and what several share, all in one directory, so
 * that a worker is found beside whoever starts it. Loading hundreds of files took longer than starting the daemon.
 */
import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = fileURLToPath(new URL('.', import.meta.url));
const workers = readdirSync(here, { recursive: true }).filter((file) =>
  file.endsWith('-worker.ts'),
);
const entries = ['main.ts', 'windlassd.ts', ...workers];

export default {
  root: here,
  publicDir: false,
  build: {
    outDir: join(here, '../dist/src-main'),
    emptyOutDir: true,
    minify: false,
    target: 'node24',
    ssr: true,
    rolldownOptions: {
      input: Object.fromEntries(entries.map((file) => [basename(file, '.ts'), join(here, file)])),
      // Native parts find their libraries by their own place; the runtime's own module is not a file.
      external: ['electron', 'koffi', 'node-pty', 'ssh2'],
      output: { entryFileNames: '[name].js', chunkFileNames: 'shared-[hash].js' },
    },
  },
  ssr: { noExternal: true, target: 'node' },
};
