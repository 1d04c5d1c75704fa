/**
 * Holds a published port on the host and forwards what the rules do not translate: connections from this
 * machine to itself, between containers through the host, and all of IPv6. While it listens nobody else
 * can take the port (moby cmd/docker-proxy).
 */

import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { closeSync } from 'node:fs';
import { connect, createServer, isIPv6, type Socket } from 'node:net';
import { pipeline } from 'node:stream';
import { openListener } from '../platform/socket.ts';

export interface ProxyRequest {
  /** SCTP is only held, whatever `forwards` says: there are no such sockets in Node. */
  readonly protocol: 'tcp' | 'udp' | 'sctp';
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerIp: string;
  readonly containerPort: number;
  /** False: only hold the port, the rules translate everything. */
  readonly forwards: boolean;
}

/** A client that has been silent this long is forgotten. */
const UDP_IDLE_MS = 90_000;

/** Listens; rejects with an errno's code (EADDRINUSE, EADDRNOTAVAIL, EACCES, EPROTONOSUPPORT). */
export async function openProxy(request: ProxyRequest): Promise<AsyncDisposable> {
  switch (request.protocol) {
    case 'tcp':
      return openTcp(request);
    case 'udp':
      return openUdp(request);
    case 'sctp': {
      const fd = openListener('sctp', request.hostIp, request.hostPort);
      return { [Symbol.asyncDispose]: async () => closeSync(fd) };
    }
  }
}

function openTcp(request: ProxyRequest): Promise<AsyncDisposable> {
  const connections = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (client) => {
    if (request.forwards) join(client, request, connections);
    else client.destroy();
  });
  const { promise, resolve, reject } = Promise.withResolvers<AsyncDisposable>();
  server.once('error', reject);
  server.listen({ host: request.hostIp, port: request.hostPort, ipv6Only: true }, () => {
    resolve({
      [Symbol.asyncDispose]: () =>
        new Promise((closed) => {
          for (const socket of connections) socket.destroy();
          server.close(() => closed());
        }),
    });
  });
  return promise;
}

/** Bytes and half-closes pass both ways. */
function join(client: Socket, request: ProxyRequest, connections: Set<Socket>): void {
  const { containerIp: host, containerPort: port } = request;
  const upstream = connect({ host, port, allowHalfOpen: true });
  for (const socket of [client, upstream]) {
    socket.setNoDelay(true);
    connections.add(socket);
    socket.once('close', () => connections.delete(socket));
  }
  // A refused or broken side ends the other; there is nobody to tell.
  const endBoth = (error: Error | null | undefined): void => {
    if (!error) return;
    client.destroy();
    upstream.destroy();
  };
  pipeline(client, upstream, endBoth);
  pipeline(upstream, client, endBoth);
}

/** One socket to the container for each client, so that answers find their way back. */
class UdpClients {
  readonly #server: UdpSocket;
  readonly #request: ProxyRequest;
  readonly #clients = new Map<string, { socket: UdpSocket; timer: NodeJS.Timeout }>();

  constructor(server: UdpSocket, request: ProxyRequest) {
    this.#server = server;
    this.#request = request;
  }

  forward(message: Buffer, address: string, port: number): void {
    const { containerIp, containerPort } = this.#request;
    this.#socketFor(address, port).send(message, containerPort, containerIp);
  }

  #socketFor(address: string, port: number): UdpSocket {
    const key = `${address} ${port}`;
    const known = this.#clients.get(key);
    if (known) {
      known.timer.refresh();
      return known.socket;
    }
    const { containerIp, containerPort } = this.#request;
    const socket = createSocket(isIPv6(containerIp) ? 'udp6' : 'udp4');
    const forget = (): void => {
      if (this.#clients.delete(key)) socket.close();
    };
    socket.on('message', (message, from) => {
      if (from.address === containerIp && from.port === containerPort)
        this.#server.send(message, port, address);
    });
    socket.on('error', forget);
    this.#clients.set(key, { socket, timer: setTimeout(forget, UDP_IDLE_MS).unref() });
    return socket;
  }

  close(): void {
    for (const { socket, timer } of this.#clients.values()) {
      clearTimeout(timer);
      socket.close();
    }
    this.#clients.clear();
  }
}

function openUdp(request: ProxyRequest): Promise<AsyncDisposable> {
  const type = isIPv6(request.hostIp) ? 'udp6' : 'udp4';
  const server = createSocket({ type, ipv6Only: type === 'udp6' });
  const clients = new UdpClients(server, request);
  server.on('message', (message, from) => {
    if (request.forwards) clients.forward(message, from.address, from.port);
  });
  const { promise, resolve, reject } = Promise.withResolvers<AsyncDisposable>();
  server.once('error', reject);
  server.bind({ address: request.hostIp, port: request.hostPort, exclusive: true }, () => {
    server.off('error', reject);
    // A client that went away (ECONNREFUSED); the others stay.
    server.on('error', () => undefined);
    resolve({
      [Symbol.asyncDispose]: () =>
        new Promise((closed) => {
          clients.close();
          server.close(() => closed());
        }),
    });
  });
  return promise;
}
