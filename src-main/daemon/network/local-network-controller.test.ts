/** Sandboxes on the default bridge and on user networks, in real network namespaces. */
import { readFileSync } from 'node:fs';
import { afterEach, describe, expect, it } from 'vitest';
import { fetchTcp, NetworkRoom } from '../../../test/support/network-room.ts';

let room: NetworkRoom;

// It throws when a link, a mount, a table or a namespace stays.
afterEach(() => room[Symbol.asyncDispose]());

describe('createSandbox', () => {
  it('gives addresses, a route, and connectivity on the default bridge', async () => {
    room = await NetworkRoom.open();
    const a = await room.sandbox('a');
    const b = await room.sandbox('b');
    expect(a.state.networks['bridge']).toMatchObject({
      IPAddress: `${room.subnet}.2`,
      IPPrefixLen: 24,
      Gateway: `${room.subnet}.1`,
      MacAddress: expect.stringMatching(/^02:42:64:/),
      Aliases: null,
    });
    expect(b.address()).toBe(`${room.subnet}.3`);
    using _server = await b.serve('tcp', 80, 'b says');
    expect(await fetchTcp(a, b.address(), 80)).toBe(`b says ${a.address()}`);
    expect((await a.run('ip', '-o', 'addr')).text).not.toContain('inet6');
    expect((await a.run('ip', 'route')).text).toContain(`default via ${room.subnet}.1 dev eth0`);
    expect((await a.run('ip', '-o', 'link', 'show', 'lo')).text).toContain('UP');
  });

  it('tells of connects and disconnects once each', async () => {
    room = await NetworkRoom.open();
    const a = await room.sandbox('a');
    await room.controller.releaseSandbox(a.id);
    await room.controller.releaseSandbox(a.id);
    expect(room.events).toEqual([
      { action: 'connect', network: 'bridge', containerId: a.id },
      { action: 'disconnect', network: 'bridge', containerId: a.id },
    ]);
  });

  it('writes the three files', async () => {
    room = await NetworkRoom.open();
    const a = await room.sandbox('a', {
      hostname: 'lookout.example.com',
      extraHosts: ['harbour:10.1.2.3', 'gate:host-gateway'],
      dns: ['10.9.9.9'],
      dnsSearch: ['example.org'],
      dnsOptions: ['timeout:1'],
    });
    expect(readFileSync(a.state.hostsPath, 'utf8').split('\n').slice(-4, -1)).toEqual([
      '10.1.2.3\tharbour',
      `${room.subnet}.1\tgate`,
      `${a.address()}\tlookout.example.com lookout`,
    ]);
    expect(readFileSync(a.state.hostnamePath, 'utf8')).toBe('lookout.example.com\n');
    expect(readFileSync(a.state.resolvConfPath, 'utf8')).toBe(
      'search example.org\nnameserver 10.9.9.9\noptions timeout:1\n',
    );
  });

  it('shares the host on the host network and is alone on none', async () => {
    room = await NetworkRoom.open();
    const host = await room.sandbox('host', { networkMode: 'host' });
    expect(host.state).toMatchObject({ key: '', ports: {} });
    expect(Object.keys(host.state.networks)).toEqual(['host']);
    expect(readFileSync(host.state.hostsPath, 'utf8')).toBe(readFileSync('/etc/hosts', 'utf8'));
    const none = await room.sandbox('none', { networkMode: 'none', exposedPorts: ['80/tcp'] });
    expect(none.state.ports).toEqual({});
    expect((await none.run('ip', '-o', 'link')).text.split('\n')).toHaveLength(1);
    await room.controller.releaseSandbox(host.id);
  });

  it('gives a loopback only where there is no default bridge', async () => {
    room = await NetworkRoom.open({ bridge: 'none' });
    const a = await room.sandbox('a', { exposedPorts: ['80/tcp'], publishAllPorts: true });
    expect(a.state).toMatchObject({ networks: {}, ports: {} });
    expect((await a.run('ip', '-o', 'link')).text).toMatch(/^1: lo:.*$/);
  });

  it('gives each of many at once its own address', async () => {
    room = await NetworkRoom.open();
    const all = await Promise.all(Array.from({ length: 20 }, (_, at) => room.sandbox(`c${at}`)));
    expect(new Set(all.map((one) => one.address())).size).toBe(20);
  });

  it('leaves nothing when it fails, and the address is free again', async () => {
    room = await NetworkRoom.open();
    const id = await room.network('net', {
      IPAM: { Config: [{ Subnet: `${room.pool}.0/30` }] },
    });
    const request = room.request('a', {
      networkMode: 'net',
      portBindings: { '80/tcp': [{ HostIp: '203.0.113.9', HostPort: '' }] },
    });
    for (let tries = 0; tries < 3; tries++)
      await expect(room.create(request)).rejects.toThrow(
        /driver failed programming external connectivity on endpoint a \([0-9a-f]{64}\): .* listen tcp4 203.0.113.9:\d+: bind: cannot assign requested address/,
      );
    expect(await room.controller.inspect(id, { verbose: false, scope: '' })).toMatchObject({
      Containers: {},
    });
    await room.sandbox('b', { networkMode: 'net' });
    await expect(room.sandbox('c', { networkMode: 'net' })).rejects.toThrow(
      `no available IPv4 addresses on this network's address pools: net (${id})`,
    );
  });

  it('takes fixed addresses and MACs on user networks only', async () => {
    room = await NetworkRoom.open();
    await room.network('fixed', { IPAM: { Config: [{ Subnet: `${room.pool}.0/24` }] } });
    await room.network('free');
    const at = (address: string) => ({ IPAMConfig: { IPv4Address: address } });
    const a = await room.sandbox('a', {
      networkMode: 'fixed',
      endpoints: { fixed: at(`${room.pool}.77`) },
      macAddress: '02:00:00:00:00:07',
    });
    expect(a.state.networks['fixed']).toMatchObject({
      IPAddress: `${room.pool}.77`,
      MacAddress: '02:00:00:00:00:07',
    });
    expect((await a.run('ip', '-o', 'link', 'show', 'eth0')).text).toContain('02:00:00:00:00:07');
    const asking = (network: string, address: string) =>
      room.sandbox('b', { networkMode: network, endpoints: { [network]: at(address) } });
    await expect(asking('fixed', `${room.pool}.77`)).rejects.toThrow('Address already in use');
    await expect(asking('fixed', '192.0.2.77')).rejects.toThrow(
      "Invalid address 192.0.2.77: It does not belong to any of this network's subnets",
    );
    await expect(asking('fixed', 'nowhere')).rejects.toThrow('Invalid IPv4 address: nowhere)');
    await expect(asking('free', '192.0.2.77')).rejects.toThrow(
      'user specified IP address is supported only when connecting to networks with user configured subnets',
    );
    await expect(asking('bridge', '192.0.2.77')).rejects.toThrow(
      'user specified IP address is supported on user defined networks only',
    );
  });
});

