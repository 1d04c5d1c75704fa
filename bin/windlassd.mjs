#!/usr/bin/env node
// Starts the built daemon. The daemon needs Node 24 (what Electron embeds); an older Node on PATH hands over to the pinned one.
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const entry = fileURLToPath(new URL('../dist/src-main/windlassd.js', import.meta.url));
if (!existsSync(entry)) {
  process.stderr.write('windlassd: not built yet, run "npm run build" first\n');
  process.exit(1);
}
if (Number(process.versions.node.split('.')[0]) >= 24) {
  await import(entry);
} else {
  const node = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
  const child = spawn(node, [entry, ...process.argv.slice(2)], { stdio: 'inherit' });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGUSR1'])
    process.on(signal, () => child.kill(signal));
  child.on('exit', (code, signal) => process.exit(signal ? 1 : (code ?? 1)));
}
