/**
 * ssh2 knows no host certificates. It needs little to take one: to be allowed to ask for it, and
 * to check the exchange's signature with the key inside while the exchange's hash is over the
 * whole certificate (RFC 4253 8, PROTOCOL.certkeys). Both are grafted on here, on the version that
 * package-lock.json pins; test/integration/ssh-conditions.test.ts holds it to a real sshd.
 */
import { createRequire } from 'node:module';
import type { Client } from 'ssh2';
import { CERTIFICATE_ALGORITHMS, parseHostCertificate } from './host-certificate.ts';
import { keyTypeOf } from './known-hosts.ts';

interface Ssh2Constants {
  readonly SUPPORTED_SERVER_HOST_KEY: string[];
}

interface KeyExchange {
  readonly negotiated: { serverHostKey: string };
}

const { SUPPORTED_SERVER_HOST_KEY } = createRequire(import.meta.url)(
  'ssh2/lib/protocol/constants.js',
) as Ssh2Constants;
for (const name of CERTIFICATE_ALGORITHMS)
  if (!SUPPORTED_SERVER_HOST_KEY.includes(name)) SUPPORTED_SERVER_HOST_KEY.push(name);

/**
 * To be called when the host verifier is, before it waits for anything: when `shown` is a certificate, the
 * exchange goes on with the key inside it. Whether that is to be trusted is the verifier's to say.
 */
export function offerKeyInside(client: Client, shown: Buffer): void {
  const key = parseHostCertificate(shown)?.key;
  if (!key) return;
  const { _protocol: protocol } = client as unknown as { _protocol: { _kex: KeyExchange } };
  const exchange = protocol._kex;
  exchange.negotiated.serverHostKey = keyTypeOf(key);
  // The first to read is the exchange's hash, which is over what was sent; the others check the signature.
  let next: Buffer | undefined = shown;
  Object.defineProperty(exchange, '_hostKey', {
    get: () => {
      const value = next;
      if (next) next = key;
      return value;
    },
    set: (value: undefined) => {
      next = value;
    },
  });
}
