/** Decides whether a server is the one it says it is, before anything of ours is offered to it. */
import { forbidden } from '../../../shared/errors.ts';
import type { Ask } from '../questions.ts';
import {
  CERTIFICATE_ALGORITHMS,
  type HostCertificate,
  isPrincipal,
  parseHostCertificate,
} from './host-certificate.ts';
import {
  fingerprintOf,
  type KnownHostLine,
  KnownHosts,
  keyTypeOf,
  knownHostName,
} from './known-hosts.ts';
import type { SshTarget } from './ssh-target.ts';

/** ssh2's own preference order; what is known of a host goes before it. */
const KEY_ALGORITHMS = [
  'ssh-ed25519',
  'ecdsa-sha2-nistp256',
  'ecdsa-sha2-nistp384',
  'ecdsa-sha2-nistp521',
  'rsa-sha2-512',
  'rsa-sha2-256',
  'ssh-rsa',
] as const;

export class HostKeyCheck {
  readonly #target: SshTarget;
  readonly #known: KnownHosts;
  readonly #name: string;

  constructor(target: SshTarget) {
    this.#target = target;
    this.#known = new KnownHosts([...target.userKnownHostsFiles, ...target.globalKnownHostsFiles]);
    this.#name = knownHostName(target.hostName.toLowerCase(), target.port, target.hostKeyAlias);
  }

  /**
   * Signature algorithms to ask for, those of keys we know first, as ssh(1) orders them; certificates before
   * all where an authority is trusted for the host.
   */
  algorithms(): string[] {
    const types = this.#known.knownTypes(this.#name);
    const isKnown = (algorithm: string): boolean =>
      types.includes(algorithm.startsWith('rsa-sha2') ? 'ssh-rsa' : algorithm);
    return [
      ...(this.#known.hasAuthority(this.#name) ? CERTIFICATE_ALGORITHMS : []),
      ...KEY_ALGORITHMS.filter(isKnown),
      ...KEY_ALGORITHMS.filter((one) => !isKnown(one)),
    ];
  }

  /**
   * Resolves when the key or certificate may be trusted; an unknown key is shown to the person first and then written down. A certificate of an authority nobody trusts counts as the key inside
   * it. Throws forbidden, with the file and line, for a changed or revoked key and for a certificate of a
   * trusted authority that is not good, and cancelled when declined.
   */
  async verify(shown: Buffer, ask: Ask, signal: AbortSignal): Promise<void> {
    const certificate = parseHostCertificate(shown);
    const trusted = certificate && this.#known.authority(this.#name, certificate.authority);
    if (trusted) this.#verifyCertificate(certificate, trusted);
    else await this.#verifyKey(certificate?.key ?? shown, ask, signal);
  }

  #verifyCertificate(certificate: HostCertificate, trusted: KnownHostLine): void {
    for (const key of [certificate.authority, certificate.key]) {
      const verdict = this.#known.check(this.#name, key);
      if (verdict.kind === 'revoked')
        throw forbidden(
          `The certificate of ${this.#name} has a key (${keyTypeOf(key)} ${fingerprintOf(key)}) that is revoked at ${verdict.file}:${verdict.line}.`,
        );
    }
    const host = this.#target.hostKeyAlias ?? this.#target.hostName.toLowerCase();
    const problem =
      certificate.problemAt(Date.now()) ??
      (isPrincipal(certificate, host)
        ? undefined
        : `it speaks for ${certificate.principals.join(', ')}`);
    if (problem === undefined) return;
    throw forbidden(
      `The certificate that ${this.#name} shows ("${certificate.id}") is not good: ${problem}. Its authority is trusted at ${trusted.file}:${trusted.line}.`,
      { details: { host: this.#name } },
    );
  }

  async #verifyKey(key: Buffer, ask: Ask, signal: AbortSignal): Promise<void> {
    const verdict = this.#known.check(this.#name, key);
    const type = keyTypeOf(key);
    const fingerprint = fingerprintOf(key);
    const where = 'file' in verdict ? `${verdict.file}:${verdict.line}` : '';
    const details = { host: this.#name, fingerprint, where };
    if (verdict.kind === 'known') return;
    if (verdict.kind === 'revoked')
      throw forbidden(`The key of ${this.#name} (${type} ${fingerprint}) is revoked at ${where}.`, {
        details,
      });
    if (verdict.kind === 'changed')
      throw forbidden(
        `The key of ${this.#name} is not the one at ${where}: it shows ${type} ${fingerprint}. Someone may be in between. If the host was set up anew, remove that line and connect again.`,
        { details },
      );
    const { strictHostKeyChecking: strictness } = this.#target;
    if (strictness === 'yes')
      throw forbidden(
        `The key of ${this.#name} (${type} ${fingerprint}) is in no known_hosts file, and StrictHostKeyChecking is yes.`,
        { details },
      );
    if (strictness === 'ask') {
      await ask(
        {
          kind: 'hostKey',
          message: verdict.isCertified
            ? `${this.#name} is vouched for by a certificate authority, but shows a plain key. Is it the host you mean?`
            : `${this.#name} has not been seen before. Is it the host you mean?`,
          fingerprint: `${type} ${fingerprint}`,
          fields: [],
        },
        signal,
      );
    }
    await this.#known.add(this.#name, key, this.#target.hashKnownHosts);
  }
}
