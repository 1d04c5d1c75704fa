/** Published ports and the rules around them, with real traffic. */
import { execFileSync } from 'node:child_process';
import { createSocket } from 'node:dgram';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';
import { afterEach, describe, expect, it } from 'vitest';
import { fetchTcp, fetchUdp, NetworkRoom, Outside } from '../../../test/support/network-room.ts';
import type { PortMap } from './network-controller.ts';

let room: NetworkRoom;

afterEach(() => room[Symbol.asyncDispose]());

const ANY = [{ HostIp: '', HostPort: '' }];
const portOf = (ports: PortMap, port = '80/tcp'): number => Number(ports[port]?.[0]?.HostPort);
const hostAddress = (): string =>
  Object.values(networkInterfaces())
    .flat()
    .find((one) => one?.family === 'IPv4' && !one.internal)?.address ?? '';

describe('a published TCP port', () => {
  it('is reached from the host, from outside, from itself and from other networks', async () => {
    room = await NetworkRoom.open();
    await room.network('net');
    const web = await room.sandbox('web', { portBindings: { '80/tcp': ANY } });
    const beside = await room.sandbox('beside');
    const elsewhere = await room.sandbox('elsewhere', { networkMode: 'net' });
    using outside = await Outside.open();
    using _server = await web.serve('tcp', 80, 'web');
    const port = portOf(web.state.ports);
    expect(web.state.ports).toEqual({
      '80/tcp': [
        { HostIp: '0.0.0.0', HostPort: `${port}` },
        { HostIp: '::', HostPort: `${port}` },
      ],
    });
    expect(await fetchTcp(undefined, '127.0.0.1', port)).toMatch(/^web/);
    expect(await fetchTcp(undefined, '::1', port)).toMatch(/^web/);
    expect(await fetchTcp(undefined, hostAddress(), port)).toMatch(/^web/);
    expect(await fetchTcp(beside, `${room.subnet}.1`, port)).toMatch(/^web/);
    expect(await fetchTcp(web, `${room.subnet}.1`, port)).toMatch(/^web/);
    expect(await fetchTcp(elsewhere, hostAddress(), port)).toMatch(/^web/);
    // From outside it is translated, not proxied: the container sees who asks.
    expect(await outside.fetchTcp(outside.hostAddress, port)).toBe(`web ${outside.address}`);
    await room.controller.releaseSandbox(web.id);
    expect(await fetchTcp(undefined, '127.0.0.1', port)).toBe('');
    expect(await outside.fetchTcp(outside.hostAddress, port)).toBe('');
  });

  it('is the only way in from outside; the way out is behind the address of the host', async () => {
    room = await NetworkRoom.open();
    const web = await room.sandbox('web', { portBindings: { '80/tcp': ANY } });
    using outside = await Outside.open(`${room.subnet}.0/24`);
    using _open = await web.serve('tcp', 80, 'open');
    using _closed = await web.serve('tcp', 81, 'closed');
    using _there = await outside.serve('tcp', 80, 'there');
    expect(await outside.fetchTcp(web.address(), 81)).toBe('');
    expect(await fetchTcp(web, outside.address, 80)).toBe(`there ${outside.hostAddress}`);
  });

  it('on one address is on no other', async () => {
    room = await NetworkRoom.open();
    const web = await room.sandbox('web', {
      portBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] },
    });
    using _server = await web.serve('tcp', 80, 'web');
    const port = portOf(web.state.ports);
    expect(web.state.ports['80/tcp']).toEqual([{ HostIp: '127.0.0.1', HostPort: `${port}` }]);
    expect(await fetchTcp(undefined, '127.0.0.1', port)).toMatch(/^web/);
    expect(await fetchTcp(undefined, hostAddress(), port)).toBe('');
  });

  it('of an IPv6 network is reached over both families, also on one address alone', async () => {
    room = await NetworkRoom.open();
    const subnets = [{ Subnet: `${room.pool}.0/24` }, { Subnet: 'fd00:71::/64' }];
    await room.network('six', { EnableIPv6: true, IPAM: { Config: subnets } });
    const web = await room.sandbox('web', {
      networkMode: 'six',
      portBindings: { '80/tcp': ANY, '81/tcp': [{ HostIp: '::1', HostPort: '' }] },
    });
    using _both = await web.serve('tcp', 80, 'web');
    using _alone = await web.serve('tcp', 81, 'alone');
    const port = portOf(web.state.ports);
    const alone = portOf(web.state.ports, '81/tcp');
    expect(await fetchTcp(undefined, '127.0.0.1', port)).toMatch(/^web \d/);
    // To the container's own IPv6 address, not by way of the other family.
    expect(await fetchTcp(undefined, '::1', port)).toBe('web fd00:71::1');
    expect(await fetchTcp(undefined, '::1', alone)).toBe('alone fd00:71::1');
    expect(await fetchTcp(undefined, '127.0.0.1', alone)).toBe('');
  });

  it('passes half-closes and large bodies both ways', async () => {
    room = await NetworkRoom.open();
    const web = await room.sandbox('web', { portBindings: { '80/tcp': ANY } });
    using _server = await web.serve('echo', 80, '');
    const script = `import socket,sys,threading,hashlib
s=socket.create_connection(('127.0.0.1',int(sys.argv[1])),5)
data=b'windlass '*1000000
def send():
  s.sendall(data); s.shutdown(socket.SHUT_WR)
t=threading.Thread(target=send); t.start()
got=b''
while True:
  part=s.recv(1<<16)
  if not part: break
  got+=part
print(got==data)`;
    const port = String(portOf(web.state.ports));
    expect(execFileSync('python3', ['-c', script, port]).toString().trim()).toBe('True');
  });
});

