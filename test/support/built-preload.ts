/** The preload script, built by the product's own configuration. */
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'vite';

const configFile = fileURLToPath(
  new URL('../../src-main/shell/electron/preload/vite.config.mjs', import.meta.url),
);

/** Builds it into the directory; answers its path. */
export async function buildPreload(directory: string): Promise<string> {
  await build({ configFile, logLevel: 'error', build: { outDir: directory } });
  return join(directory, 'preload.cjs');
}
