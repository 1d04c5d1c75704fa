/**
 * What TLS to a registry is made of: the system's authorities, and what `certs.d` holds for its host:
 * `*.crt` further authorities, `*.cert` with `*.key` the client's own (moby registry/registry.go ReadCertsDirectory).
 */
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { getCACertificates } from 'node:tls';
import { internal } from '../../../shared/errors.ts';
import { hasErrno } from '../platform/libc.ts';

/** Windlass' own directory first; what Docker was given is honoured. */
const CERTS_DIRECTORIES: readonly string[] = ['/etc/windlass/certs.d', '/etc/docker/certs.d'];

export interface EndpointTls {
  readonly rejectUnauthorized: boolean;
  readonly ca?: readonly string[];
  readonly cert?: string;
  readonly key?: string;
}

let trusted: readonly string[] | undefined;

/** The authorities of this machine, beside those Node brings along. Read once. */
function systemAuthorities(): readonly string[] {
  trusted ??= [...new Set([...getCACertificates('default'), ...getCACertificates('system')])];
  return trusted;
}

async function namesIn(path: string): Promise<readonly string[]> {
  try {
    return await readdir(path);
  } catch (error) {
    if (!hasErrno(error, 'ENOENT', 'ENOTDIR')) throw error;
    return [];
  }
}

interface HostCertificates {
  readonly ca: readonly string[];
  readonly cert?: string;
  readonly key?: string;
}

/** Throws internal in Docker's words for a certificate without key, or the reverse. */
async function readDirectory(path: string): Promise<HostCertificates> {
  const names = [...(await namesIn(path))].sort();
  const read = (name: string): Promise<string> => readFile(join(path, name), 'utf8');
  const ca = await Promise.all(names.filter((name) => name.endsWith('.crt')).map(read));
  for (const key of names.filter((name) => name.endsWith('.key'))) {
    const cert = key.replace(/key$/, 'cert');
    if (!names.includes(cert)) throw internal(`missing client certificate ${cert} for key ${key}`);
  }
  const certs = names.filter((name) => name.endsWith('.cert'));
  for (const cert of certs) {
    const key = cert.replace(/cert$/, 'key');
    if (!names.includes(key)) {
      throw internal(
        `missing key ${key} for client certificate ${cert}. Note that CA certificates must use the extension .crt`,
      );
    }
  }
  const [first] = certs;
  if (first === undefined) return { ca };
  return { ca, cert: await read(first), key: await read(first.replace(/cert$/, 'key')) };
}

/** For a registry (`host[:port]`). */
export async function registryTls(
  host: string,
  isInsecure: boolean,
  directories: readonly string[] = CERTS_DIRECTORIES,
): Promise<EndpointTls> {
  let found: HostCertificates = { ca: [] };
  for (const directory of directories) {
    const { ca, ...own } = await readDirectory(join(directory, host));
    found = { ...own, ...found, ca: [...found.ca, ...ca] };
  }
  const { ca, ...own } = found;
  return {
    rejectUnauthorized: !isInsecure,
    ...(isInsecure ? {} : { ca: [...systemAuthorities(), ...ca] }),
    ...own,
  };
}