describe('connect and disconnect', () => {
  it('plug a running container in and out', async () => {
    room = await NetworkRoom.open();
    await room.network('aft');
    await room.network('zed');
    const a = await room.sandbox('a');
    const b = await room.sandbox('b', { networkMode: 'zed' });
    await room.connect('zed', a);
    await expect(room.connect('zed', a)).rejects.toThrow(
      'endpoint with name a already exists in network zed',
    );
    using _server = await b.serve('tcp', 80, 'b says');
    expect(await fetchTcp(a, 'b', 80)).toBe(`b says ${a.address('zed')}`);
    expect((await a.run('ip', 'route')).text).toContain(`default via ${room.subnet}.1 dev eth0`);
    expect(readFileSync(a.state.hostsPath, 'utf8')).toContain(`${a.address('zed')}\t`);
    // Its name sorts before "bridge": the way out moves there, and back.
    await room.connect('aft', a);
    expect((await a.run('ip', 'route')).text).toContain(
      `default via ${a.state.networks['aft']?.Gateway} dev eth2`,
    );
    await room.disconnect('aft', a);
    expect((await a.run('ip', 'route')).text).toContain(`default via ${room.subnet}.1 dev eth0`);
    const gone = a.address('zed');
    await room.disconnect('zed', a);
    expect(Object.keys(a.state.networks)).toEqual(['bridge']);
    expect(readFileSync(a.state.hostsPath, 'utf8')).not.toContain(gone);
    expect((await a.run('ip', '-o', 'link')).text.split('\n')).toHaveLength(2);
    await expect(room.disconnect('zed', a)).rejects.toThrow(
      `container ${a.id} is not connected to network zed`,
    );
  });

  it('keep the published ports when the first network goes', async () => {
    room = await NetworkRoom.open();
    await room.network('net');
    const a = await room.sandbox('a', {
      portBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] },
    });
    using _server = await a.serve('tcp', 80, 'still');
    const port = Number(a.state.ports['80/tcp']?.[0]?.HostPort);
    await room.connect('net', a);
    await room.disconnect('bridge', a);
    expect(await fetchTcp(undefined, '127.0.0.1', port)).toMatch(/^still/);
    await room.connect('bridge', a);
    expect(await fetchTcp(undefined, '127.0.0.1', port)).toMatch(/^still/);
  });

  it('do not mix the host network or none with others', async () => {
    room = await NetworkRoom.open();
    await room.network('net');
    const a = await room.sandbox('a');
    const none = await room.sandbox('none', { networkMode: 'none' });
    await expect(room.connect('host', a)).rejects.toThrow(
      'container cannot be disconnected from host network or connected to host network',
    );
    await expect(room.connect('net', none)).rejects.toThrow(
      'container cannot be connected to multiple networks with one of the networks in private (none) mode',
    );
    expect(await room.controller.connect('net', 'f'.repeat(64), {})).toBeUndefined();
  });
});

