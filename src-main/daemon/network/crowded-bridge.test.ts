/** Connecting a container costs the same however many are on the bridge: counted, not timed. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import { NetworkRoom } from '../../../test/support/network-room.ts';
import { NetlinkSocket } from '../platform/netlink-socket.ts';
import { WorkerClient } from '../platform/worker-client.ts';
import type { EndpointLink } from './link-calls.ts';
import { linkOperations } from './link-operations.ts';

/** More by hand. */
const CONTAINERS = Number(process.env['WINDLASS_BRIDGE_CONTAINERS'] ?? 40);
const LIMIT_MS = 60_000 + CONTAINERS * 2000;

let room: NetworkRoom;

afterEach(async () => {
  vi.restoreAllMocks();
  await room[Symbol.asyncDispose]();
});

/** Requests to the kernel and what it answered with, since the last call. */
function countNetlink(): () => number {
  let count = 0;
  const { request, dump, transaction } = NetlinkSocket.prototype;
  vi.spyOn(NetlinkSocket.prototype, 'request').mockImplementation(function (
    this: NetlinkSocket,
    message,
  ) {
    const answers = request.call(this, message);
    count += 1 + answers.length;
    return answers;
  });
  vi.spyOn(NetlinkSocket.prototype, 'dump').mockImplementation(function (
    this: NetlinkSocket,
    message,
  ) {
    const answers = dump.call(this, message);
    count += 1 + answers.length;
    return answers;
  });
  vi.spyOn(NetlinkSocket.prototype, 'transaction').mockImplementation(function (
    this: NetlinkSocket,
    messages,
  ) {
    count += messages.length;
    transaction.call(this, messages);
  });
  return () => {
    const counted = count;
    count = 0;
    return counted;
  };
}

describe(`${CONTAINERS} containers on one bridge`, () => {
  it('each asks the kernel for as much as the first', { timeout: LIMIT_MS }, async () => {
    room = await NetworkRoom.open();
    const table = `windlass_${room.hash}`;
    const taken = countNetlink();
    const costs: object[] = [];
    const paths: string[] = [];
    for (let at = 0; at < CONTAINERS; at++) {
      const link = (id: string, address: string): EndpointLink => ({
        kind: 'veth',
        bridge: room.bridge,
        hostName: `t${room.hash.slice(0, 6)}${id}${at}`,
        namePrefix: 'eth',
        mac: `02:42:64:${id}0:00:${(at % 256).toString(16).padStart(2, '0')}`,
        addresses: [`${address}/24`],
        mtu: 1500,
        isolated: false,
        hairpin: false,
      });
      const path = `${room.execRoot}/netns/crowd${at}`;
      paths.push(path);
      const first = link('1', `${room.subnet}.${2 + (at % 250)}`);
      const second = link('2', `${room.pool}.${2 + (at % 250)}`);
      const ports = [
        {
          protocol: 'tcp',
          hostIp: '0.0.0.0',
          hostPort: 20_000 + at,
          containerIp: `${room.subnet}.2`,
          containerPort: 80,
        },
      ] as const;
      linkOperations.createSandbox(path, [first], [`${room.subnet}.1`]);
      const created = taken();
      linkOperations.addEndpoint(path, second);
      const connected = taken();
      linkOperations.setGateways(path, [`${room.subnet}.1`]);
      const routed = taken();
      linkOperations.changePorts(table, { add: ports, remove: [] });
      const published = taken();
      linkOperations.removeEndpoint(path, second);
      costs.push({ created, connected, routed, published, disconnected: taken() });
    }
    expect(costs).toEqual(costs.map(() => costs[0]));
    for (const path of paths) linkOperations.dropSandbox(path);
  });

  it('each gives the workers as many orders as the first', { timeout: LIMIT_MS }, async () => {
    room = await NetworkRoom.open();
    await room.network('crowd', { IPAM: { Config: [{ Subnet: `${room.pool}.0/24` }] } });
    await room.network('second');
    const orders = vi.spyOn(WorkerClient.prototype, 'call');
    const names = (): readonly string[] => {
      const called = orders.mock.calls.map(([name]) => name).toSorted();
      orders.mockClear();
      // A look at the rules after they changed comes in its own time.
      return called.filter((name) => name !== 'countRules');
    };
    const given: object[] = [];
    for (let at = 0; at < Math.min(CONTAINERS, 250); at++) {
      const box = await room.sandbox(`c${at}`, {
        networkMode: 'crowd',
        portBindings: { '80/tcp': [{ HostIp: '127.0.0.1', HostPort: '' }] },
      });
      const start = names();
      await room.connect('second', box);
      const connect = names();
      await room.disconnect('second', box);
      given.push({ start, connect, disconnect: names() });
    }
    expect(given).toEqual(given.map(() => given[0]));
  });
});
