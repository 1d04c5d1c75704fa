import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTlsRegistry, type TlsRegistry } from '../../../test/support/guarded-registry.ts';
import { type EndpointTls, registryTls } from './registry-tls.ts';

let registry: TlsRegistry;
beforeAll(async () => {
  registry = await startTlsRegistry();
}, 60_000);
afterAll(() => registry[Symbol.asyncDispose]());

const statusWith = ({ ca, ...tls }: EndpointTls): Promise<number | undefined> =>
  new Promise((resolve, reject) => {
    const options = { ...tls, ...(ca ? { ca: [...ca] } : {}), agent: false as const };
    request(`${registry.url}/v2/`, options, (response) => {
      response.resume();
      resolve(response.statusCode);
    })
      .on('error', reject)
      .end();
  });

it('trusts what certs.d holds for the host, and shows the certificate beside it', async () => {
  const { host, certsDirectory } = registry;
  const known = await registryTls(host, false, [certsDirectory]);
  expect(await statusWith(known)).toBe(200);
  const unknown = await registryTls('elsewhere', false, [certsDirectory]);
  await expect(statusWith(unknown)).rejects.toThrow(/self-signed certificate/);
});

it('takes any authority of an insecure registry', async () => {
  const { host, certsDirectory } = registry;
  const tls = await registryTls(host, true, ['/no/such/directory', certsDirectory]);
  expect(tls).toMatchObject({ rejectUnauthorized: false });
  expect(await statusWith(tls)).toBe(200);
});

it('keeps the authorities of the machine beside those of certs.d', async () => {
  const { ca = [] } = await registryTls(registry.host, false, [registry.certsDirectory]);
  const { ca: machine = [] } = await registryTls('elsewhere', false, []);
  expect(ca).toHaveLength(machine.length + 1);
  expect(machine.length).toBeGreaterThan(10);
});

it.each([
  ['half.cert', 'missing key half.key for client certificate half.cert.'],
  ['half.key', 'missing client certificate half.cert for key half.key'],
])('refuses a lone %s', async (name, words) => {
  const directory = await mkdtemp(join(tmpdir(), 'windlass-certs-'));
  try {
    await mkdir(join(directory, 'host'));
    await writeFile(join(directory, 'host', name), '');
    await expect(registryTls('host', false, [directory])).rejects.toThrow(words);
  } finally {
    await rm(directory, { recursive: true });
  }
});
