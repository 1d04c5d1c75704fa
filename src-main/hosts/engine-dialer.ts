/** How to reach an engine: one stream a request, over whatever lies between. */
import { readFile } from 'node:fs/promises';
import { connect as connectSocket } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';

export interface EngineDialer extends Disposable {
  /** What `DOCKER_HOST` must be to reach it from a terminal of this machine. */
  readonly dockerHost: string;
  /** A new stream to the engine. Throws what a person can be told. */
  open(signal: AbortSignal): Promise<Duplex>;
}

function whenConnected(socket: Duplex, event: 'connect' | 'secureConnect'): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.once(event, () => {
      socket.off('error', reject);
      resolve(socket);
    });
  });
}

/** An engine behind a socket of this machine. */
export const socketDialer = (path: string): EngineDialer => ({
  dockerHost: `unix://${path}`,
  open: (signal) => whenConnected(connectSocket({ path, signal, allowHalfOpen: true }), 'connect'),
  [Symbol.dispose]: () => undefined,
});

export interface TcpOptions {
  readonly host: string;
  readonly port: number;
  /** PEM files; undefined: plain TCP. */
  readonly tls?:
    | {
        readonly ca?: string | undefined;
        readonly cert?: string | undefined;
        readonly key?: string | undefined;
        /** Set by contexts that skip the check of the server's certificate. */
        readonly isUnverified?: boolean | undefined;
      }
    | undefined;
}

const maybeRead = (path: string | undefined): Promise<Buffer | undefined> =>
  path === undefined ? Promise.resolve(undefined) : readFile(path);

/** An engine on a TCP port, with TLS and a client certificate where named. */
export const tcpDialer = ({ host, port, tls }: TcpOptions): EngineDialer => ({
  dockerHost: `tcp://${host.includes(':') ? `[${host}]` : host}:${port}`,
  open: async (signal) => {
    if (!tls) {
      const socket = connectSocket({ host, port, signal, allowHalfOpen: true, noDelay: true });
      return whenConnected(socket, 'connect');
    }
    // Read each time: certificates are renewed without telling us.
    const [ca, cert, key] = await Promise.all([tls.ca, tls.cert, tls.key].map(maybeRead));
    // Node takes allowHalfOpen here, its types do not.
    const options = {
      host,
      port,
      ...(ca && { ca }),
      ...(cert && { cert }),
      ...(key && { key }),
      rejectUnauthorized: !tls.isUnverified,
      allowHalfOpen: true,
    };
    const socket = connectTls(options);
    signal.addEventListener('abort', () => socket.destroy(), { once: true });
    return whenConnected(socket, 'secureConnect');
  },
  [Symbol.dispose]: () => undefined,
});
