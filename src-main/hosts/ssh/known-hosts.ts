/** known_hosts as sshd(8) "SSH_KNOWN_HOSTS FILE FORMAT" has it: who a host was when we last met. */
import { createHash, createHmac, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { mkdir, open, readFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { matchesPatternList } from './pattern-list.ts';

/** Where a line stands, for a person to look it up. */
export interface KnownHostLine {
  readonly file: string;
  /** Counted from 1. */
  readonly line: number;
}

export type HostKeyVerdict =
  | { readonly kind: 'known' }
  /** Nobody has written this host's key down; `isCertified` when a CA line would speak for it. */
  | { readonly kind: 'unknown'; readonly isCertified: boolean }
  /** Another key of the same type, or only keys of other types, stand there. */
  | ({ readonly kind: 'changed' } & KnownHostLine)
  | ({ readonly kind: 'revoked' } & KnownHostLine);

interface Entry extends KnownHostLine {
  readonly marker: string | undefined;
  readonly hosts: string;
  readonly type: string;
  readonly key: string;
}

/** The name a host is filed under: the alias, or the host with its port when that is not 22. */
export const knownHostName = (host: string, port: number, alias?: string): string =>
  alias ?? (port === 22 ? host : `[${host}]:${port}`);

const hashName = (salt: Buffer, name: string): Buffer =>
  createHmac('sha1', salt).update(name).digest();

function isNamed(hosts: string, name: string): boolean {
  if (!hosts.startsWith('|1|')) return matchesPatternList(hosts, name.toLowerCase());
  const [, , salt = '', hash = ''] = hosts.split('|');
  return hashName(Buffer.from(salt, 'base64'), name).equals(Buffer.from(hash, 'base64'));
}

function parse(file: string): Entry[] {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch {
    // A file that is not there knows nobody.
    return [];
  }
  return text.split('\n').flatMap((content, index) => {
    const words = content.trim().split(/\s+/);
    if (content.trim() === '' || content.trim().startsWith('#')) return [];
    const marker = words[0]?.startsWith('@') ? words.shift() : undefined;
    const [hosts, type, key] = words;
    if (hosts === undefined || type === undefined || key === undefined) return [];
    return [{ file, line: index + 1, marker, hosts, type, key }];
  });
}

/** Type of a key in its wire form, e.g. `ssh-ed25519` (RFC 4253 6.6). */
export function keyTypeOf(key: Buffer): string {
  const length = key.length >= 4 ? key.readUInt32BE(0) : 0;
  return key.subarray(4, 4 + length).toString('latin1');
}

/** As ssh-keygen -l prints it. */
export const fingerprintOf = (key: Buffer): string =>
  `SHA256:${createHash('sha256').update(key).digest('base64').replace(/=+$/, '')}`;

export class KnownHosts {
  readonly #files: readonly string[];

  /** Files in the order to look; the first is the one that is written. */
  constructor(files: readonly string[]) {
    this.#files = files;
  }

  #entries(name: string): Entry[] {
    return this.#files.flatMap(parse).filter(({ hosts }) => isNamed(hosts, name));
  }

  /** What is written down about this key of the host filed under `name`. */
  check(name: string, key: Buffer): HostKeyVerdict {
    const entries = this.#entries(name);
    const wanted = key.toString('base64');
    const revoked = entries.find((entry) => entry.marker === '@revoked' && entry.key === wanted);
    if (revoked) return { kind: 'revoked', file: revoked.file, line: revoked.line };
    const plain = entries.filter(({ marker }) => marker === undefined);
    if (plain.some((entry) => entry.key === wanted)) return { kind: 'known' };
    const type = keyTypeOf(key);
    const other = plain.find((entry) => entry.type === type) ?? plain[0];
    if (other) return { kind: 'changed', file: other.file, line: other.line };
    return {
      kind: 'unknown',
      isCertified: this.hasAuthority(name),
    };
  }

  /** Where an authority's key is trusted to vouch for the host (`@cert-authority`); undefined: nowhere. */
  authority(name: string, key: Buffer): KnownHostLine | undefined {
    const wanted = key.toString('base64');
    return this.#authorities(name).find((entry) => entry.key === wanted);
  }

  /** Whether anybody is trusted to vouch for the host. */
  hasAuthority(name: string): boolean {
    return this.#authorities(name).length > 0;
  }

  #authorities(name: string): Entry[] {
    return this.#entries(name).filter(({ marker }) => marker === '@cert-authority');
  }

  /** Key types written down for a host, so that those are asked for first. */
  knownTypes(name: string): string[] {
    const types = this.#entries(name)
      .filter(({ marker }) => marker === undefined)
      .map(({ type }) => type);
    return [...new Set(types)];
  }

  /** Appends the key to the first file, making it (0600) and its directory (0700) where missing. */
  async add(name: string, key: Buffer, isHashed: boolean): Promise<void> {
    const [file] = this.#files;
    if (file === undefined) return;
    await mkdir(dirname(file), { recursive: true, mode: 0o700 });
    const before = await readFile(file, 'utf8').catch(() => '');
    const handle = await open(file, 'a', 0o600);
    try {
      const salt = randomBytes(20);
      const written = isHashed
        ? `|1|${salt.toString('base64')}|${hashName(salt, name).toString('base64')}`
        : name;
      const gap = before === '' || before.endsWith('\n') ? '' : '\n';
      await handle.write(`${gap}${written} ${keyTypeOf(key)} ${key.toString('base64')}\n`);
      await handle.sync();
    } finally {
      await handle.close();
    }
  }
}
