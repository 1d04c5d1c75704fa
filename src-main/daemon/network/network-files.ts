/** The three files of a sandbox, written when it is made (moby libnetwork sandbox_dns_unix.go). */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setAside } from '../platform/atomic-file.ts';
import { hasErrno } from '../platform/libc.ts';
import { type HostsEntry, hostNetworkHostsText, hostsText } from './hosts-file.ts';

export interface NetworkFilesRequest {
  readonly directory: string;
  readonly hostname: string;
  readonly extraHosts: readonly HostsEntry[];
  /** Addresses of the container itself. */
  readonly ownHosts: readonly HostsEntry[];
  readonly resolvConf: string;
  readonly isHostNetwork: boolean;
}

export interface NetworkFilePaths {
  readonly hostsPath: string;
  readonly hostnamePath: string;
  readonly resolvConfPath: string;
}

const networkFilePaths = (directory: string): NetworkFilePaths => ({
  hostsPath: join(directory, 'hosts'),
  hostnamePath: join(directory, 'hostname'),
  resolvConfPath: join(directory, 'resolv.conf'),
});

/** Writes all three; answers where they are. */
export async function writeNetworkFiles(request: NetworkFilesRequest): Promise<NetworkFilePaths> {
  const paths = networkFilePaths(request.directory);
  const { extraHosts, ownHosts, hostname, resolvConf } = request;
  const hosts = request.isHostNetwork
    ? await hostNetworkHostsText(extraHosts)
    : hostsText([...extraHosts, ...ownHosts]);
  // A few hundred bytes, no disk waited for: sooner done than a thread is asked.
  await write(paths.hostsPath, hosts);
  await write(
    paths.hostnamePath,
    `${hostname}
`,
  );
  await write(paths.resolvConfPath, resolvConf);
  return paths;
}

async function write(path: string, text: string): Promise<void> {
  try {
    writeFileSync(path, text, { mode: 0o644 });
  } catch (error) {
    if (!hasErrno(error, 'EISDIR')) throw error;
    await setAside(path);
    writeFileSync(path, text, { mode: 0o644 });
  }
}
