/** The preload script as one CommonJS file: a sandboxed one can load nothing else. */
import { fileURLToPath } from 'node:url';

const here = (path) => fileURLToPath(new URL(path, import.meta.url));

export default {
  root: here('.'),
  publicDir: false,
  build: {
    outDir: here('../../../../dist/src-main/shell/electron/preload'),
    emptyOutDir: false,
    minify: false,
    lib: { entry: here('./preload.ts'), formats: ['cjs'], fileName: () => 'preload.cjs' },
    rollupOptions: { external: ['electron'] },
  },
};
