import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { matchesPatternList } from './pattern-list.ts';
import { readSshConfigText } from './ssh-config-text.ts';
import { parseDestination, resolveSshTarget } from './ssh-target.ts';

const CONFIG = `
# before any block
ServerAliveInterval 7
Include included/*.conf

Host plain
  HostName plain.example.org
  Port 2201
  User ann

Host *.internal !secret.internal
  ProxyJump gate
  User inside

Host gate
  HostName=10.0.0.1
  ProxyCommand none

Host "quoted name" second
  HostName %h.example.net
  IdentityFile ~/.ssh/first
  IdentityFile "~/.ssh/with space"
  IdentitiesOnly yes

Host command
  ProxyCommand nc -x proxy:1080 %h %p
  ProxyJump ignored

Match host plain.example.org user ann
  HostKeyAlias ann-at-plain

Match originalhost matched exec "test %n = matched"
  Port 2299

Match exec "false" host *
  Port 1

Match !host plain.example.org,gate
  Compression yes
  ConnectTimeout 2m

Host Upper.CASE
  hostname UPPER.example.org

Host chain
  ProxyJump one,two@three:44,ssh://four:55

Host *
  User everyone
  UserKnownHostsFile ~/.ssh/kh1 ~/.ssh/kh2
  StrictHostKeyChecking accept-new
  HashKnownHosts yes
`;

let directory: string;
let text: string;
let file: string;

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), 'windlass-sshconfig-'));
  file = join(directory, 'config');
  mkdirSync(join(directory, 'included'));
  writeFileSync(join(directory, 'included/a.conf'), 'Host a\n  Port 10\n');
  writeFileSync(join(directory, 'included/b.conf'), 'Host b\n  Port 20\n  User bee\n');
  // ssh -F takes relative includes from ~/.ssh: absolute, so that both read the same files.
  writeFileSync(file, CONFIG.replace('included/', `${directory}/included/`), { mode: 0o600 });
  text = readSshConfigText({ user: file, system: '/nonexistent' });
});
afterAll(() => rmSync(directory, { recursive: true }));

/** What OpenSSH itself makes of it. */
function openSsh(host: string): Map<string, string[]> {
  const options = new Map<string, string[]>();
  const answer = execFileSync('ssh', ['-G', '-F', file, host], {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
  });
  for (const line of answer.split('\n')) {
    const [name = '', ...rest] = line.split(' ');
    options.set(name, [...(options.get(name) ?? []), rest.join(' ')]);
  }
  return options;
}

const expandHome = (path: string): string => path.replace(/^~/, homedir());

describe('ssh_config', () => {
  it.each([
    'plain',
    'a',
    'b',
    'db.internal',
    'secret.internal',
    'gate',
    'second',
    'command',
    'matched',
    'Upper.CASE',
    'nothing.of.it',
  ])('is resolved for %s as OpenSSH resolves it', (host) => {
    const theirs = openSsh(host);
    const first = (name: string): string | undefined => theirs.get(name)?.[0];
    const ours = resolveSshTarget({ alias: host }, text);
    expect({
      hostname: ours.hostName.toLowerCase(),
      port: String(ours.port),
      user: ours.user,
      serveraliveinterval: String(ours.serverAliveInterval),
      hostkeyalias: ours.hostKeyAlias,
      identitiesonly: ours.identitiesOnly ? 'yes' : 'no',
      proxyjump: ours.proxyJump.map(({ alias }) => alias).join(',') || undefined,
      hashknownhosts: ours.hashKnownHosts ? 'yes' : 'no',
      userknownhostsfile: ours.userKnownHostsFiles,
    }).toEqual({
      hostname: first('hostname')?.toLowerCase(),
      port: first('port'),
      user: first('user'),
      serveraliveinterval: first('serveraliveinterval'),
      hostkeyalias: first('hostkeyalias'),
      identitiesonly: first('identitiesonly'),
      proxyjump: first('proxyjump'),
      hashknownhosts: first('hashknownhosts'),
      userknownhostsfile: first('userknownhostsfile')?.split(' ').map(expandHome),
    });
    if (ours.isIdentityChosen)
      expect(ours.identityFiles).toEqual(theirs.get('identityfile')?.map(expandHome));
  });

  it('expands the tokens of a ProxyCommand and the times of a timeout', () => {
    expect(resolveSshTarget({ alias: 'command', port: 2022 }, text)).toMatchObject({
      proxyCommand: 'nc -x proxy:1080 command 2022',
      proxyJump: [],
      connectTimeout: 120,
    });
  });

  it('reads chains of jumps', () => {
    expect(resolveSshTarget({ alias: 'chain' }, text).proxyJump).toEqual([
      { alias: 'one', user: undefined, port: undefined },
      { alias: 'three', user: 'two', port: 44 },
      { alias: 'four', user: undefined, port: 55 },
    ]);
  });

  it('lets the destination rule the file out', () => {
    expect(resolveSshTarget({ alias: 'plain', user: 'bob', port: 9 }, text)).toMatchObject({
      hostName: 'plain.example.org',
      user: 'bob',
      port: 9,
    });
  });

  it('does not follow includes in circles', () => {
    const round = join(directory, 'round');
    writeFileSync(round, `Include ${round}\n`);
    expect(() => readSshConfigText({ user: round, system: '/nonexistent' })).toThrow(
      'more than 16 levels',
    );
  });
});

describe('destinations', () => {
  it.each([
    ['host', { alias: 'host' }],
    ['ann@host:2222', { alias: 'host', user: 'ann', port: 2222 }],
    ['ssh://ann@host:2222/', { alias: 'host', user: 'ann', port: 2222 }],
    ['ann@[fe80::1]:22', { alias: 'fe80::1', user: 'ann', port: 22 }],
    ['::1', { alias: '::1' }],
  ])('reads %s', (given, expected) => {
    expect(parseDestination(given)).toEqual({ user: undefined, port: undefined, ...expected });
  });

  it.each(['', '-oProxyCommand=x', 'a b', 'host:0', 'host:70000', '-x@host', 'host/path'])(
    'refuses "%s"',
    (given) => expect(() => parseDestination(given)).toThrow(),
  );
});

describe('pattern lists', () => {
  it.each([
    ['*.example.org', 'a.example.org', true],
    ['*.example.org,!b.example.org', 'b.example.org', false],
    ['192.168.0.?', '192.168.0.7', true],
    ['192.168.0.?', '192.168.0.77', false],
    ['[host]:22', '[host]:22', true],
    ['a.b', 'axb', false],
  ])('%s against %s', (list, name, isMatched) => {
    expect(matchesPatternList(list, name)).toBe(isMatched);
  });
});