describe('a published UDP port', () => {
  it('is reached, also by a client that was there before the container changed', async () => {
    room = await NetworkRoom.open();
    const bindings = (port: string): PortMap => ({ '53/udp': [{ HostIp: '', HostPort: port }] });
    const first = await room.sandbox('first', { portBindings: bindings('') });
    const port = portOf(first.state.ports, '53/udp');
    using _one = await first.serve('udp', 53, 'first');
    expect(await fetchUdp('127.0.0.1', port)).toBe('first hi');
    expect(await fetchUdp(hostAddress(), port, 45_321)).toBe('first hi');
    await room.controller.releaseSandbox(first.id);
    const second = await room.sandbox('second', { portBindings: bindings(`${port}`) });
    using _two = await second.serve('udp', 53, 'second');
    expect(await fetchUdp(hostAddress(), port, 45_321)).toBe('second hi');
  });
});

describe('choosing a port', () => {
  it("refuses a taken one in Docker's words", async () => {
    room = await NetworkRoom.open();
    const web = await room.sandbox('web', { portBindings: { '80/tcp': ANY } });
    const port = portOf(web.state.ports);
    await expect(
      room.sandbox('again', { portBindings: { '80/tcp': [{ HostIp: '', HostPort: `${port}` }] } }),
    ).rejects.toThrow(`Bind for 0.0.0.0:${port} failed: port is already allocated`);
    const foreign = createServer().listen(0, '0.0.0.0');
    await new Promise((resolve) => foreign.once('listening', resolve));
    const { port: held } = foreign.address() as { port: number };
    await expect(
      room.sandbox('again', { portBindings: { '80/tcp': [{ HostIp: '', HostPort: `${held}` }] } }),
    ).rejects.toThrow(
      `Error starting userland proxy: listen tcp4 0.0.0.0:${held}: bind: address already in use`,
    );
    foreign.close();
    const udp = createSocket('udp4');
    await new Promise<void>((resolve) => udp.bind(held, resolve));
    await expect(
      room.sandbox('again', { portBindings: { '80/udp': [{ HostIp: '', HostPort: `${held}` }] } }),
    ).rejects.toThrow(`listen udp4 0.0.0.0:${held}: bind: address already in use`);
    udp.close();
  });

  it('holds a published port against other processes', async () => {
    room = await NetworkRoom.open();
    const web = await room.sandbox('web', { portBindings: { '80/tcp': ANY } });
    const server = createServer().listen(portOf(web.state.ports), '0.0.0.0');
    const error = await new Promise<NodeJS.ErrnoException>((resolve) =>
      server.once('error', resolve),
    );
    expect(error.code).toBe('EADDRINUSE');
  });

  it('takes the first free one of a range, random ones, and all exposed ones with -P', async () => {
    room = await NetworkRoom.open();
    const range = [{ HostIp: '127.0.0.1', HostPort: '28000-28001' }];
    const ports: number[] = [];
    for (const name of ['a', 'b'])
      ports.push(
        portOf((await room.sandbox(name, { portBindings: { '80/tcp': range } })).state.ports),
      );
    expect(ports.toSorted((a, b) => a - b)).toEqual([28_000, 28_001]);
    await expect(room.sandbox('c', { portBindings: { '80/tcp': range } })).rejects.toThrow(
      'all ports are allocated',
    );
    const all = await room.sandbox('all', {
      exposedPorts: ['80/tcp', '53/udp'],
      publishAllPorts: true,
    });
    expect(portOf(all.state.ports)).toBeGreaterThanOrEqual(49_153);
    expect(portOf(all.state.ports, '53/udp')).toBeGreaterThanOrEqual(49_153);
    const exposed = await room.sandbox('exposed', { exposedPorts: ['80/tcp'] });
    expect(exposed.state.ports).toEqual({ '80/tcp': null });
  });
});

