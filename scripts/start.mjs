/** Installs what is missing, builds what has changed, opens the app. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import {
  DAEMON_PACKAGES,
  installDebianPackages,
  installNpmPackages,
  must,
  pinnedNode,
  readStamp,
  root,
  writeStamp,
} from './setup.mjs';

installNpmPackages();
installDebianPackages(DAEMON_PACKAGES);

/** Newest change of anything that is built. */
function newest(directory) {
  let latest = 0;
  for (const entry of readdirSync(join(root, directory), { withFileTypes: true })) {
    const path = join(directory, entry.name);
    latest = Math.max(
      latest,
      entry.isDirectory() ? newest(path) : statSync(join(root, path)).mtimeMs,
    );
  }
  return latest;
}

const sources = String(Math.max(...['shared', 'src-main', 'src-renderer'].map(newest)));
if (readStamp('build') !== sources || !existsSync(join(root, 'dist/src-main/main.js'))) {
  process.stdout.write('Building…\n');
  must(pinnedNode, [join(root, 'scripts/build.mjs')]);
  writeStamp('build', sources);
}

const electron = join(root, 'node_modules/electron/dist/electron');
const args = process.argv.slice(2);
const hasElectron = existsSync(electron);
const usesWeb = args.includes('--web') || !hasElectron;
if (!hasElectron && !args.includes('--web'))
  process.stdout.write(
    'The Electron runtime is not installed; the same window opens in your browser.\n',
  );
const [command, rest] = usesWeb
  ? [pinnedNode, [join(root, 'dist/src-main/main.js'), ...args]]
  : [electron, [root, ...args]];
const child = spawn(command, rest, { cwd: root, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
