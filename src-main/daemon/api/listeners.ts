/** Where the API listens: unix sockets, tcp with or without TLS, sockets the service manager opened (moby daemon/listeners). */
import { chmodSync, chownSync, existsSync, readFileSync, rmSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import type { Server } from 'node:http';
import { dirname } from 'node:path';
import {
  errorMessage,
  internal,
  invalidArgument,
  toEngineError,
  unavailable,
} from '../../../shared/errors.ts';
import type { Log } from '../log/log.ts';
import { isServed } from '../platform/is-served.ts';
import { hasErrno } from '../platform/libc.ts';

interface TlsFiles {
  readonly cert: string;
  readonly key: string;
  readonly caCert: string;
  readonly verify: boolean;
}

/** Key material as node:tls takes it. */
export interface TlsMaterial {
  readonly cert: Buffer;
  readonly key: Buffer;
  readonly ca?: Buffer;
  readonly requestCert?: boolean;
  readonly rejectUnauthorized?: boolean;
  readonly minVersion: 'TLSv1.2';
}

export interface ListenOptions {
  /** The unix socket's group; one that was not asked for by name may be missing. */
  readonly group: string;
  readonly tls?: TlsFiles;
}

const DEFAULT_GROUP = 'docker';

/** Reads the files. Throws internal in dockerd's words for those that cannot be used. */
export function readTls({ cert, key, caCert, verify }: TlsFiles): TlsMaterial {
  const pair = (() => {
    try {
      return { cert: readFileSync(cert), key: readFileSync(key) };
    } catch (error) {
      throw internal(
        `failed to create API server: Could not load X509 key pair (cert: "${cert}", key: "${key}"): ${errorMessage(error)}`,
        { cause: error },
      );
    }
  })();
  if (!verify) return { ...pair, minVersion: 'TLSv1.2' };
  try {
    const ca = readFileSync(caCert);
    return { ...pair, ca, requestCert: true, rejectUnauthorized: true, minVersion: 'TLSv1.2' };
  } catch (error) {
    throw internal(
      `failed to create API server: could not read CA certificate "${caCert}": ${errorMessage(error)}`,
      { cause: error },
    );
  }
}

/** Listens on a unix socket of mode 0660 that belongs to the group. A dead one at its place is replaced. */
export async function listenUnix(server: Server, path: string, group: string): Promise<void> {
  const gid = groupId(group);
  await mkdir(dirname(path), { recursive: true, mode: 0o755 });
  if (existsSync(path)) {
    if (await isServed(path))
      throw unavailable(`can't listen on unix://${path}: another daemon is serving it`);
    rmSync(path);
  }
  const before = process.umask(0o177);
  try {
    await started(server, () => server.listen(path));
  } finally {
    process.umask(before);
  }
  if (gid === undefined) return;
  chownSync(path, 0, gid);
  chmodSync(path, 0o660);
}

/** `ADDRESS:PORT` or `[ADDRESS]:PORT`. */
export async function listenTcp(
  server: Server,
  address: string,
  { isTls, log }: { isTls: boolean; log: Log },
): Promise<void> {
  const at = address.lastIndexOf(':');
  const name = address.slice(0, at).replace(/^\[|\]$/g, '');
  if (!isTls)
    log.warn(
      'the API is reachable over plain tcp: anyone who reaches it is root on this machine; use --tlsverify',
      { address },
    );
  await started(server, () => server.listen(Number(address.slice(at + 1)), name || 'localhost'));
}

/** First descriptor of sd_listen_fds(3). */
const FIRST_FD = 3;

/** The descriptors behind `fd://` (all), `fd://N`. Throws in dockerd's words when the service manager gave none. */
export function activatedFds(address: string, env: NodeJS.ProcessEnv = process.env): number[] {
  const count = Number(env['LISTEN_FDS'] ?? 0);
  if (Number(env['LISTEN_PID'] ?? 0) !== process.pid || !(count > 0))
    throw unavailable(
      'no sockets found via socket activation: make sure the service was started by systemd',
    );
  const all = Array.from({ length: count }, (_, index) => FIRST_FD + index);
  if (address === '' || address === '*') return all;
  const asked = Number(address);
  if (!all.includes(asked))
    throw invalidArgument(
      `failed to find systemd socket that matches fd://${address}: there are ${count}, from ${FIRST_FD} on`,
    );
  return [asked];
}

export const listenFd = (server: Server, fd: number): Promise<void> =>
  started(server, () => server.listen({ fd }));

function started(server: Server, listen: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) =>
      reject(
        hasErrno(error, 'EADDRINUSE')
          ? unavailable(`can't listen: ${error.message}`, { cause: error })
          : toEngineError(error),
      ),
    );
    server.once('listening', resolve);
    listen();
  });
}

/** Id of a group by name or number; undefined when the default one is missing: the socket stays root's alone. */
function groupId(group: string): number | undefined {
  if (/^\d+$/.test(group)) return Number(group);
  const line = readFileSync('/etc/group', 'utf8')
    .split('\n')
    .find((row) => row.startsWith(`${group}:`));
  if (line !== undefined) return Number(line.split(':')[2]);
  if (group === DEFAULT_GROUP || group === '') return undefined;
  throw invalidArgument(`failed to load listeners: group ${group} not found`);
}