describe('without the userland proxy', () => {
  it('the rules translate loopback and hairpin too', async () => {
    room = await NetworkRoom.open({ userlandProxy: false });
    const web = await room.sandbox('web', { portBindings: { '80/tcp': ANY } });
    const beside = await room.sandbox('beside');
    using _server = await web.serve('tcp', 80, 'web');
    const port = portOf(web.state.ports);
    expect(web.state.ports['80/tcp']).toEqual([{ HostIp: '0.0.0.0', HostPort: `${port}` }]);
    expect(await fetchTcp(undefined, '127.0.0.1', port)).toMatch(/^web/);
    expect(await fetchTcp(undefined, hostAddress(), port)).toMatch(/^web/);
    expect(await fetchTcp(beside, `${room.subnet}.1`, port)).toMatch(/^web/);
    expect(await fetchTcp(web, `${room.subnet}.1`, port)).toMatch(/^web/);
  });
});

describe('networks', () => {
  it('are apart from each other, and an internal one from the world', async () => {
    room = await NetworkRoom.open();
    await room.network('net');
    await room.network('inner', { Internal: true });
    const a = await room.sandbox('a');
    const b = await room.sandbox('b', { networkMode: 'net' });
    const c = await room.sandbox('c', { networkMode: 'inner', portBindings: { '80/tcp': ANY } });
    const d = await room.sandbox('d', { networkMode: 'inner' });
    using outside = await Outside.open();
    using _b = await b.serve('tcp', 80, 'b');
    using _c = await c.serve('tcp', 80, 'c');
    using _there = await outside.serve('tcp', 80, 'there');
    expect(await fetchTcp(a, b.address(), 80)).toBe('');
    expect(await fetchTcp(b, outside.address, 80)).not.toBe('');
    expect(await fetchTcp(d, c.address(), 80)).toBe(`c ${d.address()}`);
    expect(await fetchTcp(d, outside.address, 80)).toBe('');
    expect(c.state.networks['inner']?.Gateway).toBe('');
  });

  it('keep their containers apart with icc off', async () => {
    room = await NetworkRoom.open({ icc: false });
    const a = await room.sandbox('a', { portBindings: { '80/tcp': ANY } });
    const b = await room.sandbox('b');
    using _server = await a.serve('tcp', 80, 'a');
    expect(await fetchTcp(b, a.address(), 80)).toBe('');
    expect(await fetchTcp(undefined, a.address(), 80)).toBe(`a ${room.subnet}.1`);
    expect(await fetchTcp(b, `${room.subnet}.1`, portOf(a.state.ports))).toMatch(/^a/);
  });

  it('come back with their ports after somebody flushed our table', async () => {
    room = await NetworkRoom.open();
    const a = await room.sandbox('a', { portBindings: { '80/tcp': ANY } });
    execFileSync('nft', ['delete', 'table', 'ip', `windlass_${room.hash}`]);
    await room.sandbox('b', { portBindings: { '80/tcp': ANY } });
    const rules = execFileSync('nft', ['list', 'table', 'ip', `windlass_${room.hash}`]).toString();
    expect(rules).toContain(`tcp . ${portOf(a.state.ports)} : ${a.address()} . 80`);
    expect(rules).toContain('masquerade');
  });

  it('have no rules with iptables off', async () => {
    room = await NetworkRoom.open({ iptables: false });
    const a = await room.sandbox('a', { portBindings: { '80/tcp': ANY } });
    using _server = await a.serve('tcp', 80, 'a');
    expect(execFileSync('nft', ['list', 'tables']).toString()).not.toContain(room.hash);
    expect(await fetchTcp(undefined, '127.0.0.1', portOf(a.state.ports))).toMatch(/^a/);
  });
});
