/** Installs what is missing, builds what has changed, opens the app. */
import { spawn } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { electronRuntime, hasScreen } from './electron-runtime.mjs';
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

/** Electron where it can show a window; otherwise, or when asked, the same window in the browser. */
function program() {
  const args = process.argv.slice(2);
  const web = [pinnedNode, [join(root, 'dist/src-main/main.js'), ...args]];
  if (args.includes('--web')) return web;
  const electron = electronRuntime();
  if (electron === undefined || !hasScreen()) {
    const reason = electron === undefined ? 'The Electron runtime is not installed' : 'No screen';
    process.stdout.write(`${reason}: the same window is for your browser.\n`);
    return web;
  }
  // Chromium's sandbox needs an ordinary user; the daemon of this very process needs root.
  const isRoot = process.platform === 'linux' && process.getuid() === 0;
  return [electron, [...(isRoot ? ['--no-sandbox'] : []), root, ...args]];
}

const [command, rest] = program();
const child = spawn(command, rest, { cwd: root, stdio: 'inherit' });
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => child.kill(signal));
child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
