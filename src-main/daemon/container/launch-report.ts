/** The glass box's answer: launch records, the spec as run, mounts and the three network files. */
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { LaunchReport } from '../../../shared/engine/windlass-api.ts';
import { hasErrno } from '../platform/libc.ts';
import type { Container } from './container.ts';
import { wireMounts } from './inspect.ts';
import { SPEC_FILE } from './spec-input.ts';

async function readIfPresent(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (hasErrno(error, 'ENOENT')) return '';
    throw error;
  }
}

export async function launchReport(container: Container): Promise<LaunchReport> {
  const { directory, record, progress } = container;
  const [spec, hosts, hostname, resolvConf] = await Promise.all([
    readIfPresent(join(directory, SPEC_FILE)),
    readIfPresent(join(directory, 'hosts')),
    readIfPresent(join(directory, 'hostname')),
    readIfPresent(join(directory, 'resolv.conf')),
  ]);
  return {
    records: progress.launches,
    spec: spec === '' ? null : (JSON.parse(spec) as object),
    mounts: wireMounts(record.mounts),
    networkFiles: { hosts, hostname, resolvConf },
  };
}
