/**
 * The name server of one container, listening in its network namespace (moby libnetwork resolver.go):
 * names of its networks are answered here, everything else is asked upstream.
 */

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { closeSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { inNamespace } from '../platform/net-namespace.ts';
import { redirectLocal } from '../platform/netlink-nftables.ts';
import { openBoundSocket } from '../platform/socket.ts';
import {
  answerFacts,
  buildAnswer,
  DNS_CODE,
  DNS_TYPE,
  type DnsQuery,
  type DnsRecord,
  encodeName,
  parseQuery,
} from './dns-message.ts';
import { bytesOfIp, type IpFamily, parseIp } from './ip-address.ts';
import { type NameTable, resolveName, resolvePointer } from './name-table.ts';
import { RESOLVER_ADDRESS } from './resolv-conf.ts';
import type { ResolverSandbox } from './resolver-calls.ts';
import { askUpstream, splitTcp, tcpFrame } from './upstream-query.ts';

const DNS_PORT = 53;
const TTL_SECONDS = 600;
const MAX_UPSTREAMS = 3;
/** Questions under way upstream; more are refused, so that one container cannot eat all descriptors. */
const MAX_FORWARDED = 1024;
const TCP_IDLE_MS = 8000;
const NFT_TABLE = 'windlass';

interface Listeners {
  readonly udp: UdpSocket;
  readonly tcp: Server;
}

export class SandboxResolver implements AsyncDisposable {
  readonly #table: NameTable;
  readonly #listeners: Listeners;
  readonly #connections = new Set<Socket>();
  #sandbox: ResolverSandbox;
  #forwarded = 0;

  private constructor(table: NameTable, sandbox: ResolverSandbox, listeners: Listeners) {
    this.#table = table;
    this.#sandbox = sandbox;
    this.#listeners = listeners;
  }

  /** Listens on free ports, to which the container's questions are redirected. */
  static async open(table: NameTable, sandbox: ResolverSandbox): Promise<SandboxResolver> {
    const fds = openSockets(sandbox);
    const udp = createSocket('udp4');
    const tcp = createServer();
    const resolver = new SandboxResolver(table, sandbox, { udp, tcp });
    udp.on('message', (message, { address, port }) =>
      resolver.#serve(message, 'udp', (answer) => udp.send(answer, port, address)),
    );
    tcp.on('connection', (socket) => resolver.#serveTcp(socket));
    await Promise.all([
      listening(udp, () => udp.bind({ fd: fds.udp })),
      listening(tcp, () => tcp.listen({ fd: fds.tcp })),
    ]);
    return resolver;
  }

  update(sandbox: ResolverSandbox): void {
    this.#sandbox = sandbox;
  }

  #serveTcp(socket: Socket): void {
    this.#connections.add(socket);
    let received: Buffer = Buffer.alloc(0);
    socket.setTimeout(TCP_IDLE_MS, () => socket.destroy());
    // The container hung up; there is nobody to tell.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#connections.delete(socket));
    socket.on('data', (chunk) => {
      const { messages, rest } = splitTcp(Buffer.concat([received, chunk]));
      received = rest;
      for (const message of messages)
        this.#serve(message, 'tcp', (answer) => socket.write(tcpFrame(answer)));
    });
  }

  #serve(message: Buffer, protocol: 'tcp' | 'udp', reply: (answer: Buffer) => void): void {
    const query = parseQuery(message);
    if (!query) return;
    const maxBytes = protocol === 'udp' ? query.udpBytes : undefined;
    const records = this.#answer(query);
    if (records)
      return reply(
        buildAnswer(query, {
          records,
          ttlSeconds: TTL_SECONDS,
          ...(maxBytes === undefined ? {} : { maxBytes }),
        }),
      );
    void this.#forward(query, message, protocol).then(reply);
  }

  /** Undefined: somebody else's name. */
  #answer({ name, type }: DnsQuery): readonly DnsRecord[] | undefined {
    const { networks, isNdotsSet } = this.#sandbox;
    if (type === DNS_TYPE.ptr) {
      const found = resolvePointer(this.#table, networks, name);
      return found === undefined ? undefined : [{ type, data: encodeName(found) }];
    }
    const family: IpFamily = type === DNS_TYPE.aaaa ? 6 : 4;
    const addresses = resolveName(this.#table, networks, { name, family });
    const isAddressQuery = type === DNS_TYPE.a || type === DNS_TYPE.aaaa;
    // Whatever else is asked of a container's name: it exists and has no such record.
    if (addresses && !isAddressQuery) return [];
    if (addresses)
      return shuffled(addresses).map((text) => ({ type, data: bytesOfIp(parseIp(text)) }));
    return isAddressQuery && isNdotsSet && !name.includes('.') ? [] : undefined;
  }

  async #forward(query: DnsQuery, message: Buffer, protocol: 'tcp' | 'udp'): Promise<Buffer> {
    const failure = buildAnswer(query, { code: DNS_CODE.serverFailure });
    if (this.#forwarded >= MAX_FORWARDED) return failure;
    this.#forwarded++;
    try {
      return (await this.#askAll(query, message, protocol)) ?? failure;
    } finally {
      this.#forwarded--;
    }
  }

  /** One server after the other, until one knows. */
  async #askAll(
    { question }: DnsQuery,
    message: Buffer,
    protocol: 'tcp' | 'udp',
  ): Promise<Buffer | undefined> {
    const { upstreams, path } = this.#sandbox;
    let last: Buffer | undefined;
    for (const upstream of upstreams.slice(0, MAX_UPSTREAMS)) {
      try {
        last = await askUpstream({ protocol, upstream, path, message, question });
      } catch {
        // Not reachable or silent: the next one is asked, and without any the client is told.
        continue;
      }
      const { code, isAuthoritative } = answerFacts(last);
      if (code === DNS_CODE.noError || (code === DNS_CODE.nameError && isAuthoritative)) break;
    }
    return last;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#connections) socket.destroy();
    const { udp, tcp } = this.#listeners;
    await Promise.all([
      new Promise<void>((resolve) => udp.close(resolve)),
      new Promise<void>((resolve) => tcp.close(() => resolve())),
    ]);
  }
}

/** In the container's namespace: both sockets, and the redirects to them. */
function openSockets({ path, replaces }: ResolverSandbox): { udp: number; tcp: number } {
  return inNamespace(path, () => {
    const opened: number[] = [];
    try {
      const udp = openBoundSocket('udp', RESOLVER_ADDRESS);
      opened.push(udp.fd);
      const tcp = openBoundSocket('tcp', RESOLVER_ADDRESS);
      opened.push(tcp.fd);
      const address = bytesOfIp(parseIp(RESOLVER_ADDRESS));
      const redirects = [
        { protocol: 'udp', address, port: DNS_PORT, toPort: udp.port } as const,
        { protocol: 'tcp', address, port: DNS_PORT, toPort: tcp.port } as const,
      ];
      redirectLocal(NFT_TABLE, redirects, { replaces });
      return { udp: udp.fd, tcp: tcp.fd };
    } catch (error) {
      for (const fd of opened) closeSync(fd);
      throw error;
    }
  });
}

function listening(socket: UdpSocket | Server, start: () => void): Promise<void> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once('listening', () => {
      socket.off('error', reject);
      // An answer to a client that is gone; the others are served on.
      socket.on('error', () => undefined);
      resolve();
    });
    start();
  });
}

function shuffled<T>(items: readonly T[]): readonly T[] {
  return items
    .map((item) => ({ item, order: Math.random() }))
    .sort((a, b) => a.order - b.order)
    .map(({ item }) => item);
}
