import { defineConfig } from 'vitest/config';

/** Apart from the other projects: it needs Electron's runtime and a screen (`npm run test:electron`). */
export default defineConfig({
  test: {
    name: 'electron',
    include: ['test/electron/**/*.test.ts'],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    fileParallelism: false,
  },
});
