import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { socketDialer } from '../../hosts/engine-dialer.ts';
import type { Host } from '../../hosts/host-book.ts';
import { DockerConfig } from './docker-config.ts';
import { RegistryLogins } from './registry-logins.ts';
import { registryOfRequest } from './registry-name.ts';
import { keychainVault, memoryVault } from './secret-vault.ts';

let directory: string;
let host: Host;
const PATH = process.env['PATH'] ?? '';
const closing = new AsyncDisposableStack();

/** A credential program of a few lines: a file a registry. */
const HELPER = `#!/bin/sh
cd "$(dirname "$0")/kept" || exit 1
name() { tr -c 'a-zA-Z0-9\\n' _; }
case $1 in
  store) input=$(cat); file=$(echo "$input" | sed 's/.*"ServerURL":"\\([^"]*\\)".*/\\1/' | name); echo "$input" > "$file" ;;
  get) file=$(name); [ -f "$file" ] || { echo "credentials not found in native keychain"; exit 1; }; cat "$file" ;;
  erase) rm -f "$(name)" ;;
  list) sep='{'; for f in *; do [ -f "$f" ] || continue; printf '%s' "$sep"; sed 's/.*"ServerURL":"\\([^"]*\\)","Username":"\\([^"]*\\)".*/"\\1":"\\2"/' "$f" | tr -d '\\n'; sep=','; done; [ "$sep" = '{' ] && printf '{'; printf '}' ;;
esac
`;

const configure = (config: object): DockerConfig => {
  writeFileSync(join(directory, 'config.json'), JSON.stringify(config));
  return new DockerConfig({ DOCKER_CONFIG: directory });
};
const authOf = async (logins: RegistryLogins, image: string): Promise<unknown> => {
  const path = `/images/create?fromImage=${encodeURIComponent(image)}`;
  const { 'X-Registry-Auth': header } = await logins.headersFor('POST', path);
  return header && JSON.parse(Buffer.from(header, 'base64url').toString());
};

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), 'windlass-registries-'));
  closing.defer(() => rmSync(directory, { recursive: true }));
  mkdirSync(join(directory, 'kept'));
  writeFileSync(join(directory, 'docker-credential-shed'), HELPER);
  chmodSync(join(directory, 'docker-credential-shed'), 0o755);
  process.env['PATH'] = `${directory}${delimiter}${PATH}`;
  // An engine that believes everybody.
  const server = createServer((_request, response) => response.end('{"Status":"Login Succeeded"}'));
  const path = join(directory, 'engine.sock');
  await new Promise<void>((resolve) => server.listen(path, resolve));
  closing.defer(() => void server.close());
  host = { id: 'one', name: 'one', kind: 'socket', dialer: socketDialer(path) };
});
afterAll(async () => {
  process.env['PATH'] = PATH;
  await closing.disposeAsync();
});

describe('logins to registries', () => {
  it('are found for what pulls, pushes and looks, by the registry of the image', () => {
    const asked = (method: string, path: string) => registryOfRequest(method, path);
    expect(asked('POST', '/images/create?fromImage=busybox&tag=1')).toBe('docker.io');
    expect(asked('POST', '/images/create?fromImage=ghcr.io%2Fa%2Fb')).toBe('ghcr.io');
    expect(asked('POST', '/images/localhost%3A5000%2Fa/push?tag=1')).toBe('localhost:5000');
    expect(asked('GET', '/distribution/me/app/json')).toBe('docker.io');
    expect(asked('GET', '/images/json')).toBeUndefined();
    expect(asked('POST', '/images/create?fromSrc=-')).toBeUndefined();
  });

  it('are kept by the credential program that is set up, and erased there', async () => {
    const config = configure({ credHelpers: { 'harbour.example': 'shed' } });
    const logins = new RegistryLogins(memoryVault, config);
    const asked = { address: 'https://harbour.example/v2/', username: 'me', password: 'pass' };
    await logins.login(host, asked);
    expect(readFileSync(join(directory, 'kept/harbour_example'), 'utf8')).toContain('"pass"');
    expect(await logins.list()).toEqual([
      { address: 'harbour.example', username: 'me', keeper: 'helper', helper: 'shed' },
    ]);
    expect(await authOf(logins, 'harbour.example/app')).toMatchObject({
      username: 'me',
      password: 'pass',
    });
    await logins.logout('harbour.example');
    expect(await logins.list()).toEqual([]);
    expect(await authOf(logins, 'harbour.example/app')).toBeUndefined();
  });

  it('lie behind the keychain where there is one, and open with it only', async () => {
    const flip = (bytes: Buffer): Buffer => Buffer.from(bytes.map((byte) => byte ^ 0x5a));
    const storage = {
      isEncryptionAvailable: () => true,
      encryptString: (text: string) => flip(Buffer.from(text)),
      decryptString: (bytes: Buffer) => flip(bytes).toString(),
    };
    const path = join(directory, 'registries.bin');
    const open = () =>
      new RegistryLogins(() => keychainVault(storage, path), configure({ auths: {} }));
    await open().login(host, { address: 'ghcr.io', username: 'me', password: 'geheim-ü' });
    expect(readFileSync(path, 'latin1')).not.toContain('geheim');
    expect(await open().list()).toEqual([
      { address: 'ghcr.io', username: 'me', keeper: 'keychain' },
    ]);
    expect(await authOf(open(), 'ghcr.io/me/app')).toMatchObject({ password: 'geheim-ü' });
    const basic = { ...storage, getSelectedStorageBackend: () => 'basic_text' };
    expect(keychainVault(basic, path).kind).toBe('memory');
  });
});
