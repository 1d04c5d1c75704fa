/** A port of a far host on loopback of this machine, for as long as somebody wants it. */
import { once } from 'node:events';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { pipeline } from 'node:stream/promises';
import type { SshHost } from './ssh/ssh-host.ts';

export interface ForwardTarget {
  /** As the far host sees it; mostly 127.0.0.1. */
  readonly address: string;
  readonly port: number;
}

/**
 * Listens on a free port of 127.0.0.1, the far port's own number when that is free, tells it, and passes
 * connections on until the signal. A connection the far side refuses is closed.
 */
export async function* forwardPort(
  host: SshHost,
  target: ForwardTarget,
  signal: AbortSignal,
): AsyncGenerator<{ readonly port: number }> {
  const open = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    open.add(socket);
    socket.once('close', () => open.delete(socket));
    void carry(host, target, socket);
  });
  try {
    yield { port: await listen(server, target.port) };
    if (!signal.aborted) await once(signal, 'abort');
  } finally {
    server.close();
    for (const socket of open) socket.destroy();
  }
}

async function listen(server: ReturnType<typeof createServer>, wished: number): Promise<number> {
  for (const port of [wished, 0]) {
    try {
      server.listen(port, '127.0.0.1');
      await once(server, 'listening');
      return (server.address() as AddressInfo).port;
    } catch (error) {
      // Taken, or not for ordinary users: any other will do.
      if (port === 0) throw error;
    }
  }
  return 0;
}

async function carry(
  host: SshHost,
  { address, port }: ForwardTarget,
  socket: Socket,
): Promise<void> {
  try {
    const far = await host.openTcp(address, port);
    await Promise.all([pipeline(socket, far), pipeline(far, socket)]);
  } catch {
    // Either side hung up, or nothing listens there: closing says it.
    socket.destroy();
  }
}
