/** Host certificates of OpenSSH (PROTOCOL.certkeys): a host's key, vouched for by an authority's. */
import { createPublicKey, verify } from 'node:crypto';
import ssh2 from 'ssh2';
import { matchesPatternList } from './pattern-list.ts';

const SUFFIX = '-cert-v01@openssh.com';
const HOST_CERTIFICATE = 2;
/** Fields of the key itself, which stand between nonce and serial. */
const KEY_FIELDS: Record<string, number> = {
  'ssh-ed25519': 1,
  'ecdsa-sha2-nistp256': 2,
  'ecdsa-sha2-nistp384': 2,
  'ecdsa-sha2-nistp521': 2,
};
/** Digests of signatures an authority may make; SHA-1 (`ssh-rsa`) is not among them, as in OpenSSH 8.2. */
const SIGNATURES: Record<string, string | null> = {
  'ssh-ed25519': null,
  'ecdsa-sha2-nistp256': 'sha256',
  'ecdsa-sha2-nistp384': 'sha384',
  'ecdsa-sha2-nistp521': 'sha512',
  'rsa-sha2-256': 'sha256',
  'rsa-sha2-512': 'sha512',
};

/** Algorithms to ask a server for when an authority is known for it. RSA hosts show their plain key. */
export const CERTIFICATE_ALGORITHMS = Object.keys(KEY_FIELDS).map((type) => `${type}${SUFFIX}`);

export interface HostCertificate {
  /** The host's key as it would show it without a certificate. */
  readonly key: Buffer;
  /** The authority's key. */
  readonly authority: Buffer;
  readonly id: string;
  /** Names it speaks for, `*` and `?` allowed; none: any. */
  readonly principals: readonly string[];
  /** Why nobody should trust it at that time (ms since 1970), whoever the authority is; undefined when sound. */
  problemAt(now: number): string | undefined;
}

class WireReader {
  readonly #bytes: Buffer;
  at = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  string(): Buffer {
    const length = this.#bytes.readUInt32BE(this.at);
    const start = this.at + 4;
    if (start + length > this.#bytes.length) throw new RangeError('the certificate is cut off');
    this.at = start + length;
    return this.#bytes.subarray(start, this.at);
  }

  uint32(): number {
    this.at += 4;
    return this.#bytes.readUInt32BE(this.at - 4);
  }

  uint64(): bigint {
    this.at += 8;
    return this.#bytes.readBigUInt64BE(this.at - 8);
  }

  get isAtEnd(): boolean {
    return this.at === this.#bytes.length;
  }
}

function stringsIn(bytes: Buffer): string[] {
  const reader = new WireReader(bytes);
  const texts: string[] = [];
  while (!reader.isAtEnd) texts.push(reader.string().toString());
  return texts;
}

function wireString(bytes: Buffer): Buffer {
  const length = Buffer.alloc(4);
  length.writeUInt32BE(bytes.length);
  return Buffer.concat([length, bytes]);
}

/** SSH's mpint as the fixed width that IEEE P1363 has. */
function fixedWidth(number: Buffer, width: number): Buffer {
  const bare = number.subarray(Math.max(0, number.length - width));
  return Buffer.concat([Buffer.alloc(width - bare.length), bare]);
}

function isSignedBy(authority: Buffer, signature: Buffer, signed: Buffer): boolean {
  const reader = new WireReader(signature);
  const type = reader.string().toString();
  const blob = reader.string();
  const digest = SIGNATURES[type];
  const parsed = ssh2.utils.parseKey(authority);
  if (digest === undefined || parsed instanceof Error) return false;
  const keyType = type.startsWith('rsa-') ? 'ssh-rsa' : type;
  if (parsed.type !== keyType) return false;
  const key = createPublicKey(parsed.getPublicPEM());
  if (!type.startsWith('ecdsa-')) return verify(digest, signed, key, blob);
  const numbers = new WireReader(blob);
  const width = { sha256: 32, sha384: 48 }[digest ?? ''] ?? 66;
  const raw = Buffer.concat([
    fixedWidth(numbers.string(), width),
    fixedWidth(numbers.string(), width),
  ]);
  return verify(digest, signed, { key, dsaEncoding: 'ieee-p1363' }, raw);
}

const dateOf = (seconds: bigint): string =>
  new Date(Number(seconds) * 1000).toISOString().slice(0, 16).replace('T', ' ');

/** Reads a key in its wire form; undefined for a plain one. Throws RangeError for a broken certificate. */
export function parseHostCertificate(blob: Buffer): HostCertificate | undefined {
  const reader = new WireReader(blob);
  const certificateType = reader.string().toString();
  if (!certificateType.endsWith(SUFFIX)) return undefined;
  const type = certificateType.slice(0, -SUFFIX.length);
  const fields = KEY_FIELDS[type];
  if (fields === undefined) throw new RangeError(`certificates of ${type} are not read here`);
  reader.string();
  const start = reader.at;
  for (let field = 0; field < fields; field += 1) reader.string();
  const key = Buffer.concat([wireString(Buffer.from(type)), blob.subarray(start, reader.at)]);
  reader.uint64();
  const kind = reader.uint32();
  const id = reader.string().toString();
  const principals = stringsIn(reader.string());
  const validAfter = reader.uint64();
  const validBefore = reader.uint64();
  const criticalOptions = reader.string();
  reader.string();
  reader.string();
  const authority = reader.string();
  const signed = blob.subarray(0, reader.at);
  const signature = reader.string();
  const problemAt = (now: number): string | undefined => {
    const seconds = BigInt(Math.floor(now / 1000));
    if (!reader.isAtEnd || !isSignedBy(authority, signature, signed))
      return 'its signature is wrong';
    if (kind !== HOST_CERTIFICATE) return 'it is no host certificate';
    if (criticalOptions.length > 0) return 'it has options that nobody knows';
    if (seconds < validAfter) return `it is valid from ${dateOf(validAfter)} UTC on`;
    if (seconds >= validBefore) return `it has expired on ${dateOf(validBefore)} UTC`;
    return undefined;
  };
  return { key, authority, id, principals, problemAt };
}

/** Whether a certificate speaks for a host name (sshkey_cert_check_authority of OpenSSH). */
export const isPrincipal = ({ principals }: HostCertificate, host: string): boolean =>
  principals.length === 0 || principals.some((one) => matchesPatternList(one, host));
