/** Tests the window in the real Electron, where its runtime and a screen are there. */
import { join } from 'node:path';
import { electronRuntime, hasScreen } from './electron-runtime.mjs';
import { installNpmPackages, must, pinnedNode, root, run } from './setup.mjs';

installNpmPackages();
const electron = electronRuntime();
if (electron === undefined || !hasScreen()) {
  const missing =
    electron === undefined
      ? "Electron's runtime is not installed (npx install-electron fetches it)"
      : 'there is no screen (xvfb-run brings one)';
  process.stdout.write(`Nothing was tested: ${missing}.\n`);
  // Whoever asks for this on CI means it.
  process.exit(process.env.CI ? 1 : 0);
}
must(pinnedNode, [join(root, 'scripts/build.mjs')]);
process.exit(
  run(pinnedNode, [
    join(root, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--config',
    'test/electron/vitest.config.ts',
  ]),
);
