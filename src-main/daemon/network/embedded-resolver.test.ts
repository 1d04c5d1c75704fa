/** The name server of containers on user networks, asked through the C library as programs do. */
import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { NetworkRoom, type TestSandbox } from '../../../test/support/network-room.ts';

let room: NetworkRoom;

afterEach(() => room[Symbol.asyncDispose]());

/** The address the C library finds; '' without. */
async function lookUp(from: TestSandbox, name: string, ...env: string[]): Promise<string> {
  const { code, text } = await from.run('env', ...env, 'getent', 'ahostsv4', name);
  return code === 0 ? (text.split(/\s+/)[0] ?? '') : '';
}

const onNet = { networkMode: 'net' } as const;

describe('a container on a user network', () => {
  it('finds others by name, alias, short id, hostname and with the network, over UDP and TCP', async () => {
    room = await NetworkRoom.open();
    await room.network('net');
    const asker = await room.sandbox('asker', onNet);
    const web = await room.sandbox('web', {
      ...onNet,
      hostname: 'webhost',
      endpoints: { net: { Aliases: ['www'] } },
    });
    expect(web.state.networks['net']?.Aliases).toEqual(['www', web.id.slice(0, 12), 'webhost']);
    expect(readFileSync(asker.state.resolvConfPath, 'utf8')).toMatch(
      /^nameserver 127\.0\.0\.11\noptions .*ndots:0\n$/m,
    );
    for (const name of ['web', 'WEB', 'web.net', 'www', 'www.net', web.id.slice(0, 12), 'webhost'])
      expect([name, await lookUp(asker, name)]).toEqual([name, web.address()]);
    expect(await lookUp(asker, 'web', 'RES_OPTIONS=use-vc')).toBe(web.address());
    const reverse = await asker.run('getent', 'hosts', web.address());
    expect(reverse.text).toContain('web.net');
    await room.controller.releaseSandbox(web.id);
    expect(await lookUp(asker, 'web')).toBe('');
  });

  it('gets all containers that share an alias', async () => {
    room = await NetworkRoom.open();
    await room.network('net');
    const asker = await room.sandbox('asker', onNet);
    const shared = { ...onNet, endpoints: { net: { Aliases: ['pool'] } } };
    const members = [await room.sandbox('one', shared), await room.sandbox('two', shared)];
    const { text } = await asker.run('getent', 'ahostsv4', 'pool');
    for (const member of members) expect(text).toContain(member.address());
  });

  it('sees links as names of its own', async () => {
    room = await NetworkRoom.open();
    await room.network('net');
    const db = await room.sandbox('db', onNet);
    const linked = await room.sandbox('linked', {
      ...onNet,
      endpoints: { net: { Links: ['db:database'] } },
    });
    expect(await lookUp(linked, 'database')).toBe(db.address());
    expect(await lookUp(db, 'database')).toBe('');
  });

  it('finds nothing of networks it is not on, until it joins them', async () => {
    room = await NetworkRoom.open();
    await room.network('net');
    await room.network('other');
    const asker = await room.sandbox('asker', onNet);
    const there = await room.sandbox('there', { networkMode: 'other' });
    const plain = await room.sandbox('plain');
    expect(await lookUp(asker, 'there')).toBe('');
    await room.connect('other', asker);
    expect(await lookUp(asker, 'there')).toBe(there.address());
    await room.disconnect('other', asker);
    expect(await lookUp(asker, 'there')).toBe('');
    await room.connect('other', plain);
    expect(await lookUp(plain, 'there')).toBe(there.address());
    await room.disconnect('other', plain);
    expect(await lookUp(plain, 'there')).toBe('');
  });

  it('has other names asked upstream, from its own namespace', async () => {
    room = await NetworkRoom.open();
    await room.network('net');
    const upstream = await room.sandbox('upstream', onNet);
    using _server = await upstream.serve('dns', 53, 'far.example=203.0.113.5');
    using _tcp = await upstream.serve('dnsTcp', 53, 'far.example=203.0.113.6');
    const asker = await room.sandbox('asker', { ...onNet, dns: [upstream.address()] });
    expect(await lookUp(asker, 'far.example')).toBe('203.0.113.5');
    expect(await lookUp(asker, 'far.example', 'RES_OPTIONS=use-vc')).toBe('203.0.113.6');
    expect(await lookUp(asker, 'nowhere.example')).toBe('');
  });

  it('may listen on port 53 itself', async () => {
    room = await NetworkRoom.open();
    await room.network('net');
    const a = await room.sandbox('a', onNet);
    using _udp = await a.serve('udp', 53, 'mine');
    using _tcp = await a.serve('tcp', 53, 'mine');
    expect(await lookUp(a, 'a')).toBe(a.address());
  });

  it('is told at once that a name server cannot be reached', async () => {
    room = await NetworkRoom.open();
    await room.network('net', { Internal: true });
    const asker = await room.sandbox('asker', { ...onNet, dns: ['203.0.113.53'] });
    const start = Date.now();
    expect(await lookUp(asker, 'far.example')).toBe('');
    expect(Date.now() - start).toBeLessThan(3000);
  });
});

it('leaves the rules of the container alone', async () => {
  room = await NetworkRoom.open();
  await room.network('net');
  const a = await room.sandbox('a', onNet);
  const rules = execFileSync('nsenter', [`--net=${a.state.key}`, 'nft', 'list', 'tables']);
  expect(rules.toString().trim()).toBe('table ip windlass');
});
