import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { fingerprintOf, KnownHosts, keyTypeOf, knownHostName } from './known-hosts.ts';

let directory: string;
let file: string;
let key: Buffer;
let other: Buffer;
let rsa: Buffer;

function makeKey(name: string, type: string): Buffer {
  const path = join(directory, name);
  execFileSync('ssh-keygen', ['-q', '-t', type, '-N', '', '-f', path]);
  return Buffer.from(readFileSync(`${path}.pub`, 'utf8').split(' ')[1] ?? '', 'base64');
}

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'windlass-known-'));
  file = join(directory, 'ssh/known_hosts');
  key = makeKey('key', 'ed25519');
  other = makeKey('other', 'ed25519');
  rsa = makeKey('rsa', 'rsa');
});
afterAll(() => rmSync(directory, { recursive: true }));
beforeEach(() => rmSync(join(directory, 'ssh'), { recursive: true, force: true }));

const line = (hosts: string, of: Buffer): string =>
  `${hosts} ${keyTypeOf(of)} ${of.toString('base64')}`;

/** The verdict on `key` for host.example port 22 with these lines written down. */
function verdict(lines: readonly string[], name = 'host.example') {
  const path = join(directory, 'given');
  writeFileSync(path, `${lines.join('\n')}\n`);
  return new KnownHosts([path]).check(name, key);
}

describe('known_hosts', () => {
  it('knows a host by name, by list, by wildcard, by port', () => {
    for (const hosts of ['host.example', 'a,host.example,b', '*.example', 'host.exampl?'])
      expect(verdict([line(hosts, key)])).toEqual({ kind: 'known' });
    expect(verdict([line('[host.example]:2222', key)], '[host.example]:2222').kind).toBe('known');
    expect(verdict([line('[host.example]:2222', key)]).kind).toBe('unknown');
    expect(verdict([line('*.example,!host.example', key)]).kind).toBe('unknown');
    expect(knownHostName('h', 22)).toBe('h');
    expect(knownHostName('h', 2222)).toBe('[h]:2222');
    expect(knownHostName('h', 2222, 'alias')).toBe('alias');
  });

  it('tells where a changed key stands, whatever type shows up', () => {
    expect(verdict(['# a comment', '', line('host.example', other)])).toEqual({
      kind: 'changed',
      file: join(directory, 'given'),
      line: 3,
    });
    expect(verdict([line('host.example', rsa)])).toMatchObject({ kind: 'changed', line: 1 });
    expect(verdict([line('host.example', other), line('host.example', key)]).kind).toBe('known');
  });

  it('honours revocation above all, and tells of certificate authorities', () => {
    const lines = [line('host.example', key), line('@revoked *', key)];
    expect(verdict(lines)).toMatchObject({ kind: 'revoked', line: 2 });
    expect(verdict([line('@cert-authority *.example', other)])).toEqual({
      kind: 'unknown',
      isCertified: true,
    });
  });

  it('writes keys that OpenSSH finds again, hashed or not, after a file without a last newline', async () => {
    const known = new KnownHosts([file]);
    await known.add('[host.example]:2222', key, false);
    writeFileSync(file, readFileSync(file, 'utf8').trimEnd());
    await known.add('hashed.example', key, true);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(join(directory, 'ssh')).mode & 0o777).toBe(0o700);
    expect(readFileSync(file, 'utf8')).not.toContain('hashed.example');
    for (const name of ['[host.example]:2222', 'hashed.example']) {
      expect(known.check(name, key)).toEqual({ kind: 'known' });
      expect(known.knownTypes(name)).toEqual(['ssh-ed25519']);
      const found = execFileSync('ssh-keygen', ['-F', name, '-f', file], { encoding: 'utf8' });
      expect(found).toContain(key.toString('base64'));
    }
  });

  it('reads what ssh-keygen hashed', () => {
    const path = join(directory, 'hashed');
    writeFileSync(path, `${line('host.example', key)}\n`);
    execFileSync('ssh-keygen', ['-H', '-f', path], { stdio: 'ignore' });
    expect(readFileSync(path, 'utf8')).toMatch(/^\|1\|/);
    expect(new KnownHosts([path]).check('host.example', key)).toEqual({ kind: 'known' });
    expect(new KnownHosts([path]).check('host.example', other)).toMatchObject({ kind: 'changed' });
  });

  it('prints fingerprints as ssh-keygen does', () => {
    const printed = execFileSync('ssh-keygen', ['-lf', join(directory, 'key.pub')], {
      encoding: 'utf8',
    });
    expect(printed.split(' ')[1]).toBe(fingerprintOf(key));
  });
});