describe('restoreSandbox and sweep', () => {
  it('take over what runs and remove what does not', async () => {
    room = await NetworkRoom.open();
    await room.network('net');
    const a = await room.sandbox('a', {
      networkMode: 'net',
      portBindings: { '80/tcp': [{ HostIp: '', HostPort: '' }] },
    });
    const b = await room.sandbox('b', { networkMode: 'net' });
    const lost = await room.sandbox('lost');
    using _server = await a.serve('tcp', 80, 'alive');
    await room.controller.shutdown({ keepSandboxes: true });
    await room.start();
    await room.controller.restoreSandbox(a.request, a.state);
    await room.controller.restoreSandbox(b.request, b.state);
    expect(await room.controller.sweep(new Set([a.id, b.id]))).toEqual([lost.state.key]);
    const port = Number(a.state.ports['80/tcp']?.[0]?.HostPort);
    expect(await fetchTcp(undefined, '127.0.0.1', port)).toMatch(/^alive/);
    expect(await fetchTcp(b, 'a', 80)).toBe(`alive ${b.address()}`);
    const c = await room.sandbox('c', { networkMode: 'net' });
    expect([a.address(), b.address()]).not.toContain(c.address());
    await room.connect('bridge', a);
    expect((await a.run('ip', '-o', 'link')).text).toContain('eth1');
    await expect(room.sandbox('d', { portBindings: a.state.ports })).rejects.toThrow(
      `Bind for 0.0.0.0:${port} failed: port is already allocated`,
    );
  });

  it('follow a rename', async () => {
    room = await NetworkRoom.open();
    await room.network('net');
    const a = await room.sandbox('a', { networkMode: 'net' });
    const b = await room.sandbox('b', { networkMode: 'net' });
    await room.controller.rename(a.id, 'renamed');
    expect((await b.run('getent', 'hosts', 'renamed')).text).toContain(a.address());
    expect((await b.run('getent', 'hosts', 'a')).code).not.toBe(0);
    expect(await room.controller.inspect('net', { verbose: false, scope: '' })).toMatchObject({
      Containers: { [a.id]: { Name: 'renamed', IPv4Address: `${a.address()}/24` } },
    });
  });
});
