/**
 * Holds a published port on the host and forwards what the rules do not translate: connections from this
 * machine. While it listens nobody else can take the port (moby cmd/docker-proxy).
 */
import { createSocket, type Socket as UdpSocket } from 'node:dgram';
import { connect, createServer, type Server, type Socket } from 'node:net';
import { pipeline } from 'node:stream';

export interface ProxyRequest {
  readonly protocol: 'tcp' | 'udp';
  readonly hostIp: string;
  readonly hostPort: number;
  readonly containerIp: string;
  readonly containerPort: number;
}

/** A client that has been silent this long is forgotten. */
const UDP_IDLE_MS = 90_000;

/** Listens; rejects with Node's error (EADDRINUSE, EADDRNOTAVAIL, EACCES). */
export function openProxy(request: ProxyRequest): Promise<AsyncDisposable> {
  return request.protocol === 'tcp' ? openTcp(request) : openUdp(request);
}

function openTcp(request: ProxyRequest): Promise<AsyncDisposable> {
  const connections = new Set<Socket>();
  const server: Server = createServer({ allowHalfOpen: true }, (client) => {
    const upstream = connect({
      host: request.containerIp,
      port: request.containerPort,
      allowHalfOpen: true,
    });
    for (const socket of [client, upstream]) {
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
  });
  const { promise, resolve, reject } = Promise.withResolvers<AsyncDisposable>();
  server.once('error', reject);
  server.listen({ host: request.hostIp, port: request.hostPort }, () => {
    server.unref();
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

function openUdp(request: ProxyRequest): Promise<AsyncDisposable> {
  const server = createSocket('udp4');
  const clients = new Map<string, { socket: UdpSocket; timer: NodeJS.Timeout }>();
  const upstreamFor = (address: string, port: number): UdpSocket => {
    const key = `${address}:${port}`;
    const known = clients.get(key);
    if (known) {
      known.timer.refresh();
      return known.socket;
    }
    const socket = createSocket('udp4');
    const forget = (): void => {
      if (clients.delete(key)) socket.close();
    };
    socket.on('message', (message) => server.send(message, port, address));
    socket.on('error', forget);
    clients.set(key, { socket, timer: setTimeout(forget, UDP_IDLE_MS).unref() });
    return socket;
  };
  server.on('message', (message, from) =>
    upstreamFor(from.address, from.port).send(message, request.containerPort, request.containerIp),
  );
  const { promise, resolve, reject } = Promise.withResolvers<AsyncDisposable>();
  server.once('error', reject);
  server.bind({ address: request.hostIp, port: request.hostPort }, () => {
    server.unref();
    resolve({
      [Symbol.asyncDispose]: async () => {
        for (const { socket, timer } of clients.values()) {
          clearTimeout(timer);
          socket.close();
        }
        clients.clear();
        server.close();
      },
    });
  });
  return promise;
}
