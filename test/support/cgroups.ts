/** Cgroups of a daemon whose processes are gone. */
import { existsSync, readdirSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const MOUNT = '/sys/fs/cgroup';
const LIMIT_MS = 10_000;

/** Every hierarchy's directory of that name: one in cgroup v2, one for each controller in v1. */
function cgroupsNamed(name: string): string[] {
  const hierarchies = existsSync(join(MOUNT, 'cgroup.controllers'))
    ? [MOUNT]
    : readdirSync(MOUNT).map((controller) => join(MOUNT, controller));
  return hierarchies.map((path) => join(path, name)).filter((path) => existsSync(path));
}

function removeTree(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true }))
    if (entry.isDirectory()) removeTree(join(path, entry.name));
  rmdirSync(path);
}

/** Removes them; the kernel may still be busy with the last processes. Throws when it stays so. */
export async function removeCgroups(name: string): Promise<void> {
  for (const limit = Date.now() + LIMIT_MS; ; await delay(50)) {
    try {
      for (const path of cgroupsNamed(name)) removeTree(path);
      return;
    } catch (error) {
      if (Date.now() > limit) throw error;
    }
  }
}
