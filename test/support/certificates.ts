/** TLS certificates of a test's own. */
import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';

/** An authority, and a server's and a client's certificate of it, made by openssl as Docker's manual does. */
export function makeCertificates(into: string, name: string): void {
  const openssl = (...args: string[]): void =>
    void execFileSync('openssl', args, { cwd: into, stdio: 'ignore' });
  const subject = ['-subj', `/CN=${name}`];
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes'];
  openssl(
    'req',
    '-x509',
    ...key,
    '-keyout',
    'ca-key.pem',
    '-out',
    'ca.pem',
    '-days',
    '2',
    ...subject,
  );
  writeFileSync(
    join(into, 'server.ext'),
    'subjectAltName=IP:127.0.0.1\nextendedKeyUsage=serverAuth\n',
  );
  writeFileSync(join(into, 'client.ext'), 'extendedKeyUsage=clientAuth\n');
  for (const role of ['server', 'client']) {
    openssl(
      'req',
      ...key,
      '-keyout',
      `${role}-key.pem`,
      '-out',
      `${role}.csr`,
      '-subj',
      `/CN=${role}`,
    );
    const signer = ['-CA', 'ca.pem', '-CAkey', 'ca-key.pem', '-CAcreateserial'];
    openssl(
      'x509',
      '-req',
      '-in',
      `${role}.csr`,
      ...signer,
      '-out',
      `${role}.pem`,
      '-days',
      '2',
      '-extfile',
      `${role}.ext`,
    );
  }
}
