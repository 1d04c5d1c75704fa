/** The OCI runtimes by name, and what the shim runs for each (moby daemon/runtime_unix.go). */
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Runtime } from './runtime.ts';
import { shellQuoted } from './shell-quote.ts';

/** Always there: the default one, and containerd's name for it. */
const STOCK: Runtime['runtimes'] = new Map([
  ['runc', { path: 'runc', runtimeArgs: [] }],
  ['io.containerd.runc.v2', { path: 'runc', runtimeArgs: [] }],
]);

/** The stock runtimes and those of `--add-runtime`, which may replace them. */
export function withStockRuntimes(added: Runtime['runtimes']): Runtime['runtimes'] {
  return new Map([...STOCK, ...added]);
}

/**
 * Name → binary. The shim passes no arguments of ours on, so that a runtime with arguments becomes a
 * script in `directory` that adds them.
 */
export async function runtimeBinaries(
  directory: string,
  runtimes: Runtime['runtimes'],
): Promise<ReadonlyMap<string, string>> {
  const binaries = new Map<string, string>();
  for (const [name, { path, runtimeArgs }] of runtimes) {
    if (runtimeArgs.length === 0) {
      binaries.set(name, path);
      continue;
    }
    const script = join(directory, encodeURIComponent(name));
    const words = [path, ...runtimeArgs].map(shellQuoted).join(' ');
    await mkdir(directory, { recursive: true, mode: 0o700 });
    await writeFile(script, `#!/bin/sh\nexec ${words} "$@"\n`, { mode: 0o700 });
    binaries.set(name, script);
  }
  return binaries;
}
